// SPDX-License-Identifier: MIT
#include "commands/findings.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

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

bool is_examined(const std::string& name) {
  return name == "planned" || name == "whole" || name == "tails" || name == "chain";
}

}  // namespace

Finding find(const Runs& runs, const Images& images, const Images& larger) {
  Finding finding{
      .ran = true,
      .right = runs.first.worst.pass,
      .max_abs_error = runs.first.worst.max_abs_error,
      .worst_share = runs.first.worst.worst_share,
      .repeatable = runs.first.y == runs.second.y,
      .batch_invariant = same_images(images, runs.first.y, larger, runs.larger.y),
      .in_bounds = runs.first.in_bounds && runs.second.in_bounds && runs.larger.in_bounds};
  finding.reason = runs.first.wrong;
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
  const std::vector<harness::WayMaker> makers = harness::foldconv_ways();
  const std::vector<Way> ways = make_ways(makers, problem, tensors, is_examined);
  const std::vector<Way> larger = make_ways(makers, more, more_tensors, is_examined);

  std::vector<Finding> findings;
  std::optional<Finding> planned;  // by its cut, which has a row of its own
  for (const Way& way : ways) {
    Finding finding;
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
    findings.push_back(finding);
    if (way.planned && way.name != "planned") {
      planned = finding;
      planned->way = "planned";
      planned->taken = way.name;
    }
  }
  if (planned) findings.push_back(*planned);
  return findings;
}

}  // namespace foldconv::tool
