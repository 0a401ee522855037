// SPDX-License-Identifier: MIT
#include "block/cuts.hpp"

#include <algorithm>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"
#include "block/family.hpp"
#include "cost/best.hpp"

namespace foldconv::host {
namespace {

bool permits(BlockCut cut, Part part) {
  switch (cut) {
    case BlockCut::automatic:
      return true;
    case BlockCut::whole:
      return part == Part::whole;
    case BlockCut::tails:
      return part == Part::head || part == Part::tail || part == Part::tail_head;
    case BlockCut::chain:
      return part == Part::separate || part == Part::head || part == Part::rest;
  }
  return false;
}

Result<BlockLaunch> convolution(const BlockStep& step, const ConvProblem& problem, BlockTensor x,
                                BlockTensor residual, BlockTensor y, const PlanContext& context) {
  Result<ConvPlan> plan = step.conv->plan(problem, {.instructions = context.instructions});
  if (!plan.ok()) return at(step.name, plan.status());
  if (plan->workspace_bytes() > 0)
    return not_offered(
        text(step.name, " needs a workspace of its own: ", plan->explanation().kernel));
  const std::string kernel = plan->explanation().kernel;
  const LaunchCost cost = plan->explanation().cost;
  return BlockLaunch{kernel, cost, std::move(*plan), x, residual, y, {}};
}

// The convolutions from `step` on. A downsample that is not joined to the last one comes first, into
// y, where the last convolution adds to it in place.
Result<std::vector<BlockLaunch>> separate_launches(const PlannedBlock& planned, std::size_t step,
                                                   const PlanContext& context) {
  const BlockData& block = *planned.data;
  std::vector<BlockLaunch> launches;
  std::optional<BlockLaunch> joined;
  BlockTensor shortcut = block.residual ? planned.x() : BlockTensor{};
  if (block.joined) {
    // No way around a refusal: a downsample of its own would be rounded, and an image's bits would
    // depend on its batch.
    Result<BlockLaunch> offer = offer_joined(planned, context);
    if (!offer.ok()) return at("conv3 and downsample", offer.status());
    joined = std::move(*offer);
  } else if (block.downsample) {
    Result<BlockLaunch> launch = convolution(*block.downsample, planned.downsample_problem(),
                                             planned.x(), {}, planned.y(), context);
    if (!launch.ok()) return launch.status();
    launches.push_back(std::move(*launch));
    shortcut = planned.y();
  }
  for (std::size_t i = step; i < block.steps.size(); ++i) {
    const bool last = i + 1 == block.steps.size();
    if (last && joined) {
      launches.push_back(std::move(*joined));
      break;
    }
    const BlockTensor x = i == 0 ? planned.x() : i == 1 ? planned.t1() : planned.t2();
    const BlockTensor y = last ? planned.y() : i == 0 ? planned.t1() : planned.t2();
    Result<BlockLaunch> launch = convolution(block.steps[i], planned.problem(i), x,
                                             last ? shortcut : BlockTensor{}, y, context);
    if (!launch.ok()) return launch.status();
    launches.push_back(std::move(*launch));
  }
  return launches;
}

struct Collector {
  Offers offers;

  Status add(Part part, int block, Result<BlockLaunch> launch) {
    if (launch.ok()) {
      offers.offers.push_back({part, block, {std::move(*launch)}});
    } else if (launch.status().code() == ErrorCode::unsupported) {
      offers.refusals.push_back({part, block, launch.status().message()});
    } else {
      return launch.status();
    }
    return {};
  }
  Status add(Part part, int block, Result<std::vector<BlockLaunch>> launches) {
    if (!launches.ok()) return launches.status();
    offers.offers.push_back({part, block, std::move(*launches)});
    return {};
  }
};

// A place between parts: before block i, with its input or with its t1.
constexpr int node(int block, bool has_t1) {
  return 2 * block + (has_t1 ? 1 : 0);
}
int from(const Offers::Offer& offer) {
  const bool has_t1 =
      offer.part == Part::rest || offer.part == Part::tail || offer.part == Part::tail_head;
  return node(offer.block, has_t1);
}
int to(const Offers::Offer& offer) {
  if (offer.part == Part::head) return node(offer.block, true);
  return node(offer.block + 1, offer.part == Part::tail_head);
}

// Pinned, the tails cut ends a kernel at a block's border only where it cannot reach over it.
bool reaches_over(const Offers& offers, const Offers::Offer& tail) {
  return std::ranges::any_of(offers.offers, [&](const Offers::Offer& offer) {
    return offer.part == Part::tail_head && offer.block == tail.block;
  });
}

double seconds(const std::vector<BlockLaunch>& launches, const DeviceSpeed& speed) {
  double sum = 0;
  for (const BlockLaunch& launch : launches) sum += floor_seconds(launch.cost, speed);
  return sum;
}

double bytes(const std::vector<BlockLaunch>& launches) {
  double sum = 0;
  for (const BlockLaunch& launch : launches) sum += launch.cost.dram_bytes;
  return sum;
}

// A way to a place between parts: its last part, and which of the ways to where that begins comes before it.
struct Arrival {
  const Offers::Offer* by = nullptr;
  std::size_t before = 0;
  double seconds = 0, bytes = 0;
};

void add_arrival(std::vector<Arrival>& ways, const Arrival& way) {
  const auto beats = [](const Arrival& a, const Arrival& b) {
    return a.seconds <= b.seconds && a.bytes <= b.bytes;
  };
  if (std::ranges::any_of(ways, [&](const Arrival& other) { return beats(other, way); })) return;
  std::erase_if(ways, [&](const Arrival& other) { return beats(way, other); });
  ways.push_back(way);
}

// The model knows times to a hundredth: among the fastest the one that moves the least.
const Arrival& best_end(const std::vector<Arrival>& ways) {
  const double least = std::ranges::min(ways, {}, &Arrival::seconds).seconds;
  const Arrival* best = nullptr;
  for (const Arrival& way : ways) {
    if (way.seconds > least * kTimeTolerance) continue;
    if (best == nullptr || way.bytes < best->bytes) best = &way;
  }
  return *best;
}

std::string why_none(const Offers& offers, int blocks, BlockCut cut) {
  for (const Offers::Refusal& refusal : offers.refusals) {
    if (!permits(cut, refusal.part) || refusal.part == Part::tail_head) continue;
    return blocks == 1 ? refusal.reason
                       : text("block ", refusal.block, " of ", blocks, ": ", refusal.reason);
  }
  return "no kernel takes a part of the blocks";
}

}  // namespace

Result<Offers> collect_offers(const std::vector<PlannedBlock>& blocks, const PlanContext& context) {
  Collector collector;
  for (const PlannedBlock& block : blocks) {
    const int i = block.index;
    const bool last = i + 1 == static_cast<int>(blocks.size());
    const PlannedBlock* next = last ? nullptr : &blocks[static_cast<std::size_t>(i) + 1];
    // Convolutions first: they take every valid block, so what they refuse is the problem itself.
    if (block.data->bottleneck()) {
      Result<BlockLaunch> head =
          convolution(block.data->steps[0], block.problem(0), block.x(), {}, block.t1(), context);
      if (!head.ok()) return head.status();
      if (Status status = collector.add(Part::head, i, std::move(head)); !status.ok())
        return status;
      if (Status status = collector.add(Part::rest, i, separate_launches(block, 1, context));
          !status.ok()) {
        return status;
      }
    } else if (Status status =
                   collector.add(Part::separate, i, separate_launches(block, 0, context));
               !status.ok()) {
      return status;
    }
    // Kernels of several convolutions are of the sm_80 family.
    const auto fused = [&](Part part, auto&& offer) -> Status {
      if (context.instructions == Instructions::sm90)
        return collector.add(
            part, i, Result<BlockLaunch>(not_offered("the sm_90 family has the chain alone")));
      return collector.add(part, i, offer());
    };
    if (Status status = fused(Part::whole,
                              [&] {
                                return block.data->inverted ? offer_inverted(block, context)
                                                            : offer_whole(block, context);
                              });
        !status.ok())
      return status;
    if (Status status = fused(Part::tail, [&] { return offer_tail(block, nullptr, context); });
        !status.ok()) {
      return status;
    }
    if (next == nullptr) continue;
    if (Status status = fused(Part::tail_head, [&] { return offer_tail(block, next, context); });
        !status.ok()) {
      return status;
    }
  }
  return std::move(collector.offers);
}

Path find_path(const Offers& offers, int blocks, BlockCut cut, const DeviceSpeed& speed) {
  // Ways to a place, none of which another one beats in both time and bytes.
  std::vector<std::vector<Arrival>> arrivals(static_cast<std::size_t>(node(blocks, true)));
  arrivals.front().push_back({});
  const auto at = [&](int place) -> std::vector<Arrival>& { return arrivals[std::size_t(place)]; };
  // Offers lead to later places only.
  for (int place = 0; place < node(blocks, false); ++place) {
    for (const Offers::Offer& offer : offers.offers) {
      if (from(offer) != place || !permits(cut, offer.part)) continue;
      if (cut == BlockCut::tails && offer.part == Part::tail && reaches_over(offers, offer))
        continue;
      for (std::size_t i = 0; i < at(place).size(); ++i) {
        add_arrival(at(to(offer)),
                    {&offer, i, at(place)[i].seconds + seconds(offer.launches, speed),
                     at(place)[i].bytes + bytes(offer.launches)});
      }
    }
  }

  Path path;
  const std::vector<Arrival>& ends = at(node(blocks, false));
  if (ends.empty()) {
    path.refusal = why_none(offers, blocks, cut);
    return path;
  }
  const Arrival* arrival = &best_end(ends);
  path.seconds = arrival->seconds;
  std::vector<const Offers::Offer*> taken;
  for (; arrival->by != nullptr; arrival = &at(from(*taken.back()))[arrival->before])
    taken.push_back(arrival->by);
  std::ranges::reverse(taken);
  for (const Offers::Offer* offer : taken) {
    path.parts.push_back(offer->part);
    path.launches.insert(path.launches.end(), offer->launches.begin(), offer->launches.end());
  }
  return path;
}

}  // namespace foldconv::host
