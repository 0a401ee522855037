// SPDX-License-Identifier: MIT
// foldconv.Graph: a plan's launches for certain arrays, as a CUDA graph.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <mutex>

#include "plan.hpp"

namespace foldconv::python {

class PlanGraph {
 public:
  PlanGraph(nanobind::object plan, const nanobind::args& arrays, nanobind::handle out);
  ~PlanGraph();
  PlanGraph(const PlanGraph&) = delete;
  PlanGraph& operator=(const PlanGraph&) = delete;

  void launch(nanobind::handle stream);
  nanobind::object outputs() const { return call_->result; }

 private:
  Status enqueue(cudaStream_t stream);

  nanobind::object plan_;    // keeps the weights
  nanobind::object inputs_;  // and the arrays
  int device_ = 0;
  std::unique_ptr<Call> call_;
  std::byte* workspace_ = nullptr;
  std::unique_ptr<CudaGraph> graph_;
  std::mutex turn_;  // of launches; without the GIL
  cudaEvent_t done_ =
      nullptr;  // behind the last launch, which waits for those before it; null: none
};

std::unique_ptr<PlanGraph> capture(nanobind::handle plan, const nanobind::args& arrays,
                                   nanobind::handle out);
void register_graph(nanobind::module_& module);

}  // namespace foldconv::python
