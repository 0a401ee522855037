#include "problems/batch_file.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>

namespace foldconv::tool {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxNesting = 16;

struct Word {
  std::string text;
  int line = 0;
};

std::vector<Word> split_into_words(std::istream& in) {
  std::vector<Word> words;
  bool continues = false;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    std::istringstream rest(line);
    for (std::string text; rest >> text;) {
      if (text.front() == '#') break;
      const bool continued_by_next = text.back() == '\\';
      if (continued_by_next) text.pop_back();
      if (continues && !words.empty()) {
        words.back().text += text;
      } else if (!text.empty()) {
        words.push_back({text, number});
      }
      continues = continued_by_next;
    }
  }
  return words;
}

class Reader {
 public:
  Reader(const fs::path& shipped, ProblemList& list) : shipped_(shipped), list_(list) {}

  Status read(const std::string& file, const fs::path& including_folder, int nesting) {
    const std::optional<fs::path> path = locate(file, including_folder);
    if (!path) {
      return {ErrorCode::invalid_argument, "no batch file `" + file + "`; give a path" +
                                               (shipped_names().empty() ? "" : ", or one of ") +
                                               shipped_names()};
    }
    if (nesting > kMaxNesting) {
      return {ErrorCode::invalid_argument,
              path->string() + ": more than " + std::to_string(kMaxNesting) +
                  " batch files inside each other; remove the --batch that includes itself"};
    }
    std::ifstream in(*path);
    for (const Word& word : split_into_words(in)) {
      const std::string place = path->string() + ":" + std::to_string(word.line) + ": ";
      Status status = word.text.starts_with("--")
                          ? option(word.text, place, path->parent_path(), nesting)
                          : problem(word.text, place);
      if (!status) return prefixed(status, place);
    }
    return {};
  }

  void note_skipped() {
    if (skipped_ == 0) return;
    list_.notes.push_back(std::to_string(skipped_) + " of the problems in a batch file " +
                          (skipped_ == 1 ? "was" : "were") + " skipped; " + first_skipped_);
  }

 private:
  static Status prefixed(const Status& status, const std::string& place) {
    // An error inside a nested file already names the place that matters.
    if (status.message().find(": descriptor `") != std::string::npos) return status;
    return {status.code(), place + status.message()};
  }

  std::optional<fs::path> locate(const std::string& file, const fs::path& including_folder) const {
    for (const fs::path& candidate :
         {including_folder / file, shipped_ / file, shipped_ / (file + ".txt")}) {
      std::error_code ignored;
      if (fs::is_regular_file(candidate, ignored)) return candidate;
    }
    return std::nullopt;
  }

  std::string shipped_names() const {
    std::set<std::string> names;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(shipped_, ignored)) {
      if (entry.path().extension() == ".txt") names.insert(entry.path().stem().string());
    }
    std::string joined;
    for (const std::string& name : names) joined += (joined.empty() ? "" : ", ") + name;
    return joined;
  }

  Status problem(const std::string& text, const std::string& place) {
    return append(parse_descriptor(text), list_.problems, place);
  }
  Status block(const std::string& text, const std::string& place) {
    return append(parse_block_descriptor(text), list_.blocks, place);
  }

  template <class Parsed>
  Status append(Result<Parsed> descriptor, std::vector<Parsed>& list, const std::string& place) {
    if (!descriptor && descriptor.status().code() == ErrorCode::unsupported) {
      skip(place, descriptor.status());
      return {};
    }
    if (!descriptor) return descriptor.status();
    if (!forward_) return {};
    if (batch_ > 0) descriptor->problem.n = batch_;
    list.push_back(std::move(*descriptor));
    return {};
  }

  void skip(const std::string& place, const Status& why) {
    if (skipped_++ == 0) first_skipped_ = place + why.message();
  }

  Status option(const std::string& text, const std::string& place, const fs::path& folder,
                int nesting) {
    const std::size_t equals = std::min(text.find('='), text.size());
    const std::string name = text.substr(0, equals);
    const std::string value = text.substr(std::min(equals + 1, text.size()));
    if (name == "--batch") return read(value, folder, nesting + 1);
    if (name == "--block") return block(value, place);
    if (name == "--reset") {
      batch_ = 0;
      forward_ = true;
    } else if (name == "--mb") {
      const char* end = value.data() + value.size();
      const auto [rest, error] = std::from_chars(value.data(), end, batch_);
      if (error != std::errc() || rest != end || batch_ < 0) {
        return {ErrorCode::invalid_argument,
                "`" + text + "` needs a number of images; 0 keeps those of the descriptors"};
      }
    } else if (name == "--dir") {
      forward_ = value.starts_with("FWD");
      if (!forward_) note(place, text, "problems under it are skipped: foldconv runs forward only");
    } else {
      note(place, name, "means nothing here and is ignored");
    }
    return {};
  }

  void note(const std::string& place, const std::string& option, const std::string& what) {
    if (noted_.insert(option).second) list_.notes.push_back(place + "`" + option + "` " + what);
  }

  const fs::path& shipped_;
  ProblemList& list_;
  std::set<std::string> noted_;  // one note an option, however often it stands there
  std::size_t skipped_ = 0;
  std::string first_skipped_;
  int batch_ = 0;
  bool forward_ = true;
};

}  // namespace

Status read_batch_file(const std::string& file, const fs::path& shipped, ProblemList& list) {
  Reader reader(shipped, list);
  Status status = reader.read(file, fs::path(), 0);
  reader.note_skipped();
  return status;
}

fs::path shipped_lists() {
  std::error_code ignored;
  const fs::path folder = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  const fs::path installed = folder / ".." / "share" / "foldconv" / "shapes";
  return fs::is_directory(installed, ignored) ? installed : folder / "shapes";
}

}  // namespace foldconv::tool
