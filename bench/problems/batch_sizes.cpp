#include "problems/batch_sizes.hpp"

#include <charconv>

namespace foldconv::tool {
namespace {

template <class Descriptor>
std::vector<Descriptor> at(const std::vector<int>& sizes,
                           const std::vector<Descriptor>& descriptors) {
  std::vector<Descriptor> all;
  for (const Descriptor& descriptor : descriptors) {
    for (const int images : sizes) {
      all.push_back(descriptor);
      all.back().problem.n = images;
      if (sizes.size() > 1) all.back().suffix = " mb" + std::to_string(images);
    }
  }
  return all;
}

}  // namespace

Result<std::vector<int>> parse_batch_sizes(const std::string& text) {
  std::vector<int> sizes;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    int size = 0;
    const auto [rest, error] = std::from_chars(at, end, size);
    if (error != std::errc() || size < 1 || (rest != end && *rest != ',')) {
      return Status(ErrorCode::invalid_argument,
                    "batch size " + std::to_string(sizes.size() + 1) + " of \"" + text +
                        "\" is no number from 1 to 2147483647; write e.g. 8 or 1,8,32");
    }
    sizes.push_back(size);
    if (rest == end) return sizes;
    at = rest + 1;
  }
}

void at_batch_sizes(const std::vector<int>& sizes, ProblemList& list) {
  if (sizes.empty()) return;
  list.blocks = at(sizes, list.blocks);
  list.problems = at(sizes, list.problems);
}

}  // namespace foldconv::tool
