// SPDX-License-Identifier: MIT
#include "layer/layer.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "base/trace.hpp"
#include "layer/make_layer.hpp"

namespace foldconv::host {
namespace {

LaunchShape launch_shape(const LayerWork& work, std::int64_t units, const DeviceFigures& figures) {
  const auto grid = work.most_ctas > 0
                        ? static_cast<std::uint32_t>(std::min(units, work.most_ctas))
                        : loop_grid(units, static_cast<int>(work.units_per_cta), figures);
  return {grid, static_cast<std::uint32_t>(work.threads), work.shared_bytes};
}

}  // namespace

LaunchCost layer_cost(double bytes, double flops) {
  return {.tensor_cores = false,
          .dram_bytes = bytes,
          .l2_bytes = bytes,
          .flops = flops,
          .executed_flops = flops};
}

Result<Layer> prepared_layer(const char* kernel, EntryPoint entry, const DeviceFigures& figures,
                             const LayerWork& work, const LaunchCost& cost,
                             Layer::Data::Launch launch) {
  const Result<KernelFigures> prepared =
      prepare_kernel(entry(), work.threads, work.shared_bytes, figures);
  if (!prepared.ok()) return prepared.status();
  return Layer(std::make_shared<const Layer::Data>(
      Layer::Data{.kernel = kernel,
                  .entry = entry,
                  .figures = figures,
                  .work = work,
                  .shape = launch_shape(work, work.units, figures),
                  .cost = cost,
                  .launch = std::move(launch)}));
}

Status Layer::run(const LayerBuffers& buffers, int images, cudaStream_t stream) const {
  return guarded([&]() -> Status {
    const LayerWork& work = data_->work;
    if (work.batched && (images < 1 || images > work.n)) {
      return invalid("images are not 1 to the planned n",
                     text("images = ", images, ", n = ", work.n), "plan for as many images");
    }
    const TraceRange range(data_->kernel);
    if (!work.batched || images == work.n)
      return data_->launch(data_->entry, data_->shape, buffers, work.units, stream);
    const std::int64_t units = work.units / work.n * images;
    return data_->launch(data_->entry, launch_shape(work, units, data_->figures), buffers, units,
                         stream);
  });
}

const char* Layer::kernel() const {
  return data_->kernel;
}
const LaunchCost& Layer::cost() const {
  return data_->cost;
}
const LaunchShape& Layer::shape() const {
  return data_->shape;
}

}  // namespace foldconv::host
