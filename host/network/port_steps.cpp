// SPDX-License-Identifier: MIT
// How tensors come in and go out.
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "layer/preprocess.hpp"
#include "network/node_steps.hpp"

namespace foldconv::host {

Status add_steps(PlanBuilder& plan, const op::Input& op) {
  const PixelFormat& format = plan.options().input;
  const Result<int> from =
      plan.new_input(static_cast<std::size_t>(op.index), pixel_bytes(format.type));
  if (!from.ok()) return from.status();
  const std::size_t rank = plan.extents_of(plan.node().output).size();
  PixelFormat resolved = format;
  if (format.layout == PixelLayout::model)
    resolved.layout = op.channels_last ? PixelLayout::nhwc : PixelLayout::nchw;
  if (rank == 4 && pixels_suffice(plan, resolved)) {
    plan.set_pixels(*from, resolved);
    return {};
  }
  Result<Placed> y = plan.make(rank == 4 ? channels_last_order(rank) : plain_order(rank));
  if (!y.ok()) return y.status();
  if (rank == 4) {
    const Images size = images_of(*y);
    return plan.add_layer(plan_preprocess({.dtype = plan.dtype(),
                                           .n = size.n,
                                           .h = size.h,
                                           .w = size.w,
                                           .c = static_cast<int>(y->extents[1]),
                                           .format = resolved}),
                          *from, -1, *y);
  }
  if (format.type == PixelType::u8) {
    return error(ErrorCode::unsupported, "an input that is no image comes as f32 or f16",
                 text("PixelType::u8, extents ", to_string(y->extents)), "set the input's type");
  }
  plan.set(*y);
  const Placed x = {*from, y->extents, y->order};
  return plan.add_copy(plan.node().output, x, *y,
                       format.type == PixelType::f32 ? DataType::f32 : DataType::f16, plan.dtype(),
                       "input");
}

Status add_steps(PlanBuilder& plan, const op::Known&) {
  const auto& constant = std::get<DeviceConstant>(plan.prepared());
  const int place =
      plan.new_place({.kind = Place::Kind::constant, .constant = constant.memory.part(0)});
  const Extents extents = plan.extents_of(plan.node().output);
  plan.set({place, extents, plain_order(extents.size())});
  return {};
}

Status add_output(PlanBuilder& plan, const GraphOutput& output) {
  const Placed x = plan.place_of(output.value);
  const bool as_f32 = plan.options().output == NetworkPlanOptions::Output::f32;
  const DataType to = as_f32 ? DataType::f32 : plan.dtype();
  const int place = plan.new_output(output, x, size_of(to));
  const Placed y = {place, x.extents, plain_order(x.extents.size())};
  return plan.add_copy(output.value, x, y, plan.dtype(), to, "output");
}

}  // namespace foldconv::host
