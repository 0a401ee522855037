// What a report says of the machine it was made on. Nothing here can fail: what cannot be found out
// is not there.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace foldconv::tool {

struct Machine {
  std::string date;  // when it was asked, in UTC: "2026-01-31T12:00:00Z"
  std::optional<int> sm_clock_max_mhz, memory_clock_max_mhz;
  std::optional<int> sm_clock_mhz, memory_clock_mhz;  // then
  std::string driver;                                 // "580.65.06"
  std::string cuda_driver, cuda_runtime;              // "13.0"
  std::string cudnn;                                  // "9.19.0"
};

// Of the current device. On the emulator only the version of the runtime.
Machine current_machine(bool emulated);

// "13.0" of 13000; "" of 0.
std::string cuda_version_text(int version);
// "9.19.0" of 91900, "8.9.7" of 8907.
std::string cudnn_version_text(std::size_t version);

}  // namespace foldconv::tool
