// SPDX-License-Identifier: MIT
// From the parameters of a kernel to a Layer. For the layers of this folder alone.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "base/device.hpp"
#include "catalog/launch.hpp"
#include "catalog/registry.hpp"
#include "catalog/supported_device.hpp"
#include "layer/layer.hpp"
#include "params/conv_params.hpp"
#include "params/layer_params.hpp"

namespace foldconv::host {

// How much a launch computes. A unit is what the kernel's parameters say.
struct LayerWork {
  int n = 1;
  bool batched = true;     // or: always all units, whatever n is
  std::int64_t units = 0;  // of n images
  std::int64_t units_per_cta = kLayerThreads;
  int threads = kLayerThreads;  // of a CTA
  std::size_t shared_bytes = 0;
  std::int64_t most_ctas = 0;  // 0: as many as keep the device busy
};

struct Layer::Data {
  using Launch = std::function<Status(EntryPoint, const LaunchShape&, const LayerBuffers&,
                                      std::int64_t units, cudaStream_t)>;

  const char* kernel;
  EntryPoint entry;
  DeviceFigures figures;
  LayerWork work;
  LaunchShape shape;
  LaunchCost cost;
  Launch launch;
};

// Of a kernel without tensor cores that computes `flops` and moves `bytes` between DRAM and the SMs.
LaunchCost layer_cost(double bytes, double flops);

inline void set_units(PointwiseParams& params, std::int64_t units) {
  params.elements = units;
}
template <class Params>
void set_units(Params& params, std::int64_t units) {
  params.units = units;
}

// Loads the kernel on the current device.
Result<Layer> prepared_layer(const char* kernel, EntryPoint entry, const DeviceFigures& figures,
                             const LayerWork& work, const LaunchCost& cost,
                             Layer::Data::Launch launch);

// `params`: all but tensors and units. `Kernel`: LayerKernel or PointwiseKernel.
template <class Kernel, class Params>
Result<Layer> make_layer(const Kernel& kernel, const DeviceFigures& figures, const Params& params,
                         const LayerWork& work, const LaunchCost& cost) {
  return prepared_layer(
      kernel.name, kernel.entry, figures, work, cost,
      [params](EntryPoint entry, const LaunchShape& shape, const LayerBuffers& buffers,
               std::int64_t units, cudaStream_t stream) {
        Params own = params;
        own.x = buffers.x;
        if constexpr (requires { own.z; }) own.z = buffers.z;
        own.y = buffers.y;
        set_units(own, units);
        return launch(entry, shape, &own, stream);
      });
}

template <class Params>
Result<Layer> make_layer(LayerOp op, DataType dtype, const Params& params, const LayerWork& work,
                         const LaunchCost& cost) {
  const Result<DeviceFigures> figures = current_figures();
  if (!figures.ok()) return figures.status();
  return make_layer(*find_layer_kernel(op, dtype, *figures), *figures, params, work, cost);
}

}  // namespace foldconv::host
