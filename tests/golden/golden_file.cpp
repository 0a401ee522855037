// SPDX-License-Identifier: MIT
#include "golden/golden_file.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "kernels/support/golden.hpp"

namespace foldconv::golden {
namespace {

constexpr int kMostShown = 30;  // differences, each a line or two

std::string path_of(const std::string& file) {
  return (std::filesystem::path(kernel_tests::golden_folder()) / file).string();
}

void write(const std::string& file, std::string_view header, const Entries& entries) {
  std::ofstream out(path_of(file));
  std::istringstream lines{std::string(header)};
  for (std::string line; std::getline(lines, line);) out << "# " << line << '\n';
  for (const auto& [what, value] : entries) out << what << ": " << value << '\n';
  if (!out.flush()) throw std::runtime_error("cannot write " + path_of(file));
  std::cout << "wrote " << path_of(file) << '\n';
}

class Differences {
 public:
  explicit Differences(const std::string& file) : file_(file) {}

  void add(const std::string& what, const std::string& was, const std::string& is) {
    if (++count_ > kMostShown) return;
    text_ += "\n" + what + "\n  was: " + was + "\n  is:  " + is;
  }
  void report() const {
    if (count_ == 0) return;
    ADD_FAILURE()
        << count_ << " of " << file_ << " changed"
        << (count_ > kMostShown ? ", the first of them:" : ":") << text_
        << "\nIf they are meant to: FOLDCONV_GOLDEN_WRITE=1 ctest -R '^golden_' writes the "
           "files anew";
  }

 private:
  const std::string& file_;
  int count_ = 0;
  std::string text_;
};

}  // namespace

std::map<std::string, std::string> read_golden(const std::string& file) {
  std::ifstream in(path_of(file));
  if (!in) throw std::runtime_error("cannot read " + path_of(file));
  std::map<std::string, std::string> entries;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos ||
        !entries.emplace(line.substr(0, colon), line.substr(colon + 2)).second) {
      throw std::runtime_error(path_of(file) + ": no entry, or one that is there twice: " + line);
    }
  }
  return entries;
}

void expect_golden(const std::string& file, std::string_view header, const Entries& entries) {
  std::map<std::string, std::string> now;
  for (const auto& [what, value] : entries) {
    EXPECT_TRUE(now.emplace(what, value).second) << "two results for " << what;
  }
  if (std::getenv("FOLDCONV_GOLDEN_WRITE") != nullptr) {
    if (!testing::Test::HasFailure()) write(file, header, entries);
    return;
  }
  const std::map<std::string, std::string> recorded = read_golden(file);
  Differences differences(file);
  for (const auto& [what, value] : entries) {
    const auto was = recorded.find(what);
    if (was == recorded.end() || was->second != value) {
      differences.add(what, was == recorded.end() ? "not in the file" : was->second, value);
    }
  }
  for (const auto& [what, value] : recorded) {
    if (!now.contains(what)) differences.add(what, value, "gone");
  }
  differences.report();
}

}  // namespace foldconv::golden
