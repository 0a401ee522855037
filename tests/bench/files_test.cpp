// SPDX-License-Identifier: MIT
#include "harness/files.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "harness/caught.hpp"
#include "harness/test_folder.hpp"

namespace foldconv::harness {
namespace {

TEST(Files, AreWrittenWholeOrStayAsTheyWere) {
  const test::TestFolder scratch;
  const std::filesystem::path& folder = scratch.path();
  const std::filesystem::path file = folder / "x";
  write_file(file, "first");
  write_file(file, "second");
  EXPECT_EQ(read_file(file), "second");

  // As on a full disk.
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{.rlim_cur = 100, .rlim_max = before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string message = message_of([&] { write_file(file, std::string(1000, 'x')); });
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(names(message, "cannot write " + file.string()));
  EXPECT_EQ(read_file(file), "second");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  EXPECT_TRUE(names(message_of([&] { write_file(folder / "no" / "x", ""); }), "cannot write"));
  EXPECT_TRUE(names(message_of([&] { static_cast<void>(read_file(folder)); }), "no such file"));
}

}  // namespace
}  // namespace foldconv::harness
