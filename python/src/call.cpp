// SPDX-License-Identifier: MIT
// The arrays of a call: looked at, made, and kept.
#include <algorithm>
#include <cstdint>

#include "array.hpp"
#include "error.hpp"
#include "plan.hpp"

namespace nb = nanobind;

namespace foldconv::python {
namespace {

std::string named(const char* kind, const Port& port) {
  return std::string(kind) + " \"" + port.name + "\"";
}

std::string names_of(const std::vector<Port>& ports) {
  std::string names;
  for (const Port& port : ports) names += (names.empty() ? "\"" : ", \"") + port.name + "\"";
  return names;
}

Extents shape_of(const Port& port, int images) {
  Extents shape = port.shape;
  if (port.batched) shape[0] = images;
  return shape;
}

std::vector<nb::object> listed(nb::handle out, const Work& work) {
  if (work.outputs.size() == 1 && !PyTuple_Check(out.ptr()) && !PyList_Check(out.ptr()))
    return {nb::borrow(out)};
  if ((!PyTuple_Check(out.ptr()) && !PyList_Check(out.ptr())) ||
      nb::len(out) != work.outputs.size()) {
    raise(invalid(
        "out is not an array for each output", nb::repr(out.type()).c_str(),
        "give " + std::to_string(work.outputs.size()) + ", in a tuple: " + names_of(work.outputs)));
  }
  std::vector<nb::object> all;
  for (std::size_t i = 0; i < work.outputs.size(); ++i) all.push_back(nb::object(out[i]));
  return all;
}

// The library sees those on a device, where host arrays have places of their own.
void require_apart(const std::vector<Operand>& outputs, const std::vector<Port>& ports) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const auto first = reinterpret_cast<std::uintptr_t>(outputs[j].host.data());
      const auto second = reinterpret_cast<std::uintptr_t>(outputs[i].host.data());
      if (second >= first + outputs[j].host.bytes() || first >= second + outputs[i].host.bytes())
        continue;
      raise(failure(ErrorCode::aliasing, named("output", ports[i]) + " overlaps another",
                    "\"" + ports[j].name + "\"", "give an array of its own for each"));
    }
  }
}

nb::object tuple_of(std::vector<nb::object>& objects) {
  if (objects.size() == 1) return std::move(objects.front());
  nb::list all;
  for (const nb::object& object : objects) all.append(object);
  return nb::tuple(all);
}

}  // namespace

Call::Call(const Work& work, nb::handle arrays, nb::handle stream_object, nb::handle out) {
  const std::size_t count = nb::len(arrays);
  if (count != work.inputs.size()) {
    raise(invalid("another number of arrays than the plan has inputs", std::to_string(count),
                  "give " + std::to_string(work.inputs.size()) + ": " + names_of(work.inputs)));
  }
  stream = stream_of(stream_object);
  check(check_stream(stream, work.device, "plan"));

  inputs.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Port& port = work.inputs[i];
    Operand operand = operand_of(arrays[i], port, Use::read, work.device, 0, stream, stream_object,
                                 named("input", port));
    if (operand.images != 0 && images != 0 && operand.images != images) {
      raise(invalid(named("input", port) + " has another number of images than those before it",
                    std::to_string(operand.images) + ", not " + std::to_string(images),
                    "give as many of each"));
    }
    if (operand.images != 0) images = operand.images;
    const bool host = static_cast<bool>(operand.host);
    if (i > 0 && host != on_host) {
      raise(invalid(named("input", port) + (host ? " is on the host" : " is on the device"),
                    "those before it are not", "give all on the host, or all on the device"));
    }
    on_host = host;
    buffers.inputs.push_back(operand.data);
    inputs.push_back(std::move(operand));
  }
  if (images == 0) images = work.images;
  buffers.images = images;

  std::vector<nb::object> given, made;
  if (!out.is_none()) given = listed(out, work);
  outputs.reserve(work.outputs.size());
  for (std::size_t i = 0; i < work.outputs.size(); ++i) {
    const Port& port = work.outputs[i];
    Operand operand;
    if (!given.empty()) {
      operand = operand_of(given[i], port, Use::written, work.device, images, stream, stream_object,
                           named("output", port));
      if (static_cast<bool>(operand.host) != on_host) {
        raise(invalid(named("output", port) + (on_host ? " is on the device" : " is on the host"),
                      "the inputs are not", "give all on the host, or all on the device"));
      }
    } else if (on_host) {
      made.push_back(empty_numpy(shape_of(port, images), *port.element));
      operand.host = HostArray::writable(made.back(), port.name);
      operand.bytes = elements_of(operand.host.shape()) * port.element->bytes;
    } else {
      Array array{.shape = shape_of(port, images), .element = port.element};
      array.memory = take(StreamMemory::create(array.bytes(), work.device, stream, stream_object));
      operand.data = array.memory->data();
      operand.bytes = array.bytes();
      made.push_back(nb::cast(std::move(array)));
    }
    buffers.outputs.push_back(operand.data);
    outputs.push_back(std::move(operand));
  }
  if (on_host && !given.empty()) require_apart(outputs, work.outputs);
  result = given.empty() ? tuple_of(made) : nb::borrow(out);
}

void Call::keep_borrowed(int device) {
  for (std::vector<Operand>* const operands : {&inputs, &outputs}) {
    for (Operand& operand : *operands) {
      if (operand.borrowed) keep_until_done(std::move(operand.borrowed), stream, device);
    }
  }
}

}  // namespace foldconv::python
