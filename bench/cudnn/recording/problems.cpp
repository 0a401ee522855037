// SPDX-License-Identifier: MIT
#include "cudnn/recording/problems.hpp"

#include <utility>

namespace foldconv::cudnn {
namespace {

ConvProblem base(DataType dtype) {
  return {.dtype = dtype,
          .n = 2,
          .h = 7,
          .w = 6,
          .c = 32,
          .k = 40,
          .r = 3,
          .s = 3,
          .pad = {1, 1, 1, 1},
          .activation = Activation::relu};
}

void add_epilogues(DataType dtype, std::vector<RecordedConv>& all) {
  ConvProblem plain = base(dtype);
  plain.activation = Activation::none;
  all.push_back({"alone", plain, false});
  all.push_back({"bias", plain});
  all.push_back({"scale_bias", plain, true, ScalePlacement::epilogue});
  plain.residual = true;
  all.push_back({"bias_residual", plain});
  plain.activation = Activation::relu;
  all.push_back({"bias_residual_relu", plain});
  all.push_back({"scale_bias_residual_relu", plain, true, ScalePlacement::epilogue});
  for (int i = 1; i < kActivationCount; ++i) {
    ConvProblem problem = base(dtype);
    problem.activation = {static_cast<Activation::Kind>(i), 0.125f};
    all.push_back({std::string("bias_") + to_string(problem.activation.kind), problem});
  }
}

void add_geometries(DataType dtype, std::vector<RecordedConv>& all) {
  const auto add = [&](const char* name, auto change) {
    ConvProblem problem = base(dtype);
    change(problem);
    all.push_back({name, problem});
  };
  add("stride_2", [](ConvProblem& p) { p.stride = {2, 2}; });
  add("stride_2_by_1", [](ConvProblem& p) { p.stride = {2, 1}; });
  add("no_padding", [](ConvProblem& p) { p.pad = {}; });
  add("more_below_and_right", [](ConvProblem& p) { p.pad = {0, 1, 1, 2}; });
  add("dilation_2", [](ConvProblem& p) {
    p.dilation = {2, 2};
    p.pad = {2, 2, 2, 2};
  });
  add("groups_4", [](ConvProblem& p) { p.groups = 4; });
  add("depthwise", [](ConvProblem& p) { p.groups = p.k = p.c; });
  add("1x1", [](ConvProblem& p) {
    p.r = p.s = 1;
    p.pad = {};
  });
  add("1x1_stride_2", [](ConvProblem& p) {
    p.r = p.s = 1;
    p.pad = {};
    p.stride = {2, 2};
  });
  add("5x3", [](ConvProblem& p) {
    p.r = 5;
    p.pad = {2, 2, 1, 1};
  });
  add("stem_7x7", [](ConvProblem& p) {
    p.c = 3;
    p.r = p.s = 7;
    p.stride = {2, 2};
    p.pad = {3, 3, 3, 3};
    p.h = p.w = 15;
  });
}

}  // namespace

std::vector<RecordedConv> recorded_convs() {
  std::vector<RecordedConv> all;
  for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
    std::vector<RecordedConv> of_type;
    add_epilogues(dtype, of_type);
    if (dtype != DataType::f32) add_geometries(dtype, of_type);
    for (RecordedConv& one : of_type) {
      one.name += std::string("_") + to_string(dtype);
      all.push_back(std::move(one));
    }
  }
  return all;
}

std::vector<RecordedBlock> recorded_blocks() {
  std::vector<RecordedBlock> all;
  for (const DataType dtype : {DataType::f16, DataType::bf16}) {
    for (const auto& [name, descriptor] : {
             std::pair{"identity", "mb1ih6iw5_ic64mid64oc64"},
             {"projection", "mb1ih5iw6_ic32mid64oc96proj"},
             {"v1_5_stride_2", "mb1ih7iw9_ic32mid32oc64_s2"},
             {"v1_stride_2", "mb1ih9iw7_ic32mid32oc64_s2v1"},
             {"basic_identity", "mb1ih7iw6_ic32oc32"},
             {"basic_stride_2", "mb1ih9iw7_ic16oc32_s2"},
         }) {
      all.push_back({std::string(name) + "_" + to_string(dtype), descriptor, dtype});
    }
  }
  return all;
}

}  // namespace foldconv::cudnn
