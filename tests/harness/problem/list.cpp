// SPDX-License-Identifier: MIT
#include "harness/problem/list.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "harness/error.hpp"
#include "harness/files.hpp"
#include "harness/problem/text.hpp"
#include "harness/words.hpp"

namespace foldconv::harness {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostNested = 16;

class Reader {
 public:
  Reader(const fs::path& shipped, ProblemList& list) : shipped_(shipped), list_(list) {}

  void read(const std::string& file) {
    const fs::path path = locate(file);
    if (open_.size() > kMostNested) {
      bad(path.string() + ": more than " + std::to_string(kMostNested) +
          " batch files inside each other; remove the --batch that includes itself");
    }
    open_.push_back({path, 0});
    std::ifstream in(path);
    std::string line, word;
    bool continues = false;
    for (int number = 1; std::getline(in, line); ++number) {
      std::istringstream rest(line);
      for (std::string part; rest >> part && part.front() != '#';) {
        const bool joined = std::exchange(continues, part.back() == '\\');
        if (continues) part.pop_back();
        if (word.empty() || (!joined && !part.empty())) {
          if (!word.empty()) take(std::exchange(word, ""));
          open_.back().line = number;
        }
        word += part;
      }
    }
    if (!word.empty()) take(word);
    open_.pop_back();
  }

  void note_skipped() {
    if (skipped_ == 0) return;
    list_.notes.push_back(std::to_string(skipped_) + " of the problems in a batch file " +
                          (skipped_ == 1 ? "was" : "were") + " skipped; " + first_skipped_);
  }

 private:
  struct Place {
    fs::path file;
    int line = 0;

    std::string text() const { return file.string() + ":" + std::to_string(line) + ": "; }
  };

  [[noreturn]] static void bad(const std::string& what) {
    throw Error(ErrorCode::invalid_argument, what);
  }

  fs::path locate(const std::string& file) const {
    const fs::path beside = open_.empty() ? fs::path() : open_.back().file.parent_path();
    for (const fs::path& candidate : {beside / file, shipped_ / file, shipped_ / (file + ".txt")}) {
      std::error_code ignored;
      if (fs::is_regular_file(candidate, ignored)) return candidate;
    }
    const std::vector<std::string> names = list_names(shipped_);
    bad("no batch file `" + file + "`; give a path" +
        (names.empty() ? "" : ", or one of " + joined(names)) + did_you_mean(file, names));
  }

  // A descriptor or an option.
  void take(const std::string& word) {
    const Place here = open_.back();
    try {
      if (word.starts_with("--")) {
        option(word);
      } else {
        append(parse_layer, word);
      }
    } catch (const Error& error) {
      // An error inside a nested file already names the place that matters.
      const std::string message = error.what();
      if (message.find(": descriptor `") != std::string::npos) throw;
      throw Error(error.code(), here.text() + message);
    }
  }

  void option(const std::string& text) {
    const std::size_t equals = std::min(text.find('='), text.size());
    const std::string name = text.substr(0, equals);
    const std::string value = text.substr(std::min(equals + 1, text.size()));
    if (name == "--batch") {
      read(value);
    } else if (name == "--block") {
      append(parse_block, value);
    } else if (name == "--reset") {
      batch_ = 0;
      forward_ = true;
    } else if (name == "--mb") {
      const char* end = value.data() + value.size();
      const auto [rest, error] = std::from_chars(value.data(), end, batch_);
      if (error != std::errc() || rest != end || batch_ < 0) {
        bad("`" + text + "` needs a number of images; 0 keeps those of the descriptors");
      }
    } else if (name == "--dir") {
      forward_ = value.starts_with("FWD");
      if (!forward_) note(text, "problems under it are skipped: foldconv runs forward only");
    } else {
      note(name, "means nothing here and is ignored");
    }
  }

  void append(Problem (*parse)(std::string_view), const std::string& text) {
    try {
      Problem problem = parse(text);
      if (!forward_) return;
      if (batch_ > 0) set_images(problem, batch_);
      list_.problems.push_back(std::move(problem));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::unsupported) throw;
      if (skipped_++ == 0) first_skipped_ = open_.back().text() + error.what();
    }
  }

  void note(const std::string& option, const std::string& what) {
    if (!noted_.insert(option).second) return;
    list_.notes.push_back(open_.back().text() + "`" + option + "` " + what);
  }

  const fs::path& shipped_;
  ProblemList& list_;
  std::vector<Place> open_;      // files inside each other
  std::set<std::string> noted_;  // one note an option, however often it stands there
  std::size_t skipped_ = 0;
  std::string first_skipped_;
  int batch_ = 0;
  bool forward_ = true;
};

}  // namespace

void read_list(const std::string& file, const fs::path& shipped, ProblemList& list) {
  Reader reader(shipped, list);
  reader.read(file);
  reader.note_skipped();
}

fs::path shipped_lists() {
  return shipped("shapes");
}

std::vector<std::string> list_names(const fs::path& folder) {
  std::set<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".txt") names.insert(entry.path().stem().string());
  }
  return {names.begin(), names.end()};
}

std::vector<int> parse_batch_sizes(const std::string& text) {
  std::vector<int> sizes;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    int size = 0;
    const auto [rest, error] = std::from_chars(at, end, size);
    if (error != std::errc() || size < 1 || (rest != end && *rest != ',')) {
      throw Error(ErrorCode::invalid_argument,
                  "batch size " + std::to_string(sizes.size() + 1) + " of \"" + text +
                      "\" is no number from 1 to 2147483647; write e.g. 8 or 1,8,32");
    }
    sizes.push_back(size);
    if (rest == end) return sizes;
    at = rest + 1;
  }
}

void at_batch_sizes(const std::vector<int>& sizes, std::vector<Problem>& problems) {
  if (sizes.empty()) return;
  std::vector<Problem> all;
  for (const Problem& problem : problems) {
    for (const int images : sizes) {
      all.push_back(problem);
      set_images(all.back(), images);
      if (sizes.size() > 1) all.back().label += " mb" + std::to_string(images);
    }
  }
  problems = std::move(all);
}

}  // namespace foldconv::harness
