// SPDX-License-Identifier: MIT
// What TensorRT asks of any plugin, answered for one that is made of a file, with a dense fp32 input and output.
#pragma once

#include <NvInferRuntime.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// Plugin: the class that derives from this. It has kName; load(), which makes of `model` what it can, and out_extents (of
// which the first is the input's); and plan(), which prepares for inputs up to `most`. Both return 0, or anything else
// where they fail, as TensorRT's calls do.
template <class Plugin>
class PluginBase : public nvinfer1::IPluginV3,
                   public nvinfer1::IPluginV3OneCore,
                   public nvinfer1::IPluginV3OneBuild,
                   public nvinfer1::IPluginV3OneRuntime {
 public:
  using Type = nvinfer1::PluginCapabilityType;
  nvinfer1::IPluginCapability* getCapabilityInterface(Type type) noexcept override {
    if (type == Type::kBUILD) return static_cast<nvinfer1::IPluginV3OneBuild*>(this);
    if (type == Type::kRUNTIME) return static_cast<nvinfer1::IPluginV3OneRuntime*>(this);
    return static_cast<nvinfer1::IPluginV3OneCore*>(this);
  }
  nvinfer1::IPluginV3* clone() noexcept override {
    return new Plugin(static_cast<const Plugin&>(*this));
  }
  nvinfer1::IPluginV3* attachToContext(nvinfer1::IPluginResourceContext*) noexcept override {
    return clone();
  }
  const char* getPluginName() const noexcept override { return Plugin::kName; }
  const char* getPluginVersion() const noexcept override { return "1"; }
  const char* getPluginNamespace() const noexcept override { return ""; }

  std::int32_t getNbOutputs() const noexcept override { return 1; }
  bool supportsFormatCombination(std::int32_t place,
                                 const nvinfer1::DynamicPluginTensorDesc* tensors, std::int32_t,
                                 std::int32_t) noexcept override {
    return tensors[place].desc.type == nvinfer1::DataType::kFLOAT &&
           tensors[place].desc.format == nvinfer1::TensorFormat::kLINEAR;
  }
  std::int32_t getOutputDataTypes(nvinfer1::DataType* types, std::int32_t,
                                  const nvinfer1::DataType*, std::int32_t) const noexcept override {
    types[0] = nvinfer1::DataType::kFLOAT;
    return 0;
  }

  std::int32_t getOutputShapes(const nvinfer1::DimsExprs* in, std::int32_t,
                               const nvinfer1::DimsExprs*, std::int32_t, nvinfer1::DimsExprs* out,
                               std::int32_t, nvinfer1::IExprBuilder& builder) noexcept override {
    out->nbDims = static_cast<std::int32_t>(out_extents.size());
    out->d[0] = in->d[0];
    for (std::size_t i = 1; i < out_extents.size(); ++i) {
      out->d[i] = builder.constant(out_extents[i]);
    }
    return 0;
  }
  std::int32_t configurePlugin(const nvinfer1::DynamicPluginTensorDesc* in, std::int32_t,
                               const nvinfer1::DynamicPluginTensorDesc*,
                               std::int32_t) noexcept override {
    most = in->max;
    return static_cast<Plugin&>(*this).plan();
  }
  std::int32_t onShapeChange(const nvinfer1::PluginTensorDesc* in, std::int32_t,
                             const nvinfer1::PluginTensorDesc*, std::int32_t) noexcept override {
    // Fewer images are what a plan takes; smaller ones are not.
    return in->dims.d[0] <= most.d[0] && std::equal(most.d + 1, most.d + 4, in->dims.d + 1) ? 0 : 1;
  }

  // An engine keeps the file and the largest input.
  const nvinfer1::PluginFieldCollection* getFieldsToSerialize() noexcept override {
    fields_[0] = {"model", model.data(), nvinfer1::PluginFieldType::kCHAR,
                  std::int32_t(model.size())};
    fields_[1] = {"most", &most, nvinfer1::PluginFieldType::kDIMS, 1};
    collection_ = {2, fields_};
    return &collection_;
  }
  void read(const nvinfer1::PluginFieldCollection& given) {
    for (std::int32_t i = 0; i < given.nbFields; ++i) {
      const nvinfer1::PluginField& field = given.fields[i];
      if (field.name == std::string_view("model"))
        model.assign(static_cast<const char*>(field.data), static_cast<std::size_t>(field.length));
      if (field.name == std::string_view("most"))
        most = *static_cast<const nvinfer1::Dims*>(field.data);
    }
  }

  std::string model;
  nvinfer1::Dims most = {};
  std::vector<std::int64_t> out_extents;

 private:
  nvinfer1::PluginField fields_[2];
  nvinfer1::PluginFieldCollection collection_;
};

template <class Plugin>
class PluginCreator : public nvinfer1::IPluginCreatorV3One {
 public:
  nvinfer1::IPluginV3* createPlugin(const char*, const nvinfer1::PluginFieldCollection* fields,
                                    nvinfer1::TensorRTPhase phase) noexcept override {
    auto plugin = std::make_unique<Plugin>();
    plugin->read(*fields);
    if (plugin->load() != 0) return nullptr;
    return phase == nvinfer1::TensorRTPhase::kBUILD || plugin->plan() == 0 ? plugin.release()
                                                                           : nullptr;
  }
  const nvinfer1::PluginFieldCollection* getFieldNames() noexcept override { return &fields_; }
  const char* getPluginName() const noexcept override { return Plugin::kName; }
  const char* getPluginVersion() const noexcept override { return "1"; }
  const char* getPluginNamespace() const noexcept override { return ""; }

 private:
  nvinfer1::PluginField model_{"model"};
  nvinfer1::PluginFieldCollection fields_{1, &model_};
};
