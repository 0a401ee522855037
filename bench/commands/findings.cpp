// SPDX-License-Identifier: MIT
#include "commands/findings.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "foldconv/kernel_list.hpp"

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

// Those of a way that takes the problem. `y`: what it computed.
Finding finding_of(const Way& way, const std::vector<Way>& larger, const Problem& problem,
                   const Problem& more, Bytes& y) {
  const Way* with_more = counterpart(way, larger);
  const auto again = [](const Way& one) { return check(one, {.judged = false}); };
  Runs runs{.first = check(way),
            .second = again(way),
            .larger = with_more == nullptr ? harness::Checked() : again(*with_more)};
  Finding finding = find(runs, problem.output(), more.output());
  y = std::move(runs.first.y);
  return finding;
}

struct Examined {
  std::vector<Way> ways;  // without what they run on
  std::vector<Finding> findings;
  std::vector<Bytes> ys;  // of each; refused: nothing
};

Examined examine_ways(const Problem& problem, const harness::WayMaker& maker, const Notice& doing) {
  Problem more = problem;
  set_images(more, problem.input().shape.n + 1);
  harness::Tensors tensors(problem), more_tensors(more);
  doing("planning");
  const auto all = [](const std::string&) { return true; };
  Examined examined{.ways = maker.make(problem, tensors, all), .findings = {}, .ys = {}};
  const std::vector<Way> larger = maker.make(more, more_tensors, all);
  for (Way& way : examined.ways) {
    Finding& finding = examined.findings.emplace_back();
    Bytes& y = examined.ys.emplace_back();
    if (way.refusal.empty()) {
      doing("running " + way.name);
      finding = finding_of(way, larger, problem, more, y);
    }
    finding.way = way.name;
    finding.kernels = way.kernels;
    finding.refusal = way.refusal;
    way.steps.clear();
  }
  return examined;
}

// Of kernels that sum alike: the same instructions on tensor cores, or none of these.
std::string order_of_sums(const std::string& kernel) {
  const auto found = std::ranges::find(kernel_list(), kernel, &KernelInfo::name);
  if (found == kernel_list().end()) return kernel;
  if (found->family != KernelFamily::conv) return "without tensor cores";
  return found->capability == 90 ? "sm90" : "sm80";
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

std::vector<Finding> examine(const Problem& problem, const Notice& doing) {
  auto [ways, findings, ys] = examine_ways(problem, harness::foldconv_ways().front(), doing);
  // What is planned is also shown by its cut, which has a row of its own.
  const auto taken = std::ranges::find(ways, true, &Way::planned);
  if (taken != ways.end() && taken->name != "planned") {
    findings.push_back(findings[static_cast<std::size_t>(taken - ways.begin())]);
    findings.back().way = "planned";
    findings.back().taken = taken->name;
  }
  return findings;
}

void compare_bits(const Images& images, const std::vector<Computed>& computed) {
  std::map<std::string, const Computed*> firsts;
  for (const Computed& one : computed) {
    const Computed* other = firsts.try_emplace(order_of_sums(one.finding->way), &one).first->second;
    const bool promised = other != &one;
    if (!promised) other = &computed.front();
    if (other == &one) continue;
    Finding& finding = *one.finding;
    const std::string where = difference(images, other->y, one.y);
    finding.beside = other->finding->way;
    finding.same_bits = where.empty();
    finding.same_promised = promised;
    if (promised && !where.empty() && finding.reason.empty()) {
      finding.reason = "other bits than " + finding.beside + ": " + where;
    }
  }
}

std::vector<Finding> examine_kernels(const Problem& problem,
                                     const std::vector<std::string>& kernels, const Notice& doing) {
  auto [ways, findings, ys] = examine_ways(problem, harness::pinned_ways(kernels), doing);
  std::vector<Computed> computed;
  for (std::size_t at = 0; at < findings.size(); ++at) {
    if (findings[at].refusal.empty()) computed.push_back({&findings[at], std::move(ys[at])});
  }
  compare_bits(problem.output(), computed);
  return std::move(findings);
}

}  // namespace foldconv::tool
