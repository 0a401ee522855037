// SPDX-License-Identifier: MIT
// foldconv.Plan: a plan with the memory that it needs, called with arrays.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>

#include "arena.hpp"
#include "operand.hpp"
#include "work.hpp"

namespace foldconv::python {

struct Call;

class Plan {
 public:
  explicit Plan(std::unique_ptr<const Work> work);
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  const Work& work() const { return *work_; }

  nanobind::object call(const nanobind::args& arrays, nanobind::handle stream,
                        nanobind::handle out);
  // A kept tensor of the last call.
  nanobind::object tensor(const std::string& name);
  // The launches of so many calls and nothing else, for python/bench.
  void launch_only(const nanobind::args& arrays, nanobind::handle out, int calls);

 private:
  // Copies, launches, copies; with the arena's mutex.
  Status enqueue(Call& call, Arena& arena) const;
  // What the last call left in its workspace, to the host.
  Status read_workspace(const Operand& to, const Port& port, std::size_t offset) const;

  std::unique_ptr<const Work> work_;
  std::unique_ptr<Arenas> arenas_;
  // Of a call with arrays on the host: where each lies in the staging memory.
  std::vector<std::size_t> staged_inputs_, staged_outputs_;
  std::size_t staging_bytes_ = 0;
};

// The arrays of a call. Raises as operand_of(); inputs and outputs are all on the host, or all on the device.
struct Call {
  Call(const Work& work, nanobind::handle arrays, nanobind::handle stream_object,
       nanobind::handle out);

  cudaStream_t stream = nullptr;
  bool on_host = false;
  int images = 0;  // of this call
  std::vector<Operand> inputs, outputs;
  NetworkBuffers buffers;  // of arrays on the host: null
  nanobind::object result;

  // What other libraries lent stays until the stream is done.
  void keep_borrowed(int device);
};

void register_plan(nanobind::module_& module);

}  // namespace foldconv::python
