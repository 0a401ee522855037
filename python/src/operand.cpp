// SPDX-License-Identifier: MIT
#include "operand.hpp"

#include <cstdint>
#include <string>

#include "array.hpp"
#include "error.hpp"

namespace nb = nanobind;

namespace foldconv::python {
namespace {

struct Layout {
  std::span<const std::int64_t> shape;
  const std::int64_t* strides = nullptr;  // elements; null: dense
};

// Dense, in the order of the axes (none: row-major).
bool is_dense(const Layout& layout, std::span<const std::size_t> order = {}) {
  if (layout.strides == nullptr) return true;
  std::int64_t dense = 1;
  for (std::size_t i = layout.shape.size(); i-- > 0;) {
    const std::size_t axis = order.empty() ? i : order[i];
    if (layout.shape[axis] != 1 && layout.strides[axis] != dense) return false;
    dense *= layout.shape[axis];
  }
  return true;
}

// Whether extents are the port's, with fewer images where it may be fewer, or exactly `images` (0: any).
bool fits(const Port& port, const Extents& shape, int images) {
  if (shape.size() != port.shape.size()) return false;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const bool first = axis == 0 && port.batched;
    if (first && images != 0 ? shape[0] != images
        : first              ? shape[0] < 1 || shape[0] > port.shape[0]
                             : shape[axis] != port.shape[axis]) {
      return false;
    }
  }
  return true;
}

std::string wanted(const Port& port, int images) {
  Extents shape = port.shape;
  if (port.batched && images != 0) shape[0] = images;
  std::string text = shown(shape);
  if (port.batched && images == 0 && port.shape[0] > 1) text += " or fewer images";
  return text;
}

// Raises unless the array lies in memory as the port has it.
void require_layout(const Port& port, const Layout& layout, int images, const std::string& who) {
  static constexpr std::size_t kToLast[] = {0, 2, 3, 1};
  const Extents shape(layout.shape.begin(), layout.shape.end());
  const bool fitting = fits(port, shape, images);
  if (fitting && is_dense(layout)) return;
  if (port.channels_last && shape.size() == 4 && layout.strides != nullptr &&
      fits(port, {shape[0], shape[2], shape[3], shape[1]}, images) && is_dense(layout, kToLast)) {
    return;
  }
  if (!fitting) {
    raise(invalid(who + " has another shape",
                  shown(shape) + ", the plan's is " + wanted(port, images),
                  "give that shape, or plan for this one"));
  }
  std::string strides;
  for (std::size_t i = 0; i < shape.size(); ++i)
    strides += (i == 0 ? "" : ", ") + std::to_string(layout.strides[i]);
  raise(invalid(who + " is not dense and row-major", "strides " + strides,
                port.shape.size() == 4 && !port.channels_last
                    ? "give x.contiguous(); of channels_last tensors plan with input=\"f32 nhwc\""
                    : "give x.contiguous()"));
}

void require_element(const Port& port, const std::string& found, const std::string& who) {
  if (found == port.element->name) return;
  raise(invalid(who + " has another dtype", found + ", the plan's is " + port.element->name,
                "convert it, or plan with another input= or dtype="));
}

void require_device(int found, int device, const std::string& who) {
  if (found == device) return;
  raise(invalid(who + " is on another device",
                "device " + std::to_string(found) + ", the plan's is " + std::to_string(device),
                "copy it to device " + std::to_string(device) + ", or load the network there"));
}

void require_aligned(const void* data, const std::string& who) {
  const auto past = reinterpret_cast<std::uintptr_t>(data) % kAlignmentBytes;
  if (past == 0) return;
  raise(
      failure(ErrorCode::misaligned, who + " is misaligned",
              std::to_string(past) + " bytes past a multiple of " + std::to_string(kAlignmentBytes),
              "give a tensor that begins where its memory does: x.clone()"));
}

[[noreturn]] void broken(const std::string& who, const std::string& what) {
  raise(invalid(who + " has a broken DLPack tensor", what, "correct its __dlpack__"));
}

// What a producer may get wrong, seen before anything follows its pointers.
void require_sound(const DLTensor& tensor, int device, const std::string& who) {
  constexpr int kMostAxes = 64;
  std::string wrong;
  if (tensor.ndim < 0 || tensor.ndim > kMostAxes) {
    wrong = "ndim = " + std::to_string(tensor.ndim);
  } else if (tensor.ndim > 0 && tensor.shape == nullptr) {
    wrong = "shape is null";
  } else if (tensor.device.type != kDLCUDA && tensor.device.type != kDLCUDAManaged) {
    wrong = "device type " + std::to_string(tensor.device.type) + ", not __dlpack_device__'s";
  }
  if (!wrong.empty()) broken(who, wrong);
  if (tensor.device.type == kDLCUDA) require_device(tensor.device.id, device, who);
}

std::string dtype_name(const DLDataType& dtype) {
  for (const Element* element : kElements) {
    if (dtype.lanes == 1 && dtype.code == element->dlpack && dtype.bits == 8 * element->bytes)
      return element->name;
  }
  const char* const kind = dtype.code == 0   ? "i"
                           : dtype.code == 1 ? "u"
                           : dtype.code == 2 ? "f"
                           : dtype.code == 6 ? "bool"
                                             : "code ";
  std::string name = kind + (dtype.code <= 2 || dtype.code == 6 ? std::to_string(dtype.bits)
                                                                : std::to_string(dtype.code));
  if (dtype.lanes != 1) name += " x " + std::to_string(dtype.lanes);
  return name;
}

Operand on_host(nb::handle x, const Port& port, Use use, int images, const std::string& who) {
  Operand result;
  result.host =
      use == Use::read ? HostArray(x, who, port.channels_last) : HostArray::writable(x, who);
  result.host.require(*port.element, who);
  require_layout(port, {result.host.shape()}, images, who);
  if (port.batched) result.images = static_cast<int>(result.host.shape()[0]);
  result.bytes = elements_of(result.host.shape()) * port.element->bytes;
  return result;
}

Operand of_array(Array& array, const Port& port, Use use, int device, int images,
                 cudaStream_t stream, nb::handle owner, const std::string& who) {
  require_device(array.memory->device(), device, who);
  require_element(port, array.element->name, who);
  require_layout(port, {array.shape}, images, who);
  check(use == Use::read ? array.memory->read_by(stream, owner)
                         : array.memory->written_by(stream, owner));
  Operand result;
  result.data = array.memory->data();
  if (port.batched) result.images = static_cast<int>(array.shape[0]);
  result.bytes = array.bytes();
  return result;
}

}  // namespace

Operand operand_of(nb::handle x, const Port& port, Use use, int device, int images,
                   cudaStream_t stream, nb::handle owner, const std::string& who) {
  Array* array = nullptr;
  if (nb::try_cast(x, array) && array != nullptr)
    return of_array(*array, port, use, device, images, stream, owner, who);
  if (is_host_array(x, who)) return on_host(x, port, use, images, who);

  const DLDevice at = dlpack_device(x);
  if (at.type == kDLCUDA) require_device(at.id, device, who);
  Operand result;
  result.borrowed = borrow(x, stream);
  const DLTensor& tensor = result.borrowed.tensor();
  require_sound(tensor, device, who);
  const auto rank = static_cast<std::size_t>(tensor.ndim);
  const Layout layout = {{tensor.shape, rank}, tensor.strides};
  require_element(port, dtype_name(tensor.dtype), who);
  require_layout(port, layout, images, who);
  if (use == Use::written && result.borrowed.read_only())
    raise(invalid(who + " cannot be written to", "its owner says read-only", "give a copy"));
  if (tensor.data == nullptr) broken(who, "data is null");  // as of arrays without elements
  result.data = static_cast<std::byte*>(tensor.data) + tensor.byte_offset;
  require_aligned(result.data, who);
  if (port.batched) result.images = static_cast<int>(tensor.shape[0]);
  result.bytes = elements_of(layout.shape) * port.element->bytes;
  return result;
}

}  // namespace foldconv::python
