// SPDX-License-Identifier: MIT
// fc_plan: its making, and what it says of itself.
#include <type_traits>

#include "base/text.hpp"
#include "c/error.hpp"
#include "c/objects.hpp"
#include "c/options.hpp"
#include "c/structs.hpp"
#include "c/text.hpp"
#include "network/plan_view.hpp"

namespace c = foldconv::c;
namespace host = foldconv::host;
using foldconv::NetworkPlan;
using foldconv::Result;
using foldconv::Status;

namespace foldconv::c {
namespace {

static_assert(std::is_same_v<int, std::int32_t>);  // the elements of KeptTensor::order

std::size_t elements_of(const Extents& extents) {
  std::size_t count = 1;
  for (const std::int64_t extent : extents) count *= static_cast<std::size_t>(extent);
  return count;
}

fc_extents view_of(const Extents& extents) {
  return {extents.empty() ? nullptr : extents.data(), extents.size()};
}

// `half`: the type that has two bytes.
Status write_port(const std::vector<host::Port>& ports, fc_type half, const char* what,
                  std::size_t index, fc_port* to) {
  if (index >= ports.size()) {
    return host::invalid(host::text("no ", what, " of this index"),
                         host::text(index, " of ", ports.size()),
                         host::text("use one below fc_plan_", what, "_count()"));
  }
  const host::Port& port = ports[index];
  const std::size_t element = port.bytes / elements_of(port.extents);
  return write_struct({.size = sizeof(fc_port),
                       .name = port.name.c_str(),
                       .bytes = port.bytes,
                       .extents = view_of(port.extents),
                       .type = element == 4   ? FC_TYPE_F32
                               : element == 1 ? FC_TYPE_U8
                                              : half,
                       .reserved = 0},
                      to);
}

Status write_tensor(const KeptTensor& tensor, fc_tensor* to) {
  return write_struct({.size = sizeof(fc_tensor),
                       .offset = tensor.offset,
                       .bytes = elements_of(tensor.extents) * size_of(tensor.dtype),
                       .extents = view_of(tensor.extents),
                       .order = tensor.order.data(),
                       .type = type_of(tensor.dtype),
                       .reserved = 0},
                      to);
}

}  // namespace
}  // namespace foldconv::c

fc_code fc_network_plan(const fc_network* network, const fc_plan_options* options, fc_plan** plan,
                        fc_error* error) {
  return c::made(plan, "plan", error, [&]() -> Result<fc_plan*> {
    if (Status status = c::check_given(network, "network"); !status.ok()) return status;
    const auto read = c::plan_options(options);
    if (!read.ok()) return read.status();
    const Result<NetworkPlan> made = network->network.plan(*read);
    if (!made.ok()) return made.status();
    return new fc_plan{*made, network->dtype};
  });
}

int32_t fc_plan_images(const fc_plan* plan) {
  return plan == nullptr ? 0 : plan->plan.images();
}
size_t fc_plan_input_count(const fc_plan* plan) {
  return plan == nullptr ? 0 : host::inputs_of(plan->plan).size();
}
size_t fc_plan_output_count(const fc_plan* plan) {
  return plan == nullptr ? 0 : host::outputs_of(plan->plan).size();
}
size_t fc_plan_workspace_bytes(const fc_plan* plan) {
  return plan == nullptr ? 0 : plan->plan.workspace_bytes();
}

fc_code fc_plan_input(const fc_plan* plan, size_t index, fc_port* port, fc_error* error) {
  return c::reported(error, [&]() -> Status {
    if (Status status = c::check_given(plan, "plan"); !status.ok()) return status;
    return c::write_port(host::inputs_of(plan->plan), FC_TYPE_F16, "input", index, port);
  });
}

fc_code fc_plan_output(const fc_plan* plan, size_t index, fc_port* port, fc_error* error) {
  return c::reported(error, [&]() -> Status {
    if (Status status = c::check_given(plan, "plan"); !status.ok()) return status;
    return c::write_port(host::outputs_of(plan->plan), c::type_of(plan->dtype), "output", index,
                         port);
  });
}

fc_code fc_plan_tensor(const fc_plan* plan, const char* name, fc_tensor* tensor, fc_error* error) {
  return c::reported(error, [&]() -> Status {
    if (Status status = c::check_given(plan, "plan"); !status.ok()) return status;
    if (Status status = c::check_given(name, "name"); !status.ok()) return status;
    const auto& kept = host::kept_of(plan->plan);
    const auto found = kept.find(std::string_view(name));
    if (found == kept.end()) return plan->plan.tensor(name).status();
    return c::write_tensor(found->second, tensor);
  });
}

fc_code fc_plan_explain(const fc_plan* plan, char* text, size_t capacity, size_t* length,
                        fc_error* error) {
  return c::reported(error, [&]() -> Status {
    if (Status status = c::check_given(plan, "plan"); !status.ok()) return status;
    const std::string all = plan->plan.explanation().to_string();
    if (all.empty()) return host::out_of_host_memory();
    return c::write_text(all, text, capacity, length);
  });
}

void fc_plan_free(fc_plan* plan) {
  delete plan;
}
