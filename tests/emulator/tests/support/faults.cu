// SPDX-License-Identifier: MIT
#include "faults.hpp"

#include <cstring>

#include "device.cuh"

using namespace cuemu_tests;

namespace {

__global__ void write_answer(int* out) {
  out[threadIdx.x] = 42;
}

void expect_launches_work(const char* file, int line) {
  int* out = nullptr;
  expect_success(file, line, "cudaMalloc after the fault", cudaMalloc(&out, 32 * sizeof(int)));
  write_answer<<<1, 32>>>(out);
  expect_success(file, line, "launch after the fault", cudaGetLastError());
  int last = 0;
  expect_success(file, line, "copy after the fault",
                 cudaMemcpy(&last, out + 31, sizeof last, cudaMemcpyDeviceToHost));
  expect_equal(file, line, "result of the launch after the fault", last, 42);
  expect_success(file, line, "cudaFree after the fault", cudaFree(out));
}

void expect_sticky(const char* file, int line) {
  expect_true(file, line, "cudaGetLastError fails", cudaGetLastError() != cudaSuccess);
  expect_true(file, line, "cudaGetLastError fails again", cudaGetLastError() != cudaSuccess);
  void* memory = nullptr;
  expect_true(file, line, "cudaMalloc fails", cudaMalloc(&memory, 16) != cudaSuccess);
  expect_true(file, line, "cudaDeviceSynchronize fails", cudaDeviceSynchronize() != cudaSuccess);
}

bool begins_with_one_of(const std::string& text, const std::vector<std::string>& kinds) {
  for (const std::string& kind : kinds) {
    if (text.compare(0, kind.size() + 1, kind + ":") == 0) return true;
  }
  return false;
}

bool ends_with_one_of(const std::string& text, const std::string& file,
                      const std::vector<int>& lines) {
  for (const int line : lines) {
    const std::string place = file + ":" + std::to_string(line);
    const size_t at = text.rfind(place);
    if (at != std::string::npos && at + place.size() == text.size()) return true;
  }
  return false;
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " or ") + word;
  return text;
}

}  // namespace

namespace cuemu_tests {

std::string expect_fault(const char* file, int line, const std::vector<std::string>& kinds,
                         const char* kernel, const std::vector<int>& source_lines) {
  const cudaError_t launched = cudaPeekAtLastError();
  const cudaError_t finished = cudaDeviceSynchronize();
  expect_true(file, line, "the launch fails", launched != cudaSuccess || finished != cudaSuccess);
  expect_sticky(file, line);

  char buffer[4096];
  const size_t length = cuemu_last_fault(buffer, sizeof buffer);
  const std::string text = buffer;
  expect_equal(file, line, "length of the fault's text", length, text.size());
  expect_true(file, line, ("the fault is " + join(kinds)).c_str(), begins_with_one_of(text, kinds),
              text);
  expect_true(file, line, (std::string("the fault names ") + kernel).c_str(),
              text.find(kernel) != std::string::npos, text);
  const char* slash = std::strrchr(file, '/');
  const std::string source = slash == nullptr ? file : slash + 1;
  std::vector<std::string> places;
  for (const int source_line : source_lines)
    places.push_back(source + ":" + std::to_string(source_line));
  expect_true(file, line, ("the fault is at " + join(places)).c_str(),
              source_lines.empty() || ends_with_one_of(text, source, source_lines), text);

  cuemu_clear_fault();
  expect_equal(file, line, "length of the fault's text when cleared",
               cuemu_last_fault(buffer, sizeof buffer), size_t(0));
  expect_success(file, line, "cudaGetLastError when cleared", cudaGetLastError());
  expect_launches_work(file, line);
  return text;
}

}  // namespace cuemu_tests
