// What stands before the rows of bench: settings, roofs, and what the columns mean.
#pragma once

#include "commands/options.hpp"
#include "device.hpp"
#include "measure/roofs.hpp"
#include "report/report.hpp"

namespace foldconv::tool {

Heading bench_heading(const Options& options, const Device& device, const Roofs& roofs);

}  // namespace foldconv::tool
