// SPDX-License-Identifier: MIT
// What reads ONNX, in a library that was built without protozero.
#include "c/error.hpp"

namespace c = foldconv::c;

namespace foldconv::c {
namespace {

Status absent() {
  return host::error(
      ErrorCode::unsupported, "this libfoldconv_c.so reads no ONNX",
      "it was built without protozero",
      "build it again with protozero's headers, on Debian or Ubuntu of libprotozero-dev");
}

}  // namespace
}  // namespace foldconv::c

fc_code fc_onnx_read_file(const char*, const fc_onnx_options*, fc_graph** graph, fc_error* error) {
  return c::made(graph, "graph", error,
                 []() -> foldconv::Result<fc_graph*> { return c::absent(); });
}

fc_code fc_onnx_read(const void*, size_t, const fc_onnx_options*, fc_graph** graph,
                     fc_error* error) {
  return c::made(graph, "graph", error,
                 []() -> foldconv::Result<fc_graph*> { return c::absent(); });
}

fc_code fc_onnx_inspect_file(const char*, const fc_onnx_options*, fc_problems** problems,
                             fc_error* error) {
  return c::made(problems, "problems", error,
                 []() -> foldconv::Result<fc_problems*> { return c::absent(); });
}

fc_code fc_onnx_inspect(const void*, size_t, const fc_onnx_options*, fc_problems** problems,
                        fc_error* error) {
  return c::made(problems, "problems", error,
                 []() -> foldconv::Result<fc_problems*> { return c::absent(); });
}
