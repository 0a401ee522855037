// SPDX-License-Identifier: MIT
#include "foldconv/status.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <set>
#include <string>

#include "base/error.hpp"
#include "base/text.hpp"
#include "foldconv/activation.hpp"
#include "host/expect_error.hpp"

namespace foldconv {
namespace {

using test::fails_with;

TEST(Status, DefaultIsOkAndSilent) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_TRUE(static_cast<bool>(status));
  EXPECT_EQ(status.code(), ErrorCode::ok);
  EXPECT_EQ(status.message(), "");
}

TEST(Status, EveryCodeHasItsOwnName) {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(ErrorCode::cuda_error); ++i) {
    names.insert(to_string(static_cast<ErrorCode>(i)));
  }
  EXPECT_EQ(names.size(), 9u);
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_STREQ(to_string(ErrorCode::workspace_too_small), "workspace_too_small");
  EXPECT_STREQ(to_string(static_cast<ErrorCode>(99)), "unknown");
}

TEST(Status, ResultHoldsAValueOrAStatus) {
  const Result<int> good = 7;
  EXPECT_TRUE(good.ok());
  EXPECT_TRUE(good.status().ok());
  EXPECT_EQ(*good, 7);
  const Result<int> bad = Status(ErrorCode::unsupported, "no");
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.status().code(), ErrorCode::unsupported);
  Result<std::unique_ptr<int>> movable = std::make_unique<int>(3);
  EXPECT_EQ(*std::move(movable).value(), 3);
}

// In every build, whichever way the value is read.
TEST(StatusDeathTest, ReadingAFailedResultEndsTheProgramWithItsMessage) {
  const Result<std::string> bad = Status(ErrorCode::unsupported, "no such kernel");
  Result<std::string> changeable = bad;
  const char* message = "failed Result was read: unsupported: no such kernel";
  EXPECT_DEATH(static_cast<void>(*bad), message);
  EXPECT_DEATH(static_cast<void>(bad->size()), message);
  EXPECT_DEATH(static_cast<void>(bad.value()), message);
  EXPECT_DEATH(*changeable = "x", message);
  EXPECT_DEATH(changeable->clear(), message);
  EXPECT_DEATH(static_cast<void>(std::string(std::move(changeable).value())), message);
  const Result<int> nothing = Status();
  EXPECT_FALSE(nothing.ok());
  EXPECT_DEATH(static_cast<void>(*nothing), "failed Result was read: ok: ");
}

TEST(Error, MessageNamesWhatValueAndRemedy) {
  const Status status = host::invalid("k is odd", "k = 7", "use k = 8");
  EXPECT_EQ(status.code(), ErrorCode::invalid_argument);
  EXPECT_EQ(status.message(), "k is odd: k = 7; use k = 8");
}

TEST(Error, CudaFailureCarriesNameTextAndRemedy) {
  EXPECT_TRUE(fails_with(
      host::cuda_failure(cudaErrorInvalidValue, "cudaMemcpy"), ErrorCode::cuda_error,
      {"cudaMemcpy", "cudaErrorInvalidValue", cudaGetErrorString(cudaErrorInvalidValue), ";"}));
  EXPECT_TRUE(fails_with(host::cuda_failure(cudaErrorMemoryAllocation, "cudaMalloc"),
                         ErrorCode::out_of_memory, {"cudaMalloc", "free device memory"}));
  EXPECT_TRUE(fails_with(host::cuda_failure(cudaErrorNoKernelImageForDevice, "the launch"),
                         ErrorCode::device_too_old, {"the launch", "8.0"}));
}

TEST(Error, GuardTurnsExceptionsIntoStatus) {
  const Status status = host::guarded([]() -> Status { throw std::bad_alloc(); });
  EXPECT_TRUE(fails_with(status, ErrorCode::out_of_memory, {"memory"}));
  EXPECT_EQ(host::guarded_text([]() -> std::string { throw std::bad_alloc(); }), "");
}

TEST(Text, JoinsStringsAndNumbers) {
  EXPECT_EQ(host::text("a", 1, std::string("b"), -2, 0.5f, 1e300, std::size_t{9}, '"'),
            "a1b-20.51e+3009\"");
}

TEST(Activation, TextParsesBack) {
  for (int i = 0; i < kActivationCount; ++i) {
    const Activation activation{static_cast<Activation::Kind>(i), 0.1f};
    const Result<Activation> parsed = parse_activation(to_string(activation));
    ASSERT_TRUE(parsed.ok()) << to_string(activation);
    EXPECT_EQ(*parsed, activation);
    EXPECT_EQ(parse_activation(to_string(activation.kind))->kind, activation.kind);
  }
  EXPECT_EQ(to_string(Activation::relu6), "relu6");
  EXPECT_EQ(to_string(Activation::leaky_relu(-0.5f)), "leaky_relu(-0.5)");
  EXPECT_EQ(*parse_activation("leaky_relu"), Activation::leaky_relu(0.01f));
  EXPECT_EQ(*parse_activation("leaky_relu(1e-3)"), Activation::leaky_relu(1e-3f));
  EXPECT_EQ(to_string(Activation::hard_sigmoid()), "hard_sigmoid(0.2,0.5)");
  EXPECT_EQ(*parse_activation("hard_sigmoid"), Activation::hard_sigmoid(0.2f, 0.5f));
  EXPECT_EQ(to_string(Activation::clip(-1, 1.5f)), "clip(-1,1.5)");
  EXPECT_EQ(*parse_activation("clip(-inf,0.5)"),
            Activation::clip(-std::numeric_limits<float>::infinity(), 0.5f));
  EXPECT_EQ(to_string(*parse_activation("clip")), "clip(-inf,inf)");
  EXPECT_STREQ(to_string(static_cast<Activation::Kind>(kActivationCount)), "unknown");
}

TEST(Activation, OtherTextIsRefused) {
  for (const char* text : {"",
                           "ReLU",
                           "relu(0.5)",
                           "leaky_relu(",
                           "leaky_relu()",
                           "leaky_relu(x)",
                           "leaky_relu(0.5",
                           "leaky_relu 0.5)",
                           "leaky_relu(0.5))",
                           "leaky_relu6",
                           "leaky_relu(nan)",
                           "leaky_relu(inf)",
                           "leaky_relu(1,2)",
                           "hard_sigmoid(0.2)",
                           "hard_sigmoid(inf,0)",
                           "hard_sigmoid(0,nan)",
                           "clip(1,-1)",
                           "clip(nan,1)",
                           "clip(0,nan)",
                           "clip(0,1,2)",
                           "clip(0,)",
                           "clip(,1)",
                           "clip(0;1)",
                           "clip(0,1"}) {
    EXPECT_TRUE(fails_with(parse_activation(text), ErrorCode::invalid_argument,
                           {'"' + std::string(text) + '"', "none, relu, relu6, leaky_relu, silu",
                            "gelu, hard_sigmoid, clip"}))
        << text;
  }
}

TEST(Activation, EqualityIgnoresWhatIsNotRead) {
  using Kind = Activation::Kind;
  EXPECT_EQ((Activation{Kind::silu, 0.5f}), Activation::silu);
  EXPECT_NE(Activation::relu, Activation::relu6);
  EXPECT_NE(Activation::leaky_relu(0.5f), Activation::leaky_relu(0.25f));
  EXPECT_EQ(Activation::leaky_relu(), (Activation{Kind::leaky_relu}));
  EXPECT_EQ((Activation{Kind::leaky_relu, 0.5f, 1}), (Activation{Kind::leaky_relu, 0.5f, 2}));
  EXPECT_NE(Activation::hard_sigmoid(0.5f, 0), Activation::hard_sigmoid(0.5f, 1));
  EXPECT_NE(Activation::clip(0, 1), Activation::clip(0.5f, 1));
}

}  // namespace
}  // namespace foldconv
