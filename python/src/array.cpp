// SPDX-License-Identifier: MIT
#include "array.hpp"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <cstring>
#include <utility>

#include "device.hpp"
#include "dlpack.hpp"
#include "error.hpp"
#include "gil.hpp"
#include "host_array.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace foldconv::python {
namespace {

constexpr int kWritable = PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE;

// What an exported tensor points to.
template <class Managed>
struct Export {
  Managed managed = {};
  Array array;
  std::vector<std::int64_t> strides = {};
};

DLTensor described(const Array& array, std::vector<std::int64_t>& strides) {
  strides.resize(array.shape.size());
  std::int64_t dense = 1;
  for (std::size_t i = array.shape.size(); i-- > 0;) {
    strides[i] = dense;
    dense *= array.shape[i];
  }
  const Element& element = *array.element;
  return {.data = array.memory->data(),
          .device = {kDLCUDA, array.memory->device()},
          .ndim = static_cast<std::int32_t>(array.shape.size()),
          .dtype = {element.dlpack, static_cast<std::uint8_t>(8 * element.bytes), 1},
          .shape = const_cast<std::int64_t*>(array.shape.data()),
          .strides = strides.data(),
          .byte_offset = 0};
}

// The deleter may be called by any thread, and when Python has ended.
template <class Managed>
void delete_export(Managed* managed) {
  if (!nb::is_alive()) return;
  const nb::gil_scoped_acquire gil;
  delete static_cast<Export<Managed>*>(managed->manager_ctx);
}

template <class Managed>
nb::object capsule_of(const Array& array, const char* name) {
  auto* const exported = new Export<Managed>{.array = array};
  exported->managed.manager_ctx = exported;
  exported->managed.deleter = delete_export<Managed>;
  exported->managed.dl_tensor = described(exported->array, exported->strides);
  if constexpr (std::is_same_v<Managed, DLManagedTensorVersioned>)
    exported->managed.version = {1, 0};
  PyObject* const capsule = PyCapsule_New(&exported->managed, name, [](PyObject* unused) {
    // One that nobody took has its first name still.
    const char* const kind = PyCapsule_GetName(unused);
    if (std::strncmp(kind, "used", 4) == 0) return;
    auto* const managed = static_cast<Managed*>(PyCapsule_GetPointer(unused, kind));
    managed->deleter(managed);
  });
  if (capsule == nullptr) throw nb::python_error();
  return nb::steal(capsule);
}

nb::object to_numpy(const Array& array) {
  enter_device();
  nb::object result = empty_numpy(array.shape, *array.element);
  std::vector<std::uint16_t> stored(array.element == &kBF16 ? elements_of(array.shape) : 0);
  void* const host = stored.empty() ? numpy_data(result) : stored.data();
  check(array.memory->synchronize());
  {
    const DeviceScope scope(array.memory->device());
    check(scope.status());
    cudaError_t code = cudaSuccess;
    {
      const WithoutGil released;
      code = cudaMemcpy(host, array.memory->data(), array.bytes(), cudaMemcpyDeviceToHost);
    }
    check(cuda_status(code, "cudaMemcpy"));
  }
  if (!stored.empty())
    from_bf16(stored.data(), stored.size(), static_cast<float*>(numpy_data(result)));
  return result;
}

Array from_host(nb::handle host, nb::handle device, const std::string& dtype, nb::handle stream) {
  const std::string who = "the array";
  const HostArray from(host, who);
  const Element* element = from.element();
  if (element == nullptr) {
    raise(failure(ErrorCode::unsupported, "an array of another dtype", from.dtype(),
                  "give f32, f16 or u8: array.astype(numpy.float32)"));
  }
  if (dtype == "bf16" && element == &kF32) {
    element = &kBF16;
  } else if (!dtype.empty() && dtype != element->name) {
    raise(invalid("an array cannot become this dtype", dtype + ", it has " + element->name,
                  "convert it by NumPy, or give f32 and dtype=\"bf16\""));
  }
  std::vector<std::uint16_t> stored;
  const void* data = from.data();
  if (element == &kBF16) {
    stored.resize(elements_of(from.shape()));
    to_bf16(static_cast<const float*>(data), stored.size(), stored.data());
    data = stored.data();
  }
  const int on = device_of(device);
  const DeviceScope scope(on);
  check(scope.status());
  const cudaStream_t order = stream_of(stream);
  check(check_stream(order, on, "array"));
  Array result{.shape = {from.shape().begin(), from.shape().end()}, .element = element};
  result.memory = take(StreamMemory::create(result.bytes(), on, order, stream));
  const cudaError_t code =
      cudaMemcpyAsync(result.memory->data(), data, result.bytes(), cudaMemcpyHostToDevice, order);
  check(cuda_status(code, "cudaMemcpyAsync"));
  // Of pinned memory the copy may be under way still; of other memory all has been read.
  cudaPointerAttributes attributes = {};
  if (cudaPointerGetAttributes(&attributes, data) != cudaSuccess ||
      attributes.type != cudaMemoryTypeUnregistered) {
    cudaGetLastError();
    check(result.memory->synchronize());
  }
  return result;
}

Array copied(Array& array, cudaStream_t stream) {
  check(array.memory->read_by(stream, {}));
  Array copy{.shape = array.shape, .element = array.element};
  copy.memory = take(StreamMemory::create(array.bytes(), array.memory->device(), stream, {}));
  check(cuda_status(cudaMemcpyAsync(copy.memory->data(), array.memory->data(), array.bytes(),
                                    cudaMemcpyDeviceToDevice, stream),
                    "cudaMemcpyAsync"));
  return copy;
}

nb::object to_dlpack(Array& array, nb::handle stream, nb::handle max_version, nb::handle dl_device,
                     nb::handle copy) {
  enter_device();
  if (!dl_device.is_none()) {
    std::pair<int, int> wanted;
    if (!nb::try_cast(dl_device, wanted))
      throw nb::type_error("dl_device is None or a pair of ints");
    if (wanted.first == kDLCPU) {
      if (copy.is(nb::handle(Py_False)))
        throw nb::buffer_error("an array on a device is no host array without a copy");
      return to_numpy(array).attr("__dlpack__")();
    }
    if (wanted != std::pair(int{kDLCUDA}, array.memory->device()))
      throw nb::buffer_error("an array goes to its own device or to the host");
  }
  const DeviceScope scope(array.memory->device());
  check(scope.status());
  // -1: the consumer orders by itself.
  const bool ordered =
      stream.is_none() || !PyLong_Check(stream.ptr()) || !nb::handle(stream).equal(nb::int_(-1));
  const cudaStream_t consumer = ordered ? stream_of(stream) : nullptr;
  Array exported = array;
  if (copy.is(nb::handle(Py_True))) {
    exported = copied(array, consumer);
  } else if (ordered) {
    check(array.memory->read_by(consumer, stream));
  }
  std::pair<int, int> version;
  if (!max_version.is_none() && !nb::try_cast(max_version, version))
    throw nb::type_error("max_version is None or a pair of ints");
  if (version.first >= 1)
    return capsule_of<DLManagedTensorVersioned>(exported, "dltensor_versioned");
  return capsule_of<DLManagedTensor>(exported, "dltensor");
}

nb::object as_numpy(const Array& array, nb::handle dtype, nb::handle copy) {
  if (copy.is(nb::handle(Py_False)))
    throw nb::value_error("an array on a device is no NumPy array without a copy");
  nb::object result = to_numpy(array);
  return dtype.is_none() ? result : nb::object(result.attr("astype")(dtype));
}

nb::tuple shape_tuple(const Array& array) {
  nb::list extents;
  for (const std::int64_t extent : array.shape) extents.append(extent);
  return nb::tuple(extents);
}

}  // namespace

nb::object empty_numpy(const Extents& shape, const Element& element) {
  nb::list extents;
  for (const std::int64_t extent : shape) extents.append(extent);
  return nb::module_::import_("numpy").attr("empty")(nb::tuple(extents), element.numpy);
}

void* numpy_data(nb::handle array) {
  Py_buffer view;
  if (PyObject_GetBuffer(array.ptr(), &view, kWritable) != 0) throw nb::python_error();
  void* const data = view.buf;
  PyBuffer_Release(&view);
  return data;
}

void register_array(nb::module_& module) {
  nb::class_<Array>(
      module, "Array", nb::is_weak_referenceable(),
      "An array on a device, dense and row-major. Other libraries take it by DLPack:\n"
      "torch.from_dlpack(array).")
      .def_prop_ro("shape", shape_tuple, nb::sig("def shape(self) -> tuple[int, ...]"))
      .def_prop_ro(
          "dtype", [](const Array& array) { return array.element->name; },
          "\"f32\", \"f16\", \"bf16\" or \"u8\".")
      .def_prop_ro("device", [](const Array& array) { return array.memory->device(); })
      .def("__array__", as_numpy, "dtype"_a = nb::none(), "copy"_a = nb::none(),
           nb::sig("def __array__(self, dtype: typing.Any = None, copy: bool | None = None) -> "
                   "numpy.ndarray"))
      .def("numpy", to_numpy, nb::sig("def numpy(self) -> numpy.ndarray"),
           "A copy on the host, once it is computed. NumPy has no bf16: it becomes float32.")
      .def("__dlpack__", to_dlpack, nb::kw_only(), "stream"_a = nb::none(),
           "max_version"_a = nb::none(), "dl_device"_a = nb::none(), "copy"_a = nb::none(),
           nb::sig("def __dlpack__(self, *, stream: int | None = None, max_version: tuple[int, "
                   "int] | None = None, dl_device: tuple[int, int] | None = None, copy: bool | "
                   "None = None) -> typing.Any"))
      .def(
          "__dlpack_device__",
          [](const Array& array) { return nb::make_tuple(kDLCUDA, array.memory->device()); },
          nb::sig("def __dlpack_device__(self) -> tuple[int, int]"))
      .def("__len__",
           [](const Array& array) {
             if (array.shape.empty())
               throw nb::type_error("an array without extents has no length");
             return array.shape.front();
           })
      .def("__repr__", [](const Array& array) {
        return "foldconv.Array(" + shown(array.shape) + " " + array.element->name + ", device " +
               std::to_string(array.memory->device()) + ")";
      });
  module.def("array", from_host, "host"_a, "device"_a = nb::none(), nb::kw_only(), "dtype"_a = "",
             "stream"_a = nb::none(),
             nb::sig("def array(host: typing.Any, device: int | None = None, *, dtype: str = '', "
                     "stream: typing.Any = None) -> Array"),
             "Copies a host array (float32, float16 or uint8) to a device, None: the current one.\n"
             "dtype=\"bf16\" rounds float32.");
}

}  // namespace foldconv::python
