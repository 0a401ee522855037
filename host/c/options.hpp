// SPDX-License-Identifier: MIT
// The options of foldconv.h as those of the C++ API, with each number looked at before it becomes a value of an enum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "foldconv.h"
#include "foldconv/models.hpp"
#include "foldconv/network.hpp"

namespace foldconv::c {

// ok if a list of a struct can be read. `what`: the member that has it.
Status check_list(const void* list, std::size_t count, std::string_view what,
                  std::string_view remedy);

Result<Extents> extents_of(const fc_extents& given, std::string_view what);

// `count` strings. `what`: the member that has them.
Result<std::vector<std::string>> names(const char* const* strings, std::size_t count,
                                       const char* what);

// ok if a member that must be 0 is. `what`: its struct.
Status check_reserved(std::uint32_t reserved, const char* what);

// Null: all defaults.
Result<models::ResNetOptions> resnet_options(const fc_resnet_options* given);
Result<NetworkOptions> network_options(const fc_network_options* given);
Result<NetworkPlanOptions> plan_options(const fc_plan_options* given);

// What the C++ API calls f16, bf16 and f32.
fc_type type_of(DataType dtype) noexcept;

}  // namespace foldconv::c
