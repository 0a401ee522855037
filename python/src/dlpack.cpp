// SPDX-License-Identifier: MIT
#include "dlpack.hpp"

#include <cstring>
#include <deque>

#include "error.hpp"
#include "gil.hpp"

namespace nb = nanobind;

namespace foldconv::python {
namespace {

struct Kept {
  BorrowedTensor tensor;
  cudaEvent_t done;
  int device;
};
// Under the GIL. Never destroyed: what is in it at the end belongs to libraries that may have gone.
std::deque<Kept>& kept() {
  static auto* const all = new std::deque<Kept>;
  return *all;
}

}  // namespace

BorrowedTensor::BorrowedTensor(nb::handle capsule) {
  const char* const name =
      PyCapsule_CheckExact(capsule.ptr()) ? PyCapsule_GetName(capsule.ptr()) : nullptr;
  if (name != nullptr && std::strcmp(name, "dltensor_versioned") == 0) {
    auto* const tensor =
        static_cast<DLManagedTensorVersioned*>(PyCapsule_GetPointer(capsule.ptr(), name));
    if (tensor->version.major != 1) {
      raise(failure(ErrorCode::unsupported, "a DLPack tensor of another version",
                    std::to_string(tensor->version.major), "give one of version 1"));
    }
    versioned_ = tensor;
    PyCapsule_SetName(capsule.ptr(), "used_dltensor_versioned");
  } else if (name != nullptr && std::strcmp(name, "dltensor") == 0) {
    plain_ = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), name));
    PyCapsule_SetName(capsule.ptr(), "used_dltensor");
  } else {
    raise(invalid("__dlpack__ returned no tensor", nb::repr(capsule).c_str(),
                  "return a capsule \"dltensor\" or \"dltensor_versioned\", each once"));
  }
}

BorrowedTensor::~BorrowedTensor() {
  in_python([this] {
    if (plain_ != nullptr && plain_->deleter != nullptr) plain_->deleter(plain_);
    if (versioned_ != nullptr && versioned_->deleter != nullptr) versioned_->deleter(versioned_);
  });
}

bool has_dlpack(nb::handle x) {
  return nb::hasattr(x, "__dlpack__") && nb::hasattr(x, "__dlpack_device__");
}

DLDevice dlpack_device(nb::handle x) {
  const nb::object pair = in_python([&] { return x.attr("__dlpack_device__")(); });
  if (PyTuple_Check(pair.ptr()) && PyTuple_Size(pair.ptr()) == 2) {
    // Kinds of devices are members of an enum in some libraries.
    const long type = PyLong_AsLong(nb::object(pair[0]).ptr());
    const long id = PyErr_Occurred() ? -1 : PyLong_AsLong(nb::object(pair[1]).ptr());
    if (PyErr_Occurred() == nullptr)
      return {static_cast<std::int32_t>(type), static_cast<std::int32_t>(id)};
    PyErr_Clear();
  }
  raise(invalid("__dlpack_device__ returned no device", nb::repr(pair).c_str(),
                "return a pair of ints"));
}

BorrowedTensor borrow(nb::handle x, cudaStream_t stream) {
  // DLPack's numbers: 1 is the legacy default stream, 2 the thread's, others are handles.
  const auto handle = stream == nullptr ? 1 : reinterpret_cast<std::uintptr_t>(stream);
  const nb::object make = x.attr("__dlpack__");
  nb::object capsule;
  try {
    capsule = in_python([&] {
      return make(nb::arg("stream") = handle, nb::arg("max_version") = nb::make_tuple(1, 0));
    });
  } catch (nb::python_error& error) {
    if (!error.matches(PyExc_TypeError)) throw;
    capsule = in_python([&] { return make(nb::arg("stream") = handle); });  // of before DLPack 1.0
  }
  return BorrowedTensor(capsule);
}

void keep_until_done(BorrowedTensor tensor, cudaStream_t stream, int device) {
  cudaEvent_t done = nullptr;
  const DeviceScope scope(device);
  cudaError_t code = cudaEventCreateWithFlags(&done, cudaEventDisableTiming);
  if (code == cudaSuccess) code = cudaEventRecord(done, stream);
  if (code == cudaSuccess) {
    kept().push_back({std::move(tensor), done, device});
    return;
  }
  cudaGetLastError();
  if (done != nullptr) cudaEventDestroy(done);
  cudaStreamSynchronize(stream);
}

void release_done() {
  std::deque<Kept>& all = kept();
  if (all.empty()) return;
  const OutsideCapture outside;
  for (std::size_t i = 0; i < all.size();) {
    if (cudaEventQuery(all[i].done) == cudaErrorNotReady) {
      cudaGetLastError();
      ++i;
      continue;
    }
    cudaEventDestroy(all[i].done);
    // A deleter may run Python, which may call this function.
    const BorrowedTensor last = std::move(all[i].tensor);
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

}  // namespace foldconv::python
