// SPDX-License-Identifier: MIT
// Of each operation the steps that compute it, and where its tensor lies.
#pragma once

#include "network/plan_builder.hpp"

namespace foldconv::host {

// The builder's node is of that operation.
Status add_steps(PlanBuilder& plan, const op::Conv& op);
Status add_steps(PlanBuilder& plan, const op::Stage& op);
Status add_steps(PlanBuilder& plan, const op::Stem& op);
Status add_steps(PlanBuilder& plan, const op::Gate& op);
Status add_steps(PlanBuilder& plan, const op::Linear& op);

Status add_steps(PlanBuilder& plan, const op::BatchNorm& op);
Status add_steps(PlanBuilder& plan, const op::Activate& op);
Status add_steps(PlanBuilder& plan, const op::Binary& op);
Status add_steps(PlanBuilder& plan, const op::Pool& op);
Status add_steps(PlanBuilder& plan, const op::GlobalPool& op);
Status add_steps(PlanBuilder& plan, const op::Softmax& op);
Status add_steps(PlanBuilder& plan, const op::Lrn& op);

Status add_steps(PlanBuilder& plan, const op::ResizeNearest& op);
Status add_steps(PlanBuilder& plan, const op::Concat& op);
Status add_steps(PlanBuilder& plan, const op::Slice& op);
Status add_steps(PlanBuilder& plan, const op::Pad& op);

// Views: no step, unless the tensor has to lie otherwise.
Status add_steps(PlanBuilder& plan, const op::Reshape& op);
Status add_steps(PlanBuilder& plan, const op::Transpose& op);
Status add_steps(PlanBuilder& plan, const op::Identity& op);

Status add_steps(PlanBuilder& plan, const op::Input& op);
Status add_steps(PlanBuilder& plan, const op::Known& op);
// Whether what reads the input, which the builder's node is, takes pixels of this format as they are, and nothing else
// needs the tensor.
bool pixels_suffice(const PlanBuilder& plan, const PixelFormat& format);
Status add_output(PlanBuilder& plan, const GraphOutput& output);

}  // namespace foldconv::host
