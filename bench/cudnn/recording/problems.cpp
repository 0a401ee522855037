// SPDX-License-Identifier: MIT
#include "cudnn/recording/record.hpp"

#include <utility>

#include "harness/problem/text.hpp"

namespace foldconv::cudnn {
namespace {

using harness::Problem;
using harness::Settings;

// Names and descriptors (see harness/problem/text.hpp).
constexpr std::pair<const char*, const char*> kGeometries[] = {
    {"stride_2", "ic32oc40_ih7kh3sh2ph1_iw6kw3sw2pw1"},
    {"stride_2_by_1", "ic32oc40_ih7kh3sh2ph1_iw6kw3pw1"},
    {"no_padding", "ic32oc40_ih7kh3_iw6kw3"},
    {"more_below_and_right", "ic32oc40_ih7oh6kh3ph0_iw6ow7kw3pw1"},
    {"dilation_2", "ic32oc40_ih7kh3dh1ph2_iw6kw3dw1pw2"},
    {"groups_4", "g4ic32oc40_ih7kh3ph1_iw6kw3pw1"},
    {"depthwise", "g32ic32oc32_ih7kh3ph1_iw6kw3pw1"},
    {"1x1", "ic32oc40_ih7kh1_iw6kw1"},
    {"1x1_stride_2", "ic32oc40_ih7kh1sh2_iw6kw1sw2"},
    {"5x3", "ic32oc40_ih7kh5ph2_iw6kw3pw1"},
    {"stem_7x7", "ic3oc40_ih15kh7sh2ph3"},
};
constexpr std::pair<const char*, const char*> kBlocks[] = {
    {"identity", "mb1ih6iw5_ic64mid64oc64"},
    {"projection", "mb1ih5iw6_ic32mid64oc96proj"},
    {"v1_5_stride_2", "mb1ih7iw9_ic32mid32oc64_s2"},
    {"v1_stride_2", "mb1ih9iw7_ic32mid32oc64_s2v1"},
    {"basic_identity", "mb1ih7iw6_ic32oc32"},
    {"basic_stride_2", "mb1ih9iw7_ic16oc32_s2"},
};

void add(std::vector<RecordedProblem>& all, const std::string& name, Problem problem,
         const Settings& settings, ScalePlacement placement = ScalePlacement::weights,
         bool batch_norm = true) {
  harness::apply(settings, problem);
  all.push_back(
      {name + "_" + to_string(settings.dtype), std::move(problem), placement, batch_norm});
}

void add_epilogues(std::vector<RecordedProblem>& all, DataType dtype) {
  const Problem layer = harness::parse_layer("ic32oc40_ih7kh3ph1_iw6kw3pw1");
  const Settings plain{.dtype = dtype, .activation = Activation::none};
  Settings sum = plain, relu{.dtype = dtype, .residual = true};
  sum.residual = true;
  add(all, "alone", layer, plain, ScalePlacement::weights, /*batch_norm=*/false);
  add(all, "bias", layer, plain);
  add(all, "scale_bias", layer, plain, ScalePlacement::epilogue);
  add(all, "bias_residual", layer, sum);
  add(all, "bias_residual_relu", layer, relu);
  add(all, "scale_bias_residual_relu", layer, relu, ScalePlacement::epilogue);
  for (int i = 1; i < kActivationCount; ++i) {
    const Activation activation{static_cast<Activation::Kind>(i), 0.125f};
    add(all, std::string("bias_") + to_string(activation.kind), layer,
        {.dtype = dtype, .activation = activation});
  }
}

}  // namespace

std::vector<RecordedProblem> recorded_problems() {
  std::vector<RecordedProblem> all;
  for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
    add_epilogues(all, dtype);
    if (dtype == DataType::f32) continue;
    for (const auto& [name, descriptor] : kGeometries) {
      add(all, name, harness::parse_layer(descriptor), {.dtype = dtype});
    }
    for (const auto& [name, descriptor] : kBlocks) {
      add(all, std::string("block_") + name, harness::parse_block(descriptor), {.dtype = dtype},
          ScalePlacement::epilogue);
    }
  }
  return all;
}

}  // namespace foldconv::cudnn
