// A loaded module and its kernels.
#pragma once

#include "engine.hpp"
#include "program.hpp"

namespace cuemu {

const Program& program_of(const Kernel& kernel);

}  // namespace cuemu
