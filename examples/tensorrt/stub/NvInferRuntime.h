// SPDX-License-Identifier: MIT
// Where TensorRT is not installed: of its interface (version 10 and 11) what the example and its engine use, declared
// alike. Nothing here is TensorRT's code, and a plugin that is compiled with this runs in no real engine.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#define TENSORRTAPI

namespace nvinfer1 {

enum class DataType : std::int32_t { kFLOAT = 0, kHALF = 1, kINT32 = 3 };
enum class TensorFormat : std::int32_t { kLINEAR = 0, kHWC8 = 2 };
enum class PluginFieldType : std::int32_t { kINT32 = 5, kCHAR = 6, kDIMS = 7, kUNKNOWN = 8 };
enum class PluginCapabilityType : std::int32_t { kCORE, kBUILD, kRUNTIME };
enum class TensorRTPhase : std::int32_t { kBUILD, kRUNTIME };
enum class DimensionOperation : std::int32_t { kSUM, kPROD };

struct Dims64 {
  static constexpr std::int32_t MAX_DIMS = 8;
  std::int32_t nbDims;
  std::int64_t d[MAX_DIMS];
};
using Dims = Dims64;

struct PluginTensorDesc {
  Dims dims;
  DataType type;
  TensorFormat format;
  float scale;
};

struct DynamicPluginTensorDesc {
  PluginTensorDesc desc;
  Dims min, max, opt;
};

struct PluginField {
  PluginField(const char* its_name = nullptr, const void* its_data = nullptr,
              PluginFieldType its_type = PluginFieldType::kUNKNOWN,
              std::int32_t its_length = 0) noexcept
      : name(its_name), data(its_data), type(its_type), length(its_length) {}

  const char* name;
  const void* data;
  PluginFieldType type;
  std::int32_t length;
};

struct PluginFieldCollection {
  std::int32_t nbFields = 0;
  const PluginField* fields = nullptr;
};

// Expressions of extents are the engine's.
class IDimensionExpr;
struct DimsExprs {
  std::int32_t nbDims;
  const IDimensionExpr* d[Dims::MAX_DIMS];
};

namespace apiv {

class VRoot {
 public:
  virtual ~VRoot() = default;
};

class VDimensionExpr : public VRoot {
 public:
  virtual bool isConstant() const = 0;
  virtual std::int64_t getConstantValue() const = 0;
  virtual bool isSizeTensor() const = 0;
};

class VExprBuilder : public VRoot {
 public:
  virtual const IDimensionExpr* constant(std::int64_t value) = 0;
  virtual const IDimensionExpr* operation(DimensionOperation operation, const IDimensionExpr& first,
                                          const IDimensionExpr& second) = 0;
  virtual const IDimensionExpr* declareSizeTensor(std::int32_t output, const IDimensionExpr& usual,
                                                  const IDimensionExpr& most) = 0;
};

}  // namespace apiv

class IDimensionExpr {
 public:
  bool isConstant() const noexcept { return mImpl->isConstant(); }
  std::int64_t getConstantValue() const noexcept { return mImpl->getConstantValue(); }

 protected:
  virtual ~IDimensionExpr() noexcept = default;
  apiv::VDimensionExpr* mImpl;
};

class IExprBuilder {
 public:
  const IDimensionExpr* constant(std::int64_t value) noexcept { return mImpl->constant(value); }

 protected:
  virtual ~IExprBuilder() noexcept = default;
  apiv::VExprBuilder* mImpl;
};

struct InterfaceInfo {
  const char* kind;
  std::int32_t major, minor;
};

class IVersionedInterface {
 public:
  virtual ~IVersionedInterface() noexcept = default;
  virtual InterfaceInfo getInterfaceInfo() const noexcept = 0;
};

class IPluginCapability : public IVersionedInterface {};
class IPluginResourceContext;

class IPluginV3 : public IVersionedInterface {
 public:
  InterfaceInfo getInterfaceInfo() const noexcept override { return {"PLUGIN", 1, 0}; }
  virtual IPluginCapability* getCapabilityInterface(PluginCapabilityType type) noexcept = 0;
  virtual IPluginV3* clone() noexcept = 0;
};

class IPluginV3OneCore : public IPluginCapability {
 public:
  InterfaceInfo getInterfaceInfo() const noexcept override { return {"PLUGIN_V3ONE_CORE", 1, 0}; }
  virtual const char* getPluginName() const noexcept = 0;
  virtual const char* getPluginVersion() const noexcept = 0;
  virtual const char* getPluginNamespace() const noexcept = 0;
};

class IPluginV3OneBuild : public IPluginCapability {
 public:
  InterfaceInfo getInterfaceInfo() const noexcept override { return {"PLUGIN_V3ONE_BUILD", 1, 0}; }
  virtual std::int32_t configurePlugin(const DynamicPluginTensorDesc* in, std::int32_t inputs,
                                       const DynamicPluginTensorDesc* out,
                                       std::int32_t outputs) noexcept = 0;
  virtual std::int32_t getOutputDataTypes(DataType* out, std::int32_t outputs, const DataType* in,
                                          std::int32_t inputs) const noexcept = 0;
  virtual std::int32_t getOutputShapes(const DimsExprs* in, std::int32_t inputs,
                                       const DimsExprs* shapes, std::int32_t shape_inputs,
                                       DimsExprs* out, std::int32_t outputs,
                                       IExprBuilder& builder) noexcept = 0;
  virtual bool supportsFormatCombination(std::int32_t place, const DynamicPluginTensorDesc* tensors,
                                         std::int32_t inputs, std::int32_t outputs) noexcept = 0;
  virtual std::int32_t getNbOutputs() const noexcept = 0;
  virtual std::size_t getWorkspaceSize(const DynamicPluginTensorDesc*, std::int32_t,
                                       const DynamicPluginTensorDesc*,
                                       std::int32_t) const noexcept {
    return 0;
  }
};

class IPluginV3OneRuntime : public IPluginCapability {
 public:
  InterfaceInfo getInterfaceInfo() const noexcept override {
    return {"PLUGIN_V3ONE_RUNTIME", 1, 0};
  }
  virtual std::int32_t onShapeChange(const PluginTensorDesc* in, std::int32_t inputs,
                                     const PluginTensorDesc* out,
                                     std::int32_t outputs) noexcept = 0;
  virtual std::int32_t enqueue(const PluginTensorDesc* in, const PluginTensorDesc* out,
                               const void* const* inputs, void* const* outputs, void* workspace,
                               cudaStream_t stream) noexcept = 0;
  virtual IPluginV3* attachToContext(IPluginResourceContext* context) noexcept = 0;
  virtual const PluginFieldCollection* getFieldsToSerialize() noexcept = 0;
};

class IPluginCreatorInterface : public IVersionedInterface {};

class IPluginCreatorV3One : public IPluginCreatorInterface {
 public:
  InterfaceInfo getInterfaceInfo() const noexcept override {
    return {"PLUGIN CREATOR_V3ONE", 1, 0};
  }
  virtual IPluginV3* createPlugin(const char* name, const PluginFieldCollection* fields,
                                  TensorRTPhase phase) noexcept = 0;
  virtual const PluginFieldCollection* getFieldNames() noexcept = 0;
  virtual const char* getPluginName() const noexcept = 0;
  virtual const char* getPluginVersion() const noexcept = 0;
  virtual const char* getPluginNamespace() const noexcept = 0;
};

}  // namespace nvinfer1
