// SPDX-License-Identifier: MIT
#include "cudnn/recording/recording.hpp"

#include <sstream>

#include "cudnn/recording/tensor_file.hpp"
#include "harness/problem/text.hpp"

namespace foldconv::cudnn {
namespace {

constexpr const char* kPrefix = "layer1.0.";

TensorFile file_of(const Witness& witness) {
  TensorFile file;
  file.metadata = {{"gpu", witness.gpu},
                   {"driver", witness.driver},
                   {"cuda", witness.cuda},
                   {"cudnn", witness.cudnn}};
  return file;
}

std::vector<std::int64_t> sizes(const Shape& shape) {
  return {shape.n, shape.h, shape.w, shape.c};
}

const char* kind_of(const BlockRecording& recording) {
  return recording.bottleneck ? "bottleneck" : "basic";
}

const char* stride_at(const BlockRecording& recording) {
  const bool first = !recording.bottleneck || recording.stride_at == StrideAt::conv1;
  return first ? "conv1" : "conv2";
}

}  // namespace

std::size_t write(const std::filesystem::path& folder, const ConvRecording& recording,
                  const Witness& witness) {
  const ConvProblem& p = recording.problem;
  TensorFile file = file_of(witness);
  file.metadata["problem"] = harness::problem_text(p);
  file.metadata["engine"] = recording.engine;
  file.add("x", p.dtype, sizes(p.input()), recording.x);
  file.add("weights", p.dtype, {p.k, p.c / p.groups, p.r, p.s}, recording.weights);
  file.add("scale", DataType::f32, {p.k}, recording.scale);
  file.add("bias", DataType::f32, {p.k}, recording.bias);
  if (p.residual) file.add("residual", p.dtype, sizes(p.output()), recording.residual);
  file.add("y", p.dtype, sizes(p.output()), recording.y);
  return file.write(folder / (recording.name + ".safetensors"));
}

std::string index_line(const BlockRecording& recording) {
  const Shape& x = recording.input;
  std::ostringstream line;
  line << recording.name << ' ' << kind_of(recording) << ' ' << kPrefix << ' ' << x.n << ' ' << x.h
       << ' ' << x.w << ' ' << x.c << ' ' << recording.middle << ' ' << recording.output.c << ' '
       << recording.downsample << ' ' << recording.stride << ' ' << stride_at(recording) << ' '
       << recording.groups << ' ' << recording.eps << '\n';
  return line.str();
}

std::string index_heading(const Witness& witness) {
  return "# cuDNN " + witness.cudnn + " on " + witness.gpu +
         ": name block prefix n h w c middle k downsample stride stride_at groups eps\n";
}

std::size_t write(const std::filesystem::path& folder, const BlockRecording& recording,
                  const Witness& witness) {
  TensorFile file = file_of(witness);
  file.metadata["block"] = kind_of(recording);
  file.metadata["prefix"] = kPrefix;
  file.metadata["stride"] = std::to_string(recording.stride);
  file.metadata["stride_at"] = stride_at(recording);
  file.metadata["groups"] = std::to_string(recording.groups);
  file.metadata["eps"] = recording.eps;
  file.metadata["dtype"] = to_string(recording.dtype);
  file.metadata["engines"] = recording.engines;
  for (const LayerRecording& layer : recording.layers) {
    const std::vector<std::int64_t> channels = {layer.k};
    const std::string batch_norm = kPrefix + layer.batch_norm;
    file.add(kPrefix + layer.conv + ".weight", recording.dtype,
             {layer.k, layer.c_per_group, layer.r, layer.r}, layer.weights);
    file.add(batch_norm + ".weight", DataType::f32, channels, layer.gamma);
    file.add(batch_norm + ".bias", DataType::f32, channels, layer.beta);
    file.add(batch_norm + ".running_mean", DataType::f32, channels, layer.mean);
    file.add(batch_norm + ".running_var", DataType::f32, channels, layer.variance);
  }
  file.add("golden.x", recording.dtype, sizes(recording.input), recording.x);
  file.add("golden.y", recording.dtype, sizes(recording.output), recording.y);
  return file.write(folder / "blocks" / (recording.name + ".safetensors"));
}

}  // namespace foldconv::cudnn
