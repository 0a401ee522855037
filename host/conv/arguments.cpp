// SPDX-License-Identifier: MIT
#include "conv/arguments.hpp"

#include "base/checked_memory.hpp"
#include "base/error.hpp"
#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "foldconv/checked_runs.hpp"

namespace foldconv::host {

Status check_pointer(const Buffer& buffer, std::size_t alignment) {
  if (buffer.data == nullptr) {
    return invalid("null pointer", text(buffer.name, " = null"),
                   text("pass a device pointer to ", buffer.bytes, " bytes"));
  }
  const std::size_t off = reinterpret_cast<std::uintptr_t>(buffer.data) % alignment;
  if (off == 0) {
    return runs_are_checked() ? check_reachable({buffer.name, buffer.data, buffer.bytes})
                              : Status();
  }
  return error(
      ErrorCode::misaligned, "misaligned pointer",
      text(buffer.name, " lies ", off, " bytes past a multiple of ", alignment),
      text("align ", buffer.name, " to ", alignment, " bytes; pointers from cudaMalloc are"));
}

Buffer tensor_buffer(const char* name, const void* data, const Shape& shape, int pitch,
                     DataType dtype) {
  const auto element_bytes = static_cast<std::int64_t>(size_of(dtype));
  const std::int64_t pixels = std::int64_t{shape.n} * shape.h * shape.w;
  const std::int64_t pitch_bytes = pitch * element_bytes, pixel_bytes = shape.c * element_bytes;
  return {name, data, (pixels - 1) * pitch_bytes + pixel_bytes, pitch_bytes, pixel_bytes};
}

namespace {

// Whether the channels of `second`, which begins `distance` bytes behind `first`, lie between those of `first`.
bool interleaved(const Buffer& first, const Buffer& second, std::uintptr_t distance) {
  if (first.pitch == 0 || first.pitch != second.pitch) return false;
  const auto behind =
      static_cast<std::int64_t>(distance % static_cast<std::uintptr_t>(first.pitch));
  return behind >= first.pixel && behind + second.pixel <= first.pitch;
}

}  // namespace

Status check_overlap(const Buffer& a, const Buffer& b, Overlap permitted) {
  const auto a_begin = reinterpret_cast<std::uintptr_t>(a.data);
  const auto b_begin = reinterpret_cast<std::uintptr_t>(b.data);
  if (permitted == Overlap::in_place && a_begin == b_begin && a.pitch == b.pitch) return {};
  const bool a_first = a_begin <= b_begin;
  const Buffer& first = a_first ? a : b;
  const Buffer& second = a_first ? b : a;
  const std::uintptr_t distance = a_first ? b_begin - a_begin : a_begin - b_begin;
  if (distance >= static_cast<std::uintptr_t>(first.bytes)) return {};
  if (interleaved(first, second, distance)) return {};
  return error(
      ErrorCode::aliasing, text(a.name, " and ", b.name, " overlap"),
      text(second.name, " starts ", distance, " bytes into the ", first.bytes, " of ", first.name),
      permitted == Overlap::in_place
          ? "pass the same pointer for both, with the same pitch, or separate them"
          : "use separate buffers, or channels of one that neither shares, with the same pitch");
}

namespace {

// `workspace.bytes` are needed, `given` were passed; `others` may not share any of them.
Status check_workspace(const Buffer& workspace, std::size_t given, const char* source,
                       std::initializer_list<Buffer> others) {
  const auto needed = static_cast<std::size_t>(workspace.bytes);
  if (given < needed) {
    return error(ErrorCode::workspace_too_small, "the workspace is too small",
                 text(given, " bytes"), text("pass at least ", source, " = ", needed));
  }
  if (needed > 0 || workspace.data != nullptr) {
    if (Status status = check_pointer(workspace, kAlignmentBytes); !status.ok()) return status;
  }
  if (needed > 0) {
    for (const Buffer& buffer : others) {
      if (buffer.data == nullptr) continue;
      if (Status status = check_overlap(workspace, buffer, Overlap::never); !status.ok())
        return status;
    }
  }
  return {};
}

}  // namespace

Result<int> images_of_run(int images, int n) {
  if (images == 0) return n;
  if (images > 0 && images <= n) return images;
  return invalid("a plan does not run that many images", text("images = ", images, ", n = ", n),
                 "give 1 to n, or 0 for all");
}

Status check_buffers(const ConvProblem& problem, const ConvBuffers& buffers,
                     std::size_t workspace_bytes) {
  const Buffer x = tensor_buffer("x", buffers.x, problem.input(), x_pitch(problem), problem.dtype);
  const Buffer residual = tensor_buffer("residual", buffers.residual, problem.output(),
                                        residual_pitch(problem), problem.dtype);
  const Buffer y = tensor_buffer("y", buffers.y, problem.output(), y_pitch(problem), problem.dtype);
  const Buffer workspace = {"workspace", buffers.workspace,
                            static_cast<std::int64_t>(workspace_bytes)};

  for (const Buffer& buffer : {x, y}) {
    if (Status status = check_pointer(buffer, kAlignmentBytes); !status.ok()) return status;
  }
  if (Status status = check_overlap(x, y, Overlap::never); !status.ok()) return status;

  if (problem.residual) {
    if (Status status = check_pointer(residual, kAlignmentBytes); !status.ok()) return status;
    if (Status status = check_overlap(residual, y, Overlap::in_place); !status.ok()) return status;
  } else if (buffers.residual != nullptr) {
    return invalid("a residual for a problem without one", "residual is not null",
                   "set ConvProblem::residual and plan again, or pass null");
  }

  const Buffer gate =
      tensor_buffer("gate", buffers.gate, {problem.n, 1, 1, problem.c}, problem.c, problem.dtype);
  if (problem.gate) {
    if (Status status = check_pointer(gate, kAlignmentBytes); !status.ok()) return status;
    if (Status status = check_overlap(gate, y, Overlap::never); !status.ok()) return status;
  } else if (buffers.gate != nullptr) {
    return invalid("a gate for a problem without one", "gate is not null",
                   "set ConvProblem::gate and plan again, or pass null");
  }

  return check_workspace(workspace, buffers.workspace_bytes, "ConvPlan::workspace_bytes()",
                         {x, y, residual, gate});
}

Status check_block_buffers(const Shape& input, const Shape& output, const BlockPitches& pitch,
                           DataType dtype, const BlockBuffers& buffers,
                           std::size_t workspace_bytes) {
  const Buffer x = tensor_buffer("x", buffers.x, input, pitch.x != 0 ? pitch.x : input.c, dtype);
  const Buffer y = tensor_buffer("y", buffers.y, output, pitch.y != 0 ? pitch.y : output.c, dtype);
  const Buffer workspace = {"workspace", buffers.workspace,
                            static_cast<std::int64_t>(workspace_bytes)};
  for (const Buffer& buffer : {x, y}) {
    if (Status status = check_pointer(buffer, kAlignmentBytes); !status.ok()) return status;
  }
  if (Status status = check_overlap(x, y, Overlap::never); !status.ok()) return status;
  return check_workspace(workspace, buffers.workspace_bytes, "BlockPlan::workspace_bytes()",
                         {x, y});
}

}  // namespace foldconv::host
