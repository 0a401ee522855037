// SPDX-License-Identifier: MIT
// Initial values of module variables.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>

#include "syntax.hpp"

namespace cuemu {

void write_initialiser(
    const Declaration& variable, std::byte* storage,
    const std::function<std::optional<uint64_t>(std::string_view name)>& address_of);

}  // namespace cuemu
