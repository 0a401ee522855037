// Layers and blocks as cuDNN computes them:
//   cudnn           one operation graph for each convolution, with all that stands behind it
//   cudnn-unfused   the convolution alone, then BatchNorm, add and activation, a call each
// each convolution by the fastest engine that is right. A block's projection is a convolution of its
// own, which the last one adds as its residual.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compute/block_workload.hpp"
#include "compute/cudnn_steps.hpp"
#include "compute/workload.hpp"

namespace foldconv::tool {

// What the steps read and write beside the problem's own tensors; pointers, because steps keep
// addresses.
struct CudnnTensors {
  std::vector<std::unique_ptr<DeviceBuffer>> buffers;
  std::vector<std::unique_ptr<DeviceBatchNorm>> batch_norms;
};

// `names`: of wanted_of_cudnn(). All arguments but `names` must outlive the result. What cuDNN does
// not take is an implementation with its refusal and no steps, and so is a session that failed.
std::vector<Implementation> cudnn_implementations(const Result<CudnnSearch>& search,
                                                  const std::vector<std::string>& names,
                                                  const Workload& workload, CudnnTensors& tensors);
std::vector<Implementation> cudnn_implementations(const Result<CudnnSearch>& search,
                                                  const std::vector<std::string>& names,
                                                  const BlockWorkload& workload,
                                                  CudnnTensors& tensors);

}  // namespace foldconv::tool
