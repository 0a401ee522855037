// SPDX-License-Identifier: MIT
// Structs that begin with their size, of whichever version the caller was compiled with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <type_traits>

#include "base/error.hpp"
#include "base/text.hpp"
#include "foldconv.h"

namespace foldconv::c {

// Of each struct: its name, and the sizes that versions had, oldest first.
template <class Struct>
struct Versions;

#define FC_VERSIONS(Struct, ...)                          \
  template <>                                             \
  struct Versions<Struct> {                               \
    static constexpr const char* name = #Struct;          \
    static constexpr std::size_t sizes[] = {__VA_ARGS__}; \
  }
FC_VERSIONS(fc_onnx_options, 56);
FC_VERSIONS(fc_problem, 72);
FC_VERSIONS(fc_resnet_options, 32);
FC_VERSIONS(fc_network_options, 16);
FC_VERSIONS(fc_plan_options, 104, 112);
FC_VERSIONS(fc_port, 48);
FC_VERSIONS(fc_tensor, 56);
FC_VERSIONS(fc_buffers, 64);
#undef FC_VERSIONS

// Nobody needs a larger one; a size that was never set is not taken for one.
inline constexpr std::size_t kMostStructBytes = 4096;

// ok if a struct of so many bytes is a version's, known or to come.
template <class Struct>
Status check_size(std::size_t size) {
  using Known = Versions<Struct>;
  static_assert(std::is_trivial_v<Struct> && std::is_standard_layout_v<Struct>);
  static_assert(*std::rbegin(Known::sizes) == sizeof(Struct),
                "a size that programs have is another now");
  const bool known = std::ranges::find(Known::sizes, size) != std::end(Known::sizes);
  const bool later =
      size > sizeof(Struct) && size <= kMostStructBytes && size % alignof(Struct) == 0;
  if (known || later) return {};
  return host::invalid(host::text("no version of ", Known::name, " has this size"),
                       host::text("size = ", size),
                       host::text("set its first member to sizeof(", Known::name, ")"));
}

// The caller's struct as this version has it; null: all 0.
template <class Struct>
Result<Struct> read_struct(const Struct* given) {
  Struct result = {};
  if (given == nullptr) return result;
  const std::size_t size = given->size;
  if (Status status = check_size<Struct>(size); !status.ok()) return status;
  std::memcpy(&result, given, std::min(size, sizeof(Struct)));
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (std::size_t i = sizeof(Struct); i < size; ++i) {
    if (bytes[i] == 0) continue;
    return host::error(
        ErrorCode::unsupported,
        host::text("a member of ", Versions<Struct>::name, " that this version of foldconv lacks"),
        host::text("size = ", size, ", byte ", i, " is not 0"),
        "use a later libfoldconv_c.so, or leave the member 0");
  }
  return result;
}

// `value` to the caller's struct; members that this version lacks are 0.
template <class Struct>
Status write_struct(Struct value, Struct* to) {
  if (to == nullptr) {
    return host::invalid("a null pointer", host::text("a struct ", Versions<Struct>::name),
                         "give one to fill in");
  }
  const std::size_t size = to->size;
  if (Status status = check_size<Struct>(size); !status.ok()) return status;
  value.size = size;
  std::memcpy(to, &value, std::min(size, sizeof(Struct)));
  if (size > sizeof(Struct)) std::memset(to + 1, 0, size - sizeof(Struct));
  return {};
}

}  // namespace foldconv::c
