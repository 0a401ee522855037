// SPDX-License-Identifier: MIT
#include "commands/findings.hpp"

#include <algorithm>
#include <cstring>

namespace foldconv::tool {
namespace {

using harness::Bytes;
using harness::Images;
using harness::Problem;
using harness::Way;

// Whether the larger batch's images are those of the smaller one, and its last one its copy.
bool same_images(const Images& images, const Bytes& y, const Images& larger, const Bytes& more) {
  if (more.size() != larger.bytes() || y.size() != images.bytes()) return false;
  const std::size_t image = images.image_bytes();
  const auto twin = static_cast<std::size_t>(images.shape.n % larger.distinct);
  return std::memcmp(y.data(), more.data(), y.size()) == 0 &&
         std::memcmp(more.data() + y.size(), more.data() + twin * image, image) == 0;
}

// The same way of the same problem with an image more. Of a larger batch plan() may take one cut
// throughout, which has the row, where it mixed them before.
const Way* counterpart(const Way& way, const std::vector<Way>& larger) {
  auto found = std::ranges::find(larger, way.name, &Way::name);
  if (found == larger.end() && way.planned) {
    found = std::ranges::find(larger, true, &Way::planned);
  }
  return found == larger.end() ? nullptr : &*found;
}

}  // namespace

Finding find(const Runs& runs, const Images& images, const Images& larger) {
  const auto& [first, second, more] = runs;
  Finding finding{.reason = first.wrong,
                  .ran = true,
                  .verdict = first.worst,
                  .repeatable = first.y == second.y,
                  .batch_invariant = same_images(images, first.y, larger, more.y),
                  .in_bounds = first.in_bounds && second.in_bounds && more.in_bounds};
  if (finding.reason.empty() && !finding.in_bounds) {
    finding.reason = "the kernel wrote outside of its tensors";
  }
  return finding;
}

std::vector<Finding> examine(const Problem& problem,
                             const std::function<void(const std::string& what)>& doing) {
  Problem more = problem;
  set_images(more, problem.input().shape.n + 1);
  harness::Tensors tensors(problem), more_tensors(more);
  doing("planning");
  const auto all = [](const std::string&) { return true; };
  const harness::WayMaker fused = harness::foldconv_ways().front();
  const std::vector<Way> ways = fused.make(problem, tensors, all);
  const std::vector<Way> larger = fused.make(more, more_tensors, all);

  std::vector<Finding> findings;
  for (const Way& way : ways) {
    Finding& finding = findings.emplace_back();
    if (way.refusal.empty()) {
      doing("running " + way.name);
      const Way* with_more = counterpart(way, larger);
      const auto again = [](const Way& one) { return check(one, {.judged = false}); };
      finding = find({.first = check(way),
                      .second = again(way),
                      .larger = with_more == nullptr ? harness::Checked() : again(*with_more)},
                     problem.output(), more.output());
    }
    finding.way = way.name;
    finding.kernels = way.kernels;
    finding.refusal = way.refusal;
  }
  // What is planned is also shown by its cut, which has a row of its own.
  const auto taken = std::ranges::find(ways, true, &Way::planned);
  if (taken != ways.end() && taken->name != "planned") {
    findings.push_back(findings[static_cast<std::size_t>(taken - ways.begin())]);
    findings.back().way = "planned";
    findings.back().taken = taken->name;
  }
  return findings;
}

}  // namespace foldconv::tool
