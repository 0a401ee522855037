// SPDX-License-Identifier: MIT
// Does with the plugin what TensorRT does: asks it while an engine is built, makes it again of what the engine keeps,
// and runs it for fewer images than it was built for. engine network.onnx, that of tests/consumer: its answers are known
// by hand.
#include <NvInferRuntime.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

using namespace nvinfer1;

extern "C" TENSORRTAPI IPluginCreatorInterface* const* getCreators(int32_t& count);

namespace {

void require(bool right, const char* otherwise) {
  if (right) return;
  std::fprintf(stderr, "engine: %s\n", otherwise);
  std::exit(1);
}

// Of expressions, constants alone.
struct ConstantExtent final : IDimensionExpr, apiv::VDimensionExpr {
  explicit ConstantExtent(std::int64_t its_value) : value(its_value) { mImpl = this; }
  bool isConstant() const override { return true; }
  std::int64_t getConstantValue() const override { return value; }
  bool isSizeTensor() const override { return false; }
  std::int64_t value;
};

struct ConstantExtents final : IExprBuilder, apiv::VExprBuilder {
  ConstantExtents() { mImpl = this; }
  const IDimensionExpr* constant(std::int64_t value) override {
    return made.emplace_back(std::make_unique<ConstantExtent>(value)).get();
  }
  const IDimensionExpr* operation(DimensionOperation, const IDimensionExpr&,
                                  const IDimensionExpr&) override {
    return nullptr;
  }
  const IDimensionExpr* declareSizeTensor(std::int32_t, const IDimensionExpr&,
                                          const IDimensionExpr&) override {
    return nullptr;
  }
  std::vector<std::unique_ptr<ConstantExtent>> made;
};

template <class Capability>
Capability* part(IPluginV3& plugin, PluginCapabilityType type) {
  return static_cast<Capability*>(plugin.getCapabilityInterface(type));
}

PluginTensorDesc tensor(Dims dims) {
  return {dims, DataType::kFLOAT, TensorFormat::kLINEAR, 1};
}

Dims images(std::int64_t n) {
  return {4, {n, 2, 4, 4}};
}
Dims logits(std::int64_t n) {
  return {2, {n, 2}};
}

// What TensorRT asks while it builds an engine for up to three images; the workspace's bytes.
std::size_t build(IPluginV3OneBuild& plugin) {
  const ConstantExtent open(-1), channels(2), size(4);
  const DimsExprs in{4, {&open, &channels, &size, &size}};
  DimsExprs out{};
  ConstantExtents extents;
  DataType type = DataType::kHALF;
  const DataType in_type = DataType::kFLOAT;
  DynamicPluginTensorDesc tensors[] = {{tensor(images(-1)), images(1), images(3), images(2)},
                                       {tensor(logits(-1)), logits(1), logits(3), logits(2)}};
  require(plugin.getNbOutputs() == 1, "other outputs");
  require(plugin.getOutputDataTypes(&type, 1, &in_type, 1) == 0 && type == DataType::kFLOAT,
          "another type");
  require(plugin.getOutputShapes(&in, 1, nullptr, 0, &out, 1, extents) == 0 && out.nbDims == 2 &&
              out.d[0] == &open && out.d[1]->getConstantValue() == 2,
          "other extents");
  for (const int place : {0, 1}) {
    require(plugin.supportsFormatCombination(place, tensors, 1, 1), "fp32 is refused");
    auto& format = tensors[place].desc.format;
    format = TensorFormat::kHWC8;
    require(!plugin.supportsFormatCombination(place, tensors, 1, 1), "another format is taken");
    format = TensorFormat::kLINEAR;
  }
  require(plugin.configurePlugin(tensors, 1, tensors + 1, 1) == 0, "no plan");
  return plugin.getWorkspaceSize(tensors, 1, tensors + 1, 1);
}

// A copy of what the engine keeps of a plugin, made to one again as the engine is read.
std::unique_ptr<IPluginV3> read_again(IPluginCreatorV3One& creator,
                                      const PluginFieldCollection& kept) {
  std::vector<std::vector<char>> bytes;
  std::vector<PluginField> fields;
  for (std::int32_t i = 0; i < kept.nbFields; ++i) {
    const PluginField& field = kept.fields[i];
    const std::size_t size = field.type == PluginFieldType::kDIMS ? sizeof(Dims) : 1;
    const auto* const begin = static_cast<const char*>(field.data);
    bytes.emplace_back(begin, begin + size * static_cast<std::size_t>(field.length));
    fields.emplace_back(field.name, bytes.back().data(), field.type, field.length);
  }
  const PluginFieldCollection copy{static_cast<std::int32_t>(fields.size()), fields.data()};
  return std::unique_ptr<IPluginV3>(creator.createPlugin("layer", &copy, TensorRTPhase::kRUNTIME));
}

// Ones, twos, ..: under 3x3 ones over two channels each gives 18 inside, 12 at edges, 8 in corners, 12.5 on average, of
// which the logits are 2 and -1 times as much, and 0 and 1 more.
void run(IPluginV3OneRuntime& plugin, int n, void* workspace) {
  std::vector<float> x, y(static_cast<std::size_t>(2 * n)), expected;
  for (int i = 1; i <= n; ++i) {
    x.insert(x.end(), 2 * 4 * 4, static_cast<float>(i));
    expected.insert(expected.end(),
                    {25.0f * static_cast<float>(i), 1 - 12.5f * static_cast<float>(i)});
  }
  void *x_device = nullptr, *y_device = nullptr;
  cudaStream_t stream = nullptr;
  cudaMalloc(&x_device, x.size() * sizeof(float));
  cudaMalloc(&y_device, y.size() * sizeof(float));
  cudaStreamCreate(&stream);
  cudaMemcpyAsync(x_device, x.data(), x.size() * sizeof(float), cudaMemcpyHostToDevice, stream);
  const PluginTensorDesc in = tensor(images(n)), out = tensor(logits(n));
  require(plugin.onShapeChange(&in, 1, &out, 1) == 0, "a shape is refused");
  require(plugin.enqueue(&in, &out, &x_device, &y_device, workspace, stream) == 0, "no run");
  cudaMemcpyAsync(y.data(), y_device, y.size() * sizeof(float), cudaMemcpyDeviceToHost, stream);
  cudaStreamSynchronize(stream);
  require(y == expected, "wrong logits");
  cudaStreamDestroy(stream);
  cudaFree(x_device);
  cudaFree(y_device);
}

}  // namespace

int main(int count, char** arguments) {
  require(count == 2, "give network.onnx");
  std::ifstream file(arguments[1], std::ios::binary);
  const std::string model(std::istreambuf_iterator<char>(file), {});
  std::int32_t creators = 0;
  auto& creator = *static_cast<IPluginCreatorV3One*>(getCreators(creators)[0]);
  require(creators == 1 && creator.getFieldNames()->nbFields == 1, "other creators");
  const PluginField field(creator.getFieldNames()->fields[0].name, model.data(),
                          PluginFieldType::kCHAR, static_cast<std::int32_t>(model.size()));
  const PluginField damaged(field.name, model.data(), PluginFieldType::kCHAR, field.length / 2);
  const PluginFieldCollection fields{1, &field}, damaged_fields{1, &damaged};
  require(creator.createPlugin("layer", &damaged_fields, TensorRTPhase::kBUILD) == nullptr,
          "half a file is taken");

  std::unique_ptr<IPluginV3> built(creator.createPlugin("layer", &fields, TensorRTPhase::kBUILD));
  require(built != nullptr, "no plugin");
  void* workspace = nullptr;
  cudaMalloc(&workspace, build(*part<IPluginV3OneBuild>(*built, PluginCapabilityType::kBUILD)));
  const auto kept = read_again(
      creator,
      *part<IPluginV3OneRuntime>(*built, PluginCapabilityType::kRUNTIME)->getFieldsToSerialize());
  require(kept != nullptr, "no plugin of what is kept");
  built.reset();

  const std::unique_ptr<IPluginV3> attached(
      part<IPluginV3OneRuntime>(*kept, PluginCapabilityType::kRUNTIME)->attachToContext(nullptr));
  auto& runs = *part<IPluginV3OneRuntime>(*attached, PluginCapabilityType::kRUNTIME);
  for (const int n : {3, 1, 2}) run(runs, n, workspace);
  const PluginTensorDesc many = tensor(images(4)), out = tensor(logits(4));
  require(runs.onShapeChange(&many, 1, &out, 1) != 0, "more images than planned are taken");
  std::puts("engine: ok");
}
