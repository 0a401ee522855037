// SPDX-License-Identifier: MIT
// fc_problems: what an ONNX file has that is not taken.
#include "c/problems.hpp"

#include "base/text.hpp"
#include "c/error.hpp"
#include "c/structs.hpp"

namespace c = foldconv::c;
using foldconv::Status;

size_t fc_problems_count(const fc_problems* problems) {
  return problems == nullptr ? 0 : problems->list.size();
}

fc_code fc_problems_get(const fc_problems* problems, size_t index, fc_problem* problem,
                        fc_error* error) {
  return c::reported(error, [&]() -> Status {
    if (Status status = c::check_given(problems, "problems"); !status.ok()) return status;
    if (index >= problems->list.size()) {
      return foldconv::host::invalid("no problem of this index",
                                     foldconv::host::text(index, " of ", problems->list.size()),
                                     "use one below fc_problems_count()");
    }
    const c::Problem& from = problems->list[index];
    return c::write_struct({.size = sizeof(fc_problem),
                            .code = from.code,
                            .opset = from.opset,
                            .node = from.node.c_str(),
                            .op = from.op.c_str(),
                            .rule = from.rule.c_str(),
                            .value = from.value.c_str(),
                            .shape = from.shape.c_str(),
                            .remedy = from.remedy.c_str(),
                            .text = from.text.c_str()},
                           problem);
  });
}

void fc_problems_free(fc_problems* problems) {
  delete problems;
}
