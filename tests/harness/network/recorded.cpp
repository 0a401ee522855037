// SPDX-License-Identifier: MIT
#include "harness/network/recorded.hpp"

#include <sha2.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "harness/files.hpp"

namespace foldconv::harness {
namespace {

using nlohmann::json;

std::array<float, 4> by_channel(const json& list, float rest) {
  const auto values = list.get<std::vector<float>>();
  std::array<float, 4> channels{};
  channels.fill(rest);
  std::copy_n(values.begin(), std::min(values.size(), channels.size()), channels.begin());
  return channels;
}

Recorded recorded_of(const json& record) {
  Recorded recorded{
      .model = record.at("model"),
      .model_sha256 = record.at("model_sha256"),
      .logits_name = record.at("logits_name"),
      .runtime = "onnxruntime " + record.at("versions").at("onnxruntime").get<std::string>(),
      .input = {.layout = PixelLayout::nhwc,
                .type = PixelType::u8,
                .mean = by_channel(record.at("mean"), 0),
                .scale = by_channel(record.at("scale"), 1),
                .swap_red_blue = record.at("channels").get<std::string>() == "bgr"},
      .allowed = record.at("allowed"),
      .answers = {}};
  for (const json& answer : record.at("answers")) {
    recorded.answers.push_back(
        {answer.at("input_sha256"), answer.at("logits").get<std::vector<float>>()});
  }
  return recorded;
}

template <class Make>
auto read_json(const std::filesystem::path& file, Make&& make) {
  try {
    return make(json::parse(read_file(file)));
  } catch (const json::exception& error) {
    throw Error(ErrorCode::invalid_argument,
                file.string() + ": not a record of answers: " + error.what());
  }
}

}  // namespace

const RecordedAnswer* Recorded::find(const std::string& input_sha256) const {
  const auto found = std::ranges::find(answers, input_sha256, &RecordedAnswer::input_sha256);
  return found == answers.end() ? nullptr : &*found;
}

Recorded read_recorded(const std::filesystem::path& file) {
  return read_json(file, recorded_of);
}

std::optional<Recorded> find_recorded(const std::filesystem::path& folder,
                                      const std::string& model) {
  std::error_code ignored;
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".json") files.insert(entry.path());
  }
  for (const std::filesystem::path& file : files) {
    const bool found = read_json(
        file, [&](const json& record) { return record.value("model", std::string()) == model; });
    if (found) return read_recorded(file);
  }
  return std::nullopt;
}

std::string sha256(std::string_view bytes) {
  std::array<char, SHA256_DIGEST_STRING_LENGTH> digits{};
  return SHA256Data(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(),
                    digits.data());
}

}  // namespace foldconv::harness
