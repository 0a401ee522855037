// SPDX-License-Identifier: MIT
// Folders for what a test writes.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace foldconv::test {

// An empty folder of one test alone, whoever else runs it at the same time, and gone with it. Its name is one that shells
// have to quote.
class TestFolder {
 public:
  TestFolder() {
    std::string path =
        (std::filesystem::temp_directory_path() / "foldconv a test's $x XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) {
      throw std::system_error(errno, std::generic_category(), "no folder " + path);
    }
    path_ = path;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

// A fixture: a test, and what it starts, stand in such a folder.
class InTestFolder : public testing::Test {
 protected:
  InTestFolder() { std::filesystem::current_path(folder_.path()); }
  ~InTestFolder() override { std::filesystem::current_path(before_); }

 private:
  std::filesystem::path before_ = std::filesystem::current_path();
  TestFolder folder_;
};

}  // namespace foldconv::test
