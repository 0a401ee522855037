// SPDX-License-Identifier: MIT
// What run() checks before it launches. No device: pointers are only compared.
#include "conv/arguments.hpp"

#include <gtest/gtest.h>

#include <cstdint>

#include "foldconv/pointwise.hpp"
#include "host/expect_error.hpp"

namespace foldconv {
namespace {

using test::fails_with;

void* at(std::uintptr_t address) {
  return reinterpret_cast<void*>(address);
}

constexpr std::uintptr_t kX = 0x10000, kY = 0x20000, kResidual = 0x30000, kWorkspace = 0x40000;

// x: 1x4x4x8 f16, 256 bytes; y and residual: 1x4x4x16, 512 bytes.
ConvProblem problem(bool residual = false) {
  return {.n = 1, .h = 4, .w = 4, .c = 8, .k = 16, .residual = residual};
}

Status check(const ConvBuffers& buffers, bool residual = false, std::size_t workspace_bytes = 0) {
  return host::check_buffers(problem(residual), buffers, workspace_bytes);
}

TEST(Buffers, AcceptsWhatIsRight) {
  EXPECT_TRUE(check({.x = at(kX), .y = at(kY)}).ok());
  EXPECT_TRUE(check({.x = at(kX), .residual = at(kResidual), .y = at(kY)}, true).ok());
  EXPECT_TRUE(check({.x = at(kX), .y = at(kY), .workspace = at(kWorkspace), .workspace_bytes = 64},
                    false, 64)
                  .ok());
}

TEST(Buffers, NullPointers) {
  constexpr auto kCode = ErrorCode::invalid_argument;
  EXPECT_TRUE(fails_with(check({.y = at(kY)}), kCode, {"x = null", "256 bytes"}));
  EXPECT_TRUE(fails_with(check({.x = at(kX)}), kCode, {"y = null", "512 bytes"}));
  EXPECT_TRUE(
      fails_with(check({.x = at(kX), .y = at(kY)}, true), kCode, {"residual = null", "512 bytes"}));
}

TEST(Buffers, ResidualWhereTheProblemHasNone) {
  EXPECT_TRUE(fails_with(check({.x = at(kX), .residual = at(kResidual), .y = at(kY)}),
                         ErrorCode::invalid_argument, {"residual", "ConvProblem::residual"}));
}

TEST(Buffers, Misaligned) {
  constexpr auto kCode = ErrorCode::misaligned;
  EXPECT_TRUE(fails_with(check({.x = at(kX + 8), .y = at(kY)}), kCode,
                         {"x lies 8 bytes past a multiple of 16"}));
  EXPECT_TRUE(fails_with(check({.x = at(kX), .y = at(kY + 2)}), kCode, {"y lies 2 bytes"}));
  EXPECT_TRUE(fails_with(check({.x = at(kX), .residual = at(kResidual + 1), .y = at(kY)}, true),
                         kCode, {"residual lies 1 bytes"}));
  EXPECT_TRUE(fails_with(check({.x = at(kX), .y = at(kY), .workspace = at(kWorkspace + 4)}), kCode,
                         {"workspace lies 4 bytes"}));
}

TEST(Buffers, InputAndOutputOverlap) {
  constexpr auto kCode = ErrorCode::aliasing;
  EXPECT_TRUE(fails_with(check({.x = at(kX), .y = at(kX)}), kCode,
                         {"x and y overlap", "y starts 0 bytes into the 256 of x", "separate"}));
  // The last 16 bytes of the one, then of the other; one step further they are neighbours.
  EXPECT_TRUE(fails_with(check({.x = at(kX), .y = at(kX + 240)}), kCode,
                         {"y starts 240 bytes into the 256 of x"}));
  EXPECT_TRUE(check({.x = at(kX), .y = at(kX + 256)}).ok());
  EXPECT_TRUE(fails_with(check({.x = at(kY + 496), .y = at(kY)}), kCode,
                         {"x starts 496 bytes into the 512 of y"}));
  EXPECT_TRUE(check({.x = at(kY + 512), .y = at(kY)}).ok());
}

TEST(Buffers, ResidualMayBeTheOutputButNotPartOfIt) {
  EXPECT_TRUE(check({.x = at(kX), .residual = at(kY), .y = at(kY)}, true).ok());
  EXPECT_TRUE(check({.x = at(kX), .residual = at(kX), .y = at(kY)}, true).ok());
  for (const std::uintptr_t residual : {kY + 16, kY - 16, kY + 496}) {
    EXPECT_TRUE(fails_with(check({.x = at(kX), .residual = at(residual), .y = at(kY)}, true),
                           ErrorCode::aliasing,
                           {"residual and y overlap", "the same pointer for both"}));
  }
  EXPECT_TRUE(check({.x = at(kX), .residual = at(kY + 512), .y = at(kY)}, true).ok());
}

// Parts of the channels of one tensor of 64: x its first 8, 1 x 4 x 4 pixels of 128 bytes, y 16 others.
Status check_parts(const Pitches& pitch, const ConvBuffers& buffers) {
  ConvProblem part = problem(buffers.residual != nullptr);
  part.pitch = pitch;
  return host::check_buffers(part, buffers, 0);
}

TEST(Buffers, PartsOfTheChannelsOfOneTensor) {
  const Pitches pitch = {64, 0, 64};
  // Right behind x, in the middle, and last; before x, and from another pixel on.
  for (const std::uintptr_t y : {kX + 16, kX + 48, kX + 96, kX - 32, kX + 5 * 128 + 16}) {
    EXPECT_TRUE(check_parts(pitch, {.x = at(kX), .y = at(y)}).ok()) << y - kX;
  }
  // They share a pixel's channels, or the next pixel's.
  for (const std::uintptr_t y : {kX, kX - 16, kX + 112, kX + 3 * 128}) {
    EXPECT_TRUE(fails_with(check_parts(pitch, {.x = at(kX), .y = at(y)}), ErrorCode::aliasing,
                           {"x and y overlap", "channels of one that neither shares"}));
  }
  // Other pitches, or none: any byte between them counts.
  EXPECT_TRUE(fails_with(check_parts({64, 0, 56}, {.x = at(kX), .y = at(kX + 16)}),
                         ErrorCode::aliasing, {"y starts 16 bytes into the 1936 of x"}));
  EXPECT_TRUE(fails_with(check_parts({64, 0, 0}, {.x = at(kX), .y = at(kX + 16)}),
                         ErrorCode::aliasing, {"x and y overlap"}));
  // 15 pixels of 128 bytes and one of 16 are what x reaches.
  EXPECT_TRUE(check_parts({64, 0, 0}, {.x = at(kX), .y = at(kX + 1936)}).ok());
  EXPECT_FALSE(check_parts({64, 0, 0}, {.x = at(kX), .y = at(kX + 1920)}).ok());
}

TEST(Buffers, PitchedResidualMayBeTheOutputOfTheSamePitch) {
  const auto check_residual = [](const Pitches& pitch, std::uintptr_t residual) {
    return check_parts(pitch, {.x = at(kX), .residual = at(residual), .y = at(kY)});
  };
  EXPECT_TRUE(check_residual({0, 64, 64}, kY).ok());
  EXPECT_TRUE(check_residual({0, 64, 64}, kY + 32).ok());
  EXPECT_TRUE(
      fails_with(check_residual({0, 64, 64}, kY + 16), ErrorCode::aliasing,
                 {"residual and y overlap", "the same pointer for both, with the same pitch"}));
  EXPECT_TRUE(
      fails_with(check_residual({0, 64, 32}, kY), ErrorCode::aliasing, {"residual and y overlap"}));
  EXPECT_TRUE(
      fails_with(check_residual({0, 0, 64}, kY), ErrorCode::aliasing, {"residual and y overlap"}));
}

TEST(Buffers, WorkspaceTooSmall) {
  const ConvBuffers buffers = {
      .x = at(kX), .y = at(kY), .workspace = at(kWorkspace), .workspace_bytes = 1023};
  EXPECT_TRUE(check(buffers).ok());
  EXPECT_TRUE(fails_with(check(buffers, false, 1024), ErrorCode::workspace_too_small,
                         {"1023 bytes", "ConvPlan::workspace_bytes() = 1024"}));
  EXPECT_TRUE(fails_with(check({.x = at(kX), .y = at(kY), .workspace_bytes = 1024}, false, 1024),
                         ErrorCode::invalid_argument, {"workspace = null"}));
}

TEST(Buffers, WorkspaceOverlaps) {
  for (const std::uintptr_t workspace : {kX, kY + 256, kResidual}) {
    EXPECT_TRUE(fails_with(check({.x = at(kX),
                                  .residual = at(kResidual),
                                  .y = at(kY),
                                  .workspace = at(workspace),
                                  .workspace_bytes = 16},
                                 true, 16),
                           ErrorCode::aliasing, {"workspace"}));
  }
}

// --- The pointwise kernels share these checks.

using pointwise::BatchNormArrays;
constexpr Shape kShape = {1, 4, 4, 8};

BatchNormArrays arrays() {
  const auto* floats = static_cast<const float*>(at(kResidual));
  return {.gamma = floats, .beta = floats, .mean = floats, .variance = floats, .eps = 1e-5f};
}

TEST(PointwiseArguments, RefusesBadTensors) {
  const auto add = [](const void* x, const void* z, void* y) {
    return pointwise::add(DataType::f16, kShape, x, z, y);
  };
  EXPECT_TRUE(fails_with(add(nullptr, at(kY), at(kY)), ErrorCode::invalid_argument, {"x = null"}));
  EXPECT_TRUE(fails_with(add(at(kX), nullptr, at(kY)), ErrorCode::invalid_argument, {"z = null"}));
  EXPECT_TRUE(fails_with(add(at(kX), at(kX), nullptr), ErrorCode::invalid_argument, {"y = null"}));
  EXPECT_TRUE(fails_with(add(at(kX), at(kX + 8), at(kY)), ErrorCode::misaligned, {"z lies 8"}));
  EXPECT_TRUE(fails_with(add(at(kX), at(kY + 16), at(kY)), ErrorCode::aliasing, {"z and y"}));
  EXPECT_TRUE(fails_with(add(at(kY - 16), at(kX), at(kY)), ErrorCode::aliasing, {"x and y"}));
}

TEST(PointwiseArguments, RefusesBadShapesAndTypes) {
  const auto relu = [](DataType dtype, const Shape& shape) {
    return pointwise::activate(dtype, shape, Activation::relu, at(kX), at(kY));
  };
  EXPECT_TRUE(fails_with(relu(DataType::f16, {1, 4, 0, 8}), ErrorCode::invalid_argument,
                         {"w = 0", "at least 1"}));
  EXPECT_TRUE(fails_with(relu(DataType::f16, {1 << 20, 1 << 20, 1 << 20, 8}),
                         ErrorCode::invalid_argument, {"2^63", "n = 1048576"}));
  EXPECT_TRUE(fails_with(relu(static_cast<DataType>(5), kShape), ErrorCode::invalid_argument,
                         {"static_cast<DataType>(5)"}));
  EXPECT_TRUE(fails_with(pointwise::activate(DataType::f16, kShape,
                                             {static_cast<Activation::Kind>(200)}, at(kX), at(kY)),
                         ErrorCode::invalid_argument, {"static_cast<Activation::Kind>(200)"}));
}

TEST(PointwiseArguments, RefusesBadBatchNorm) {
  const auto batch_norm = [](const BatchNormArrays& a) {
    return pointwise::batch_norm(DataType::f16, kShape, at(kX), a, at(kY));
  };
  BatchNormArrays missing = arrays();
  missing.mean = nullptr;
  EXPECT_TRUE(
      fails_with(batch_norm(missing), ErrorCode::invalid_argument, {"mean = null", "32 bytes"}));
  BatchNormArrays misaligned = arrays();
  misaligned.variance = static_cast<const float*>(at(kResidual + 2));
  EXPECT_TRUE(fails_with(batch_norm(misaligned), ErrorCode::misaligned, {"variance lies 2 bytes"}));
  BatchNormArrays negative = arrays();
  negative.eps = -1;
  EXPECT_TRUE(fails_with(batch_norm(negative), ErrorCode::invalid_argument, {"eps = -1"}));
}

}  // namespace
}  // namespace foldconv
