// SPDX-License-Identifier: MIT
#include "harness/device/machine.hpp"

#include <gtest/gtest.h>

#include "harness/caught.hpp"
#include "harness/device/library.hpp"

namespace foldconv::harness {
namespace {

TEST(Library, OneThatIsNotThereSaysSo) {
  EXPECT_TRUE(names(message_of([] { Library("libno_such_library.so.1"); }, ErrorCode::unsupported),
                    "libno_such_library"));
}

TEST(Library, FindsFunctions) {
  const Library library("libc.so.6");
  EXPECT_EQ(library.find<int(int)>("abs")(-3), 3);
  EXPECT_EQ(message_of([&] { library.find<int(int)>("foldconv_no_such_function"); },
                       ErrorCode::unsupported),
            "libc.so.6 has no foldconv_no_such_function");
}

TEST(Driver, WithoutItsLibraryNothingIsKnown) {
  const Machine facts = ask_driver("libno_such_library.so.1", "0000:00:00.0");
  EXPECT_EQ(facts.driver, "");
  EXPECT_EQ(facts.sm_clock_mhz, 0);
  EXPECT_EQ(facts.memory_clock_mhz, 0);
}

TEST(Driver, ALibraryOfSomethingElseIsNoDriver) {
  EXPECT_EQ(ask_driver("libc.so.6", "0000:00:00.0").driver, "");
}

TEST(MachineText, Versions) {
  EXPECT_EQ(cuda_version_text(13000), "13.0");
  EXPECT_EQ(cuda_version_text(12080), "12.8");
  EXPECT_EQ(cuda_version_text(0), "");
  EXPECT_EQ(cudnn_version_text(91900), "9.19.0");
  EXPECT_EQ(cudnn_version_text(8907), "8.9.7");
}

TEST(MachineText, OfTheDevice) {
  const Machine machine = current_machine(false);
  EXPECT_EQ(machine.cuda_runtime.substr(0, 3), "13.");
  EXPECT_EQ(machine.date.size(), std::string("2026-01-31T12:00:00Z").size());
  EXPECT_EQ(machine.date.back(), 'Z');
}

}  // namespace
}  // namespace foldconv::harness
