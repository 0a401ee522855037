// SPDX-License-Identifier: MIT
// Block::plan, Stage and BlockPlan.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "base/pitch.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "base/trace.hpp"
#include "block/cuts.hpp"
#include "block/data.hpp"
#include "block/family.hpp"
#include "block/planned.hpp"
#include "block/rules.hpp"
#include "catalog/family.hpp"
#include "conv/arguments.hpp"
#include "conv/conv_data.hpp"
#include "foldconv/checked_runs.hpp"

namespace foldconv {
namespace {

using host::BlockData;
using host::BlockPlanData;
using host::BlockTensor;
using host::BlockWorkspace;
using host::guarded;
using host::Internals;
using host::invalid;
using host::Path;
using host::PlannedBlock;
using host::text;

std::size_t bytes_of(const std::vector<PlannedBlock>& blocks, const BlockTensor& tensor) {
  const PlannedBlock& block = blocks[static_cast<std::size_t>(tensor.block)];
  const Shape shape = tensor.role == BlockTensor::Role::t1   ? block.shape_before(1)
                      : tensor.role == BlockTensor::Role::t2 ? block.shape_before(2)
                                                             : block.output();
  return static_cast<std::size_t>(shape.elements()) * size_of(block.data->dtype);
}

BlockWorkspace workspace_of(const Path& path, const std::vector<PlannedBlock>& blocks) {
  return BlockWorkspace(path.launches, static_cast<int>(blocks.size()),
                        [&](const BlockTensor& tensor) { return bytes_of(blocks, tensor); });
}

CutFigures figures_of(const Path& path, BlockCut cut, const std::vector<PlannedBlock>& blocks,
                      const DeviceSpeed& speed) {
  CutFigures figures;
  figures.cut = cut;
  figures.refusal = path.refusal;
  double recomputed = 0;
  for (const host::BlockLaunch& launch : path.launches) {
    const LaunchCost& cost = launch.cost;
    figures.launches.push_back(
        {cost, launch.kernel, floor_seconds(cost, speed) * 1e6, limit_of(cost, speed)});
    figures.dram_bytes += cost.dram_bytes;
    figures.flops += cost.flops;
    recomputed += cost.recomputed;
  }
  figures.recomputed = figures.flops > 0 ? recomputed / figures.flops : 0;
  figures.workspace_bytes = workspace_of(path, blocks).bytes();
  figures.floor_us = path.seconds * 1e6;
  return figures;
}

// The cut that the options ask for: the pinned one, or the one that is made of the pinned kernel.
// Errors: invalid_argument: no such cut or kernel.
Result<BlockCut> wanted_cut(const BlockPlanOptions& options) {
  if (options.cut > BlockCut::chain) {
    return invalid("unknown cut", text("static_cast<BlockCut>(", int(options.cut), ")"),
                   "use a value of the enum");
  }
  if (options.kernel.empty()) return options.cut;
  std::optional<BlockCut> found;
  std::string known;
  const auto search = [&](const auto& family, BlockCut cut) {
    if (host::has_kernel(family, options.kernel)) found = cut;
    for (const auto& kernel : family) known += text(known.empty() ? "" : ", ", kernel.name);
  };
  search(host::whole_kernels(), BlockCut::whole);
  search(host::inverted_kernels(), BlockCut::whole);
  search(host::tail_kernels(), BlockCut::tails);
  search(host::joined_kernels(), BlockCut::chain);
  if (!found) {
    return invalid("there is no kernel of blocks of the pinned name",
                   text('"', options.kernel, '"'), text("kernels of blocks: ", known));
  }
  return options.cut == BlockCut::automatic ? *found : options.cut;
}

// Of all convolutions of the blocks. Errors: unsupported: the device, or a pinned kernel, is of others than those asked for.
Result<host::Family> family_of_blocks(const std::vector<PlannedBlock>& blocks,
                                      const BlockPlanOptions& options,
                                      const host::DeviceFigures& device) {
  if (!options.kernel.empty()) {
    if (options.instructions == Instructions::sm90) {
      return host::error(ErrorCode::unsupported,
                         text("the pinned kernel ", options.kernel,
                              " is of other instructions than those asked for"),
                         "sm80, BlockPlanOptions::instructions = sm90", "pin another, or none");
    }
    return host::Family{Instructions::sm80, "of the pinned kernel"};
  }
  std::string rule;
  for (const PlannedBlock& block : blocks) {
    rule = host::sm90_rule(block);
    if (rule.empty()) continue;
    if (blocks.size() > 1) rule = text("block ", block.index, ": ", rule);
    break;
  }
  return host::family_by_rule(rule, options.instructions, device);
}

std::string reason_of(const BlockPlanOptions& options, const host::Offers& offers) {
  using host::Part;
  if (!options.kernel.empty()) return "pinned by BlockPlanOptions::kernel";
  if (options.cut != BlockCut::automatic) return "pinned by BlockPlanOptions::cut";
  const bool fused = std::ranges::any_of(offers.offers, [](const host::Offers::Offer& offer) {
    return offer.part == Part::whole || offer.part == Part::tail || offer.part == Part::tail_head;
  });
  return fused ? "the least floor time" : "no other cut takes the blocks";
}

Status check_pitches(const BlockData& block, const BlockPitches& pitch) {
  if (Status status = host::check_pitch("pitch.x", pitch.x, "c", block.c(), block.dtype);
      !status.ok())
    return status;
  return host::check_pitch("pitch.y", pitch.y, "k", block.k(), block.dtype);
}

// The sizes and an inverted block's padding are the caller's: they are checked before anything is computed from them.
Status check_problems(const PlannedBlock& block) {
  if (!block.data->inverted) return validate(block.problem(0));
  for (std::size_t step = 0; step < block.data->steps.size(); ++step) {
    if (Status status = validate(block.problem(step)); !status.ok())
      return host::at(block.data->steps[step].name, status);
  }
  return {};
}

// So that sums of some tensors' bytes do not overflow.
Status check_sizes(const PlannedBlock& block) {
  constexpr std::int64_t kMostBytes = std::int64_t{1} << 59;
  for (std::size_t step = 0; step <= block.data->steps.size(); ++step) {
    Shape shape = block.shape_before(step);
    if (step == 0) shape.c = std::max(shape.c, block.pitch.x);
    if (step == block.data->steps.size()) shape.c = std::max(shape.c, block.pitch.y);
    const auto element = static_cast<std::int64_t>(size_of(block.data->dtype));
    const auto bytes = host::checked_product({shape.n, shape.h, shape.w, shape.c, element});
    if (bytes && *bytes <= kMostBytes) continue;
    return invalid(text("a tensor of block ", block.index, " has more than 2^59 bytes"),
                   host::trace_name(shape), "use a smaller batch or image");
  }
  return {};
}

Result<BlockPlanData> plan_blocks(std::vector<Block> blocks,
                                  const std::vector<const BlockData*>& data, const Images& images,
                                  const BlockPlanOptions& options) {
  const BlockData& first = *data.front();
  const Result<BlockCut> cut = wanted_cut(options);
  if (!cut.ok()) return cut.status();
  if (Status status = host::check_current_device(first.device, "the block"); !status.ok())
    return status;
  if (Status status = host::check_instructions(options.instructions, first.figures); !status.ok())
    return status;

  std::vector<PlannedBlock> planned;
  Shape input = {images.n, images.h, images.w, first.c()};
  for (const BlockData* block : data) {
    BlockPitches pitch;
    if (planned.empty()) pitch.x = options.pitch.x;
    if (planned.size() + 1 == data.size()) pitch.y = options.pitch.y;
    planned.push_back({block, static_cast<int>(planned.size()), input, pitch});
    if (Status status = check_pitches(*block, pitch); !status.ok()) return status;
    if (Status status = check_problems(planned.back()); !status.ok()) return status;
    if (Status status = check_sizes(planned.back()); !status.ok()) return status;
    input = planned.back().output();
  }
  const Result<host::Family> family = family_of_blocks(planned, options, first.figures);
  if (!family.ok()) return family.status();
  const host::PlanContext context = {first.figures, first.speed, options.kernel,
                                     family->instructions};
  const Result<host::Offers> offers = host::collect_offers(planned, context);
  if (!offers.ok()) return offers.status();

  const auto path_of = [&](BlockCut each) {
    return host::find_path(*offers, static_cast<int>(planned.size()), each, first.speed);
  };
  Path chosen = path_of(*cut);
  if (!chosen.refusal.empty()) {
    return host::error(ErrorCode::unsupported,
                       text("the ", to_string(*cut), " cut does not take the blocks"),
                       chosen.refusal, "pin another, or none");
  }
  if (!options.kernel.empty() &&
      std::ranges::none_of(chosen.launches, [&](const host::BlockLaunch& launch) {
        return launch.kernel == options.kernel;
      })) {
    return host::error(
        ErrorCode::unsupported,
        text("the plan has no launch of the pinned kernel ", options.kernel),
        text("in the ", to_string(*cut), " cut no part of the blocks is of its family"),
        "pin another, or none");
  }
  BlockExplanation explanation;
  for (const BlockData* block : data) explanation.shortcuts.push_back(block->shortcut);
  explanation.cut = *cut;
  explanation.instructions = family->instructions;
  explanation.instructions_reason = family->reason;
  explanation.device = first.speed.to_string();
  if (planned.size() > 1)
    explanation.cuts.push_back(
        figures_of(path_of(BlockCut::automatic), BlockCut::automatic, planned, first.speed));
  for (const BlockCut each : {BlockCut::whole, BlockCut::tails, BlockCut::chain}) {
    const Path path = path_of(each);
    explanation.cuts.push_back(figures_of(path, each, planned, first.speed));
    // A mixture that is one of the pinned cuts, part by part, goes by its name.
    if (explanation.cut == BlockCut::automatic && path.parts == chosen.parts)
      explanation.cut = each;
  }
  explanation.reason = reason_of(options, *offers);
  BlockWorkspace workspace = workspace_of(chosen, planned);
  std::string trace_name = text(
      planned.size() == 1 ? "block " : "stage ", to_string(explanation.cut), " ",
      host::trace_name(planned.front().input), " -> ", host::trace_name(planned.back().output()));
  return BlockPlanData{std::move(blocks),      first.dtype,
                       planned.front().input,  planned.back().output(),
                       options.pitch,          first.device,
                       std::move(workspace),   std::move(chosen.launches),
                       std::move(explanation), std::move(trace_name)};
}

Status check_neighbours(int index, const BlockData& before, const BlockData& block) {
  if (before.dtype != block.dtype) {
    return invalid("blocks of different data types cannot follow each other",
                   text("block ", index - 1, " ", to_string(before.dtype), ", block ", index, " ",
                        to_string(block.dtype)),
                   "fold all blocks for one data type");
  }
  if (before.device != block.device) {
    return invalid("blocks on different devices cannot follow each other",
                   text("block ", index - 1, " on device ", before.device, ", block ", index,
                        " on device ", block.device),
                   "create all blocks on one device");
  }
  if (before.k() != block.c()) {
    return invalid(text("the channels do not chain at block ", index),
                   text("it takes ", block.c(), ", block ", index - 1, " gives ", before.k()),
                   text("give a block of ", before.k(), " input channels"));
  }
  return {};
}

}  // namespace

Result<BlockPlan> Block::plan(const Images& images, const BlockPlanOptions& options) const {
  return guarded([&]() -> Result<BlockPlan> {
    Result<BlockPlanData> data = plan_blocks({*this}, {data_.get()}, images, options);
    if (!data.ok()) return data.status();
    return Internals::make<BlockPlan>(std::make_shared<const BlockPlanData>(std::move(*data)));
  });
}

Result<Stage> Stage::create(std::vector<Block> blocks) {
  return guarded([&]() -> Result<Stage> {
    if (blocks.empty()) return invalid("a stage without blocks", "0 blocks", "give one or more");
    for (std::size_t i = 1; i < blocks.size(); ++i) {
      if (Status status = check_neighbours(static_cast<int>(i), Internals::data(blocks[i - 1]),
                                           Internals::data(blocks[i]));
          !status.ok()) {
        return status;
      }
    }
    return Stage(std::make_shared<const std::vector<Block>>(std::move(blocks)));
  });
}

Result<BlockPlan> Stage::plan(const Images& images, const BlockPlanOptions& options) const {
  return guarded([&]() -> Result<BlockPlan> {
    std::vector<const BlockData*> blocks;
    for (const Block& block : *blocks_) blocks.push_back(&Internals::data(block));
    Result<BlockPlanData> data = plan_blocks(*blocks_, blocks, images, options);
    if (!data.ok()) return data.status();
    return Internals::make<BlockPlan>(std::make_shared<const BlockPlanData>(std::move(*data)));
  });
}

Status host::check_weights(const Block& block) {
  const BlockData& data = Internals::data(block);
  const auto check = [](const std::optional<Conv>& conv) {
    return conv ? Internals::data(*conv).memory.check_there() : Status();
  };
  for (const BlockStep& step : data.steps) {
    if (Status status = check(step.conv); !status.ok()) return at(step.name, status);
  }
  if (data.downsample) {
    if (Status status = check(data.downsample->conv); !status.ok())
      return at(data.downsample->name, status);
  }
  if (Status status = check(data.joined); !status.ok()) return status;
  if (!data.widened) return {};
  if (Status status = check(data.widened->conv1); !status.ok()) return status;
  return check(data.widened->conv2);
}

Status BlockPlan::run(const BlockBuffers& buffers, cudaStream_t stream) const {
  return guarded([&]() -> Status {
    const Data& plan = *data_;
    const Result<int> images = host::images_of_run(buffers.images, plan.input.n);
    if (!images.ok()) return images.status();
    Shape input = plan.input, output = plan.output;
    input.n = output.n = *images;
    BlockBuffers bound = buffers;
    bound.images = *images;
    if (Status status = host::check_current_device(plan.device, "the plan"); !status.ok())
      return status;
    if (runs_are_checked()) {
      for (const Block& block : plan.blocks) {
        if (Status status = host::check_weights(block); !status.ok()) return status;
      }
    }
    if (Status status = host::check_block_buffers(input, output, plan.pitch, plan.dtype, bound,
                                                  workspace_bytes());
        !status.ok()) {
      return status;
    }
    const host::TraceRange range(plan.trace_name.c_str());
    for (const host::BlockLaunch& launch : plan.launches) {
      if (Status status = host::run(launch, plan.workspace, bound, plan.input.n, stream);
          !status.ok())
        return status;
    }
    return {};
  });
}

Shape BlockPlan::input() const noexcept {
  return data_->input;
}
Shape BlockPlan::output() const noexcept {
  return data_->output;
}
std::size_t BlockPlan::workspace_bytes() const noexcept {
  return data_->workspace.bytes();
}
const BlockExplanation& BlockPlan::explanation() const noexcept {
  return data_->explanation;
}

}  // namespace foldconv
