// SPDX-License-Identifier: MIT
// Races and uninitialised reads in sequences of accesses to lines of shared memory, by a lane in all widths to the first
// two and by a warp's lanes side by side to all of them, against a model:
// two warps race where one writes a byte that the other touches, with no barrier between them.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "../support/counting.cuh"
#include "../support/faults.hpp"

using namespace cuemu_tests;

namespace {

constexpr int kBytes = 128, kBytesOfLanes = 32, kSteps = 5, kWarps = 3;

enum class Kind { read, write, copy, matrix_read, warp_read, warp_write };
constexpr unsigned kKinds = 6;

struct Step {
  Kind kind;
  int warp;
  unsigned at, bytes;
  bool barrier;  // follows
};

struct Steps {
  Step step[kSteps];
  bool initialise;
};

__device__ void read_or_write(char* at, const Step& s, unsigned* out) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(at));
  if (s.kind == Kind::write) {
    if (s.bytes == 2) *reinterpret_cast<volatile unsigned short*>(at) = 7;
    if (s.bytes == 4) *reinterpret_cast<volatile unsigned*>(at) = 7;
    if (s.bytes == 8) *reinterpret_cast<volatile unsigned long long*>(at) = 7;
    if (s.bytes == 16)
      asm volatile("st.shared.v4.u32 [%0], {%1, %1, %1, %1};" ::"r"(address), "r"(7u) : "memory");
  } else {
    if (s.bytes == 2) *out = *reinterpret_cast<volatile unsigned short*>(at);
    if (s.bytes == 4) *out = *reinterpret_cast<volatile unsigned*>(at);
    if (s.bytes == 8)
      *out = static_cast<unsigned>(*reinterpret_cast<volatile unsigned long long*>(at));
    if (s.bytes == 16) {
      unsigned v[4];
      asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
                   : "=r"(v[0]), "=r"(v[1]), "=r"(v[2]), "=r"(v[3])
                   : "r"(address)
                   : "memory");
      *out = v[0] + v[3];
    }
  }
}

__device__ void copy_and_wait(char* to, const void* from, unsigned bytes) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(to));
  if (bytes == 4)
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(address), "l"(from) : "memory");
  if (bytes == 8)
    asm volatile("cp.async.ca.shared.global [%0], [%1], 8;" ::"r"(address), "l"(from) : "memory");
  if (bytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(address), "l"(from) : "memory");
  asm volatile("cp.async.wait_all;" ::: "memory");
}

__global__ void access_in_turn(Steps steps, const uint4* in, unsigned* out) {
  __shared__ alignas(16) char lines[kBytes];
  if (steps.initialise && threadIdx.x < kBytes / 2)
    reinterpret_cast<volatile unsigned short*>(lines)[threadIdx.x] = 1;
  __syncthreads();
  for (int i = 0; i < kSteps; ++i) {
    const Step& s = steps.step[i];
    if (static_cast<int>(threadIdx.x) / 32 == s.warp) {
      char* at = lines + s.at;
      if (s.kind == Kind::matrix_read) {
        unsigned value;
        const auto row = static_cast<unsigned>(__cvta_generic_to_shared(at));
        asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];"
                     : "=r"(value)
                     : "r"(row)
                     : "memory");
        out[threadIdx.x] = value;
      } else if (s.kind == Kind::warp_read) {
        out[threadIdx.x] = reinterpret_cast<volatile unsigned*>(lines)[threadIdx.x % 32];
      } else if (s.kind == Kind::warp_write) {
        reinterpret_cast<volatile unsigned*>(lines)[threadIdx.x % 32] = 7;
      } else if (threadIdx.x % 32 == 0) {
        if (s.kind == Kind::copy)
          copy_and_wait(at, in, s.bytes);
        else
          read_or_write(at, s, out + threadIdx.x);
      }
    }
    if (s.barrier) __syncthreads();
  }
}

bool writes(const Step& s) {
  return s.kind == Kind::write || s.kind == Kind::copy || s.kind == Kind::warp_write;
}

bool overlap(const Step& a, const Step& b) {
  return a.at < b.at + b.bytes && b.at < a.at + a.bytes;
}

bool has_race(const Steps& steps) {
  for (int i = 0; i < kSteps; ++i) {
    for (int j = i + 1; j < kSteps && !steps.step[j - 1].barrier; ++j) {
      const Step &a = steps.step[i], &b = steps.step[j];
      if (a.warp != b.warp && overlap(a, b) && (writes(a) || writes(b))) return true;
    }
  }
  return false;
}

// Of sequences without a race, in which the order of the steps is the order of the accesses.
bool reads_unwritten(const Steps& steps) {
  bool written[kBytes] = {};
  for (bool& w : written) w = steps.initialise;
  for (const Step& s : steps.step) {
    for (unsigned b = s.at; b < s.at + s.bytes; ++b) {
      if (writes(s))
        written[b] = true;
      else if (!written[b])
        return true;
    }
  }
  return false;
}

Steps draw(std::mt19937& random) {
  const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
  Steps steps;
  steps.initialise = below(4) != 0;
  for (Step& s : steps.step) {
    s.kind = static_cast<Kind>(below(kKinds));
    s.warp = static_cast<int>(below(kWarps));
    s.bytes = s.kind == Kind::matrix_read ? 16
              : s.kind == Kind::copy      ? 4u << below(3)
                                          : 2u << below(4);
    s.at = below(kBytesOfLanes / s.bytes) * s.bytes;
    s.at %= std::max(s.bytes, 4u << below(4));  // conflicts are rare enough
    if (s.kind == Kind::warp_read || s.kind == Kind::warp_write) s.at = 0, s.bytes = kBytes;
    s.barrier = below(5) < 3;
  }
  return steps;
}

std::string describe(const Steps& steps) {
  static const char* const kVerbs[kKinds] = {" reads ",         " writes ",     " copies ",
                                             " loads rows of ", " reads all: ", " writes all: "};
  std::string text = steps.initialise ? "initialised;" : "";
  for (const Step& s : steps.step) {
    text += " warp " + std::to_string(s.warp) + kVerbs[static_cast<int>(s.kind)] +
            std::to_string(s.bytes) + " at " + std::to_string(s.at) +
            (s.barrier ? "; barrier;" : ";");
  }
  return text;
}

TEST(FaultsRaces, sequences_of_accesses_of_all_widths) {
  NEEDS_EMULATOR();
  const auto in = zeroed<uint4>(1);
  const auto out = zeroed<unsigned>(32 * kWarps);
  const Switch races("race", 1), uninitialised("uninit", 1);
  std::mt19937 random(1);
  int racing = 0, unwritten = 0, neither = 0;
  for (int i = 0; i < 2000; ++i) {
    const Steps steps = draw(random);
    access_in_turn<<<1, 32 * kWarps>>>(steps, in.get(), out.get());
    cudaDeviceSynchronize();
    char fault[512] = "";
    cuemu_last_fault(fault, sizeof fault);
    const std::string text = fault;
    const std::string kind = text.substr(0, text.find(':'));
    if (has_race(steps)) {
      ++racing;
      // A read that comes before the write that it races with may find what nobody has written.
      EXPECT_TRUE(kind == "race" || (kind == "uninitialised-read" && !steps.initialise),
                  describe(steps) + " " + text);
    } else if (reads_unwritten(steps)) {
      ++unwritten;
      EXPECT_TRUE(kind == "uninitialised-read", describe(steps) + " " + text);
    } else {
      ++neither;
      EXPECT_TRUE(text.empty(), describe(steps) + " " + text);
    }
    cuemu_clear_fault();
  }
  EXPECT_TRUE(
      racing > 500 && unwritten > 100 && neither > 500,
      std::to_string(racing) + ", " + std::to_string(unwritten) + ", " + std::to_string(neither));
}

}  // namespace
