// The batch axis: every problem at every one of several batch sizes.
#pragma once

#include <string>
#include <vector>

#include "problems/batch_file.hpp"

namespace foldconv::tool {

// "1,8,32". Errors (invalid_argument): no number, one below 1 or above 31 bits; says which.
Result<std::vector<int>> parse_batch_sizes(const std::string& text);

// Each problem once for each size, sizes of a problem side by side. Of several sizes the label says
// which. No sizes: the list stays as it is.
void at_batch_sizes(const std::vector<int>& sizes, ProblemList& list);

}  // namespace foldconv::tool
