// SPDX-License-Identifier: MIT
#include "results.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace foldconv::probes {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kKinds = {
    std::pair{Kind::exact, "exact"},
    std::pair{Kind::approximate, "approximate"},
    std::pair{Kind::tensor_core_rounding, "tensor_core_rounding"},
};

std::string kind_name(Kind kind) {
  return std::ranges::find(kKinds, kind, [](const auto& pair) { return pair.first; })->second;
}

Kind kind_of(const std::string& name) {
  const auto* const found =
      std::ranges::find(kKinds, name, [](const auto& pair) { return pair.second; });
  if (found == kKinds.end()) throw std::runtime_error("unknown kind \"" + name + "\"");
  return found->first;
}

std::string to_hex(std::uint64_t value) {
  std::array<char, 16> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, 16).ptr;
  return {text.data(), end};
}

// Sixteen words a line, without leading zeros: small, and a text that diff can read.
Json words_to_json(const Words& words) {
  Json lines = Json::array();
  for (std::size_t i = 0; i < words.size(); i += 16) {
    std::string line;
    for (std::size_t j = i; j < std::min(i + 16, words.size()); ++j) {
      if (j > i) line += ' ';
      line += to_hex(words[j]);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

Words words_from_json(const Json& lines) {
  Words words;
  for (const Json& line : lines) {
    std::istringstream text(line.get<std::string>());
    text >> std::hex;
    for (std::uint32_t word = 0; text >> word;) words.push_back(word);
    if (!text.eof()) throw std::runtime_error("a word that is not hexadecimal");
  }
  return words;
}

Json outcome_to_json(const Outcome& outcome) {
  Json j;
  j["name"] = outcome.name;
  j["group"] = outcome.group;
  j["kind"] = kind_name(outcome.kind);
  j["status"] = outcome.status;
  if (outcome.result.mismatches) j["mismatches"] = *outcome.result.mismatches;
  if (!outcome.result.notes.empty()) j["notes"] = outcome.result.notes;
  if (outcome.ok()) {
    j["count"] = outcome.result.words.size();
    j["fnv64"] = to_hex(fnv64(outcome.result.words));
    j["words"] = words_to_json(outcome.result.words);
  }
  j["timing"]["wall_ns"] = outcome.wall_ns;
  if (outcome.result.cycles != 0) j["timing"]["cycles"] = outcome.result.cycles;
  return j;
}

Outcome outcome_from_json(const Json& j) {
  Outcome outcome;
  outcome.name = j.at("name");
  outcome.group = j.at("group");
  outcome.kind = kind_of(j.at("kind"));
  outcome.status = j.at("status");
  if (j.contains("mismatches")) outcome.result.mismatches = j["mismatches"].get<std::uint32_t>();
  if (j.contains("notes")) outcome.result.notes = j["notes"].get<std::vector<std::string>>();
  if (outcome.ok()) {
    outcome.result.words = words_from_json(j.at("words"));
    if (to_hex(fnv64(outcome.result.words)) != j.at("fnv64").get<std::string>()) {
      throw std::runtime_error(outcome.name + ": the words do not have their hash");
    }
  }
  if (j.contains("timing")) {
    outcome.wall_ns = j["timing"].value("wall_ns", std::uint64_t{0});
    outcome.result.cycles = j["timing"].value("cycles", std::uint64_t{0});
  }
  return outcome;
}

Device device_from_json(const Json& j) {
  Device device;
  device.name = j.at("name");
  device.emulated = j.at("emulated");
  device.driver = j.at("driver");
  device.runtime = j.at("runtime");
  std::istringstream version(j.at("compute_capability").get<std::string>());
  char point = 0;
  if (!(version >> device.major >> point >> device.minor)) {
    throw std::runtime_error("no compute capability");
  }
  return device;
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) throw std::runtime_error("cannot read " + path.string());
  return text.str();
}

}  // namespace

namespace {

Json to_json(const Results& results) {
  Json j;
  j["format"] = "foldconv_probe 1";
  j["device"] = {{"name", results.device.name},
                 {"compute_capability", std::to_string(results.device.major) + "." +
                                            std::to_string(results.device.minor)},
                 {"emulated", results.device.emulated},
                 {"driver", results.device.driver},
                 {"runtime", results.device.runtime}};
  j["probes"] = Json::array();
  for (const Outcome& outcome : results.outcomes) j["probes"].push_back(outcome_to_json(outcome));
  return j;
}

}  // namespace

bool is_not_modelled(const std::string& status) {
  return status.starts_with("unprobed") || status.starts_with("unknown-opcode");
}

void write_json(std::ostream& out, const Results& results) {
  out << to_json(results).dump(1) << '\n';
}

std::string to_line(const Results& results) {
  return to_json(results).dump() + '\n';
}

void write_file(const std::string& path, const Results& results) {
  const std::string unfinished = path + ".unfinished";
  {
    std::ofstream file(unfinished, std::ios::binary);
    write_json(file, results);
    if (!file.flush()) throw std::runtime_error("cannot write " + unfinished);
  }
  std::filesystem::rename(unfinished, path);
}

Results read_json(const std::string& text, const std::string& origin) {
  try {
    const Json j = Json::parse(text);
    if (j.at("format") != "foldconv_probe 1") throw std::runtime_error("not of this format");
    Results results;
    results.device = device_from_json(j.at("device"));
    for (const Json& outcome : j.at("probes")) {
      results.outcomes.push_back(outcome_from_json(outcome));
    }
    return results;
  } catch (const std::exception& error) {
    throw std::runtime_error(origin + ": " + error.what());
  }
}

Results read_results(const std::string& path) {
  if (!std::filesystem::is_directory(path)) return read_json(read_text(path), path);
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  Results all;
  for (const std::filesystem::path& file : files) {
    Results results = read_json(read_text(file), file.string());
    all.device = results.device;
    std::ranges::move(results.outcomes, std::back_inserter(all.outcomes));
  }
  return all;
}

}  // namespace foldconv::probes
