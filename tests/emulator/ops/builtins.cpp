// SPDX-License-Identifier: MIT
#include "builtins.hpp"

#include <cstdio>
#include <cstring>
#include <string>

#include "../isa/address.hpp"
#include "../sim/fault.hpp"
#include "../sim/memory.hpp"

namespace cuemu {
namespace {

template <class T>
T argument(const Warp& w, unsigned lane, uint32_t offset) {
  T v;
  std::memcpy(&v, w.local + size_t{lane} * w.local_stride + offset, sizeof v);
  return v;
}

// The host address of a generic one, good for at least one byte; a fault otherwise.
const char* resolve(const Warp& w, const Instr& in, unsigned lane, uint64_t address) {
  const uint64_t offset = address & kWindowOffset;
  switch (address >> kWindowShift) {
    case kSharedWindow >> kWindowShift:
      if (offset < w.cta->shared_bytes)
        return reinterpret_cast<const char*>(w.cta->shared + offset);
      break;
    case kLocalWindow >> kWindowShift:
      if (offset < w.local_stride)
        return reinterpret_cast<const char*>(w.local + size_t{lane} * w.local_stride + offset);
      break;
    default:
      if (w.worker->regions->find(address) != nullptr)
        return reinterpret_cast<const char*>(address);
  }
  raise_fault(w, in, "out-of-bounds", 1u << lane,
              format("string argument at 0x%llx", static_cast<unsigned long long>(address)));
}

// printf with arguments as the compiler lays them out: 4 or 8 bytes each, aligned.
std::string print(const Warp& w, const Instr& in, unsigned lane, const char* pattern,
                  const char* arguments) {
  std::string text;
  size_t at = 0;
  auto take = [&](size_t bytes) {
    at = (at + bytes - 1) / bytes * bytes;
    uint64_t v = 0;
    std::memcpy(&v, arguments + at, bytes);
    at += bytes;
    return v;
  };
  for (const char* p = pattern; *p != '\0'; ++p) {
    if (*p != '%') {
      text += *p;
      continue;
    }
    if (p[1] == '%') {
      text += *++p;
      continue;
    }
    std::string spec = "%";
    bool is_long = false;
    for (++p; *p != '\0' && std::strchr("diouxXcsfFeEgGaAp", *p) == nullptr; ++p) {
      if (*p == 'l' || *p == 'z' || *p == 'j' || *p == 't')
        is_long = true;
      else if (*p == '*')
        spec += std::to_string(static_cast<int>(take(4)));
      else if (*p != 'h')
        spec += *p;
    }
    if (*p == '\0') break;
    char buffer[512];
    if (std::strchr("fFeEgGaA", *p) != nullptr) {
      const uint64_t bits = take(8);
      double v;
      std::memcpy(&v, &bits, sizeof v);
      std::snprintf(buffer, sizeof buffer, (spec + *p).c_str(), v);
    } else if (*p == 's') {
      const uint64_t address = take(8);
      std::snprintf(buffer, sizeof buffer, (spec + 's').c_str(), resolve(w, in, lane, address));
    } else if (*p == 'p' || is_long) {
      const auto v = static_cast<long long>(take(8));
      std::snprintf(buffer, sizeof buffer,
                    (spec + (*p == 'p' ? "#llx" : std::string("ll") + *p)).c_str(), v);
    } else {
      std::snprintf(buffer, sizeof buffer, (spec + *p).c_str(), static_cast<int>(take(4)));
    }
    text += buffer;
  }
  return text;
}

// int vprintf(const char* pattern, void* arguments)
void run_vprintf(Warp& w, const Instr& in, uint32_t mask) {
  each_lane(mask, [&](unsigned lane) {
    const char* pattern = resolve(w, in, lane, argument<uint64_t>(w, lane, in.list[1]));
    const uint64_t place = argument<uint64_t>(w, lane, in.list[2]);
    const char* arguments = place == 0 ? nullptr : resolve(w, in, lane, place);
    const std::string text = print(w, in, lane, pattern, arguments);
    std::fwrite(text.data(), 1, text.size(), stdout);
  });
}

// void __assertfail(message, file, line, function, character size)
void run_assertfail(Warp& w, const Instr& in, uint32_t mask) {
  const unsigned lane = first_lane(mask);
  auto text = [&](unsigned i) {
    return resolve(w, in, lane, argument<uint64_t>(w, lane, in.list[i]));
  };
  raise_fault(w, in, "trap", mask,
              format("assertion `%s' failed at %s:%u in %s", text(0), text(1),
                     argument<uint32_t>(w, lane, in.list[2]), text(3)));
}

}  // namespace

Handler find_builtin(std::string_view name) {
  if (name == "vprintf") return &run_vprintf;
  if (name == "__assertfail") return &run_assertfail;
  return nullptr;
}

}  // namespace cuemu
