// SPDX-License-Identifier: MIT
#include "error.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "gil.hpp"

namespace nb = nanobind;

namespace foldconv::python {

Status failure(ErrorCode code, std::string_view what, std::string_view value,
               std::string_view remedy) {
  std::string message(what);
  message.append(": ").append(value).append("; ").append(remedy);
  return {code, std::move(message)};
}

Status invalid(std::string_view what, std::string_view value, std::string_view remedy) {
  return failure(ErrorCode::invalid_argument, what, value, remedy);
}

Status cuda_failure(cudaError_t code, std::string_view call) {
  cudaGetLastError();
  const ErrorCode kind =
      code == cudaErrorMemoryAllocation ? ErrorCode::out_of_memory : ErrorCode::cuda_error;
  std::string value(cudaGetErrorName(code));
  value.append(" (").append(cudaGetErrorString(code)).append(")");
  return failure(kind, std::string(call).append(" failed"), value,
                 kind == ErrorCode::out_of_memory
                     ? "free device memory, or plan for fewer images"
                     : "an earlier launch or call may be the cause: compute-sanitizer finds it");
}

void raise(const Status& status) {
  const nb::object error = in_python([&] {
    const nb::object make = nb::module_::import_("foldconv._errors").attr("make");
    return make(to_string(status.code()), status.message());
  });
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
  throw nb::python_error();
}

}  // namespace foldconv::python
