// SPDX-License-Identifier: MIT
#include "host_array.hpp"

#include <string_view>
#include <utility>

#include "dlpack.hpp"
#include "error.hpp"
#include "gil.hpp"

namespace nb = nanobind;

namespace foldconv::python {
namespace {

std::string kind_of(nb::handle x) {
  return nb::str(nb::handle(reinterpret_cast<PyObject*>(Py_TYPE(x.ptr()))).attr("__name__"))
      .c_str();
}

// Of native byte order; 0: of another, or of more than a letter.
char format_letter(const char* format) {
  std::string_view text = format == nullptr ? "B" : format;
  if (text.size() == 2 && (text[0] == '@' || text[0] == '=' || text[0] == '<'))
    text.remove_prefix(1);
  return text.size() == 1 ? text[0] : '\0';
}

}  // namespace

HostArray::HostArray(nb::handle x, const std::string& who, bool channels_last) {
  const nb::module_ numpy = nb::module_::import_("numpy");
  nb::object array = nb::borrow(x);
  try {
    if (!PyObject_CheckBuffer(x.ptr())) {
      array = in_python([&] { return numpy.attr("from_dlpack")(x); });
      if (channels_last && nb::cast<int>(array.attr("ndim")) == 4) {
        const nb::object turned = array.attr("transpose")(0, 2, 3, 1);
        const bool was_dense = nb::cast<bool>(array.attr("flags")["C_CONTIGUOUS"]);
        if (!was_dense && nb::cast<bool>(turned.attr("flags")["C_CONTIGUOUS"])) array = turned;
      }
    }
    if (PyObject_GetBuffer(array.ptr(), &view_, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) != 0) {
      PyErr_Clear();
      acquire(numpy.attr("ascontiguousarray")(array), PyBUF_FORMAT | PyBUF_C_CONTIGUOUS);
    }
  } catch (nb::python_error& error) {
    raise(invalid(who + " cannot be read", kind_of(x) + ": " + nb::str(error.value()).c_str(),
                  "give a NumPy array, as by numpy.asarray()"));
  }
  read_shape();
}

HostArray HostArray::writable(nb::handle x, const std::string& who) {
  HostArray result;
  if (PyObject_CheckBuffer(x.ptr()) == 0 ||
      PyObject_GetBuffer(x.ptr(), &result.view_,
                         PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) != 0) {
    PyErr_Clear();
    raise(invalid(who + " cannot be written to", kind_of(x),
                  "give a writable, C-contiguous NumPy array"));
  }
  result.read_shape();
  return result;
}

HostArray::HostArray(HostArray&& other) noexcept
    : view_(std::exchange(other.view_, {})), shape_(std::move(other.shape_)) {}
HostArray& HostArray::operator=(HostArray&& other) noexcept {
  std::swap(view_, other.view_);
  std::swap(shape_, other.shape_);
  return *this;
}
HostArray::~HostArray() {
  if (view_.obj != nullptr) PyBuffer_Release(&view_);
}

void HostArray::acquire(nb::handle x, int flags) {
  if (PyObject_GetBuffer(x.ptr(), &view_, flags) != 0) throw nb::python_error();
}

void HostArray::read_shape() {
  shape_.assign(view_.shape, view_.shape + view_.ndim);
}

const Element* HostArray::element() const {
  const char letter = format_letter(view_.format);
  for (const Element* element : {&kU8, &kF16, &kF32}) {
    if (element->format == letter) return element;
  }
  return nullptr;
}

std::string HostArray::dtype() const {
  const Element* const known = element();
  if (known != nullptr) return known->name;
  return std::string("format \"") + (view_.format == nullptr ? "B" : view_.format) + "\"";
}

void HostArray::require(const Element& wanted, const std::string& who) const {
  const Element* const found = element();
  if (found != nullptr && found->format == wanted.format) return;
  raise(invalid(who + " has another dtype", dtype() + ", the plan's is " + wanted.name,
                std::string("give x.astype(numpy.") + wanted.numpy + ")"));
}

bool is_host_array(nb::handle x, const std::string& who) {
  if (PyObject_CheckBuffer(x.ptr()) != 0) return true;
  if (!has_dlpack(x)) {
    raise(invalid(who + " is no array", kind_of(x),
                  "give a NumPy array, or an object with __dlpack__ and __dlpack_device__, such as "
                  "a tensor of PyTorch, CuPy or JAX"));
  }
  const DLDevice device = dlpack_device(x);
  if (device.type == kDLCPU || device.type == kDLCUDAHost) return true;
  if (device.type == kDLCUDA || device.type == kDLCUDAManaged) return false;
  raise(invalid(who + " is on a device of another kind",
                "DLPack device type " + std::to_string(device.type),
                "copy it to the host or to a CUDA device"));
}

}  // namespace foldconv::python
