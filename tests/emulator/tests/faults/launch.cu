// SPDX-License-Identifier: MIT
// Launches that cannot be run: unknown instructions and traps. Wrong configurations are in
// runtime/errors.cu.
#include "../support/counting.cuh"
#include "../support/faults.hpp"

using namespace cuemu_tests;

namespace {

constexpr int kVideoLine = __LINE__ + 3;
__global__ void add_as_video(unsigned* out) {
  unsigned sum = threadIdx.x;
  asm volatile("vadd4.u32.u32.u32.sat %0, %0, %0, %0;" : "+r"(sum));
  out[threadIdx.x] = sum;
}

constexpr int kSurfaceLine = __LINE__ + 3;
__global__ void read_surface(int* out, unsigned long long surface) {
  int value;
  asm volatile("suld.b.1d.b32.trap {%0}, [%1, {0}];" : "=r"(value) : "l"(surface));
  out[0] = value;
}

TEST(FaultsLaunch, instructions_that_the_emulator_does_not_know) {
  NEEDS_EMULATOR();
  const auto out = zeroed<unsigned>(32);
  add_as_video<<<1, 32>>>(out.get());
  std::string text = EXPECT_FAULT({"unknown-opcode"}, "add_as_video", {kVideoLine});
  EXPECT_TRUE(text.find("vadd4") != std::string::npos, text);
  read_surface<<<1, 1>>>(reinterpret_cast<int*>(out.get()), 0);
  text = EXPECT_FAULT({"unknown-opcode"}, "read_surface", {kSurfaceLine});
  EXPECT_TRUE(text.find("suld") != std::string::npos, text);
}

constexpr int kTrapLine = __LINE__ + 2;
__global__ void trap_when_negative(int* out, int value) {
  if (value < 0) asm volatile("trap;");
  out[0] = value;
}

TEST(FaultsLaunch, trap) {
  NEEDS_EMULATOR();
  const auto out = zeroed<int>(1);
  LAUNCH(trap_when_negative, 1, 1, out.get(), 3);
  trap_when_negative<<<1, 1>>>(out.get(), -3);
  EXPECT_FAULT({"trap"}, "trap_when_negative", {kTrapLine});
  EXPECT_EQ(out.download()[0], 3);
}

__global__ void write_far_away(int* out) {
  out[1 << 20] = 1;
}
__global__ void add_one(int* out) {
  out[0] += 1;
}

// The first fault stays, as on a GPU where the context is gone; what was launched after it does not
// run.
TEST(FaultsLaunch, the_first_of_several_faults_is_kept) {
  NEEDS_EMULATOR();
  const auto out = zeroed<int>(1);
  write_far_away<<<1, 1>>>(out.get());
  trap_when_negative<<<1, 1>>>(out.get(), -1);
  add_one<<<1, 1>>>(out.get());
  const std::string text = EXPECT_FAULT({"out-of-bounds"}, "write_far_away", {});
  EXPECT_TRUE(text.find("trap") == std::string::npos, text);
  EXPECT_EQ(out.download()[0], 0);
}

TEST(FaultsLaunch, text_is_cut_to_the_buffer) {
  NEEDS_EMULATOR();
  const auto out = zeroed<int>(1);
  write_far_away<<<1, 1>>>(out.get());
  cudaDeviceSynchronize();
  char text[8] = "1234567";
  EXPECT_TRUE(cuemu_last_fault(text, sizeof text) > sizeof text);
  EXPECT_EQ(std::string(text), std::string("out-of-"));
  EXPECT_FAULT({"out-of-bounds"}, "write_far_away", {});
}

TEST(FaultsLaunch, switches_return_their_old_value) {
  NEEDS_EMULATOR();
  const int old = cuemu_set_switch("race", 0);
  EXPECT_EQ(cuemu_set_switch("race", 1), 0);
  EXPECT_EQ(cuemu_set_switch("race", old), 1);
  EXPECT_EQ(cuemu_set_switch("no such switch", 1), -1);
}

}  // namespace
