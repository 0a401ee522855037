// Tries one PTX instruction on many operands and compares each result with a host function.
//
//   PTX_OP2(AddSat, s32, s32, s32, "add.sat.s32 %0, %1, %2;");
//   TEST(IntegerArithmetic, add_sat) { EXPECT_OPCODE(AddSat, [](s32 a, s32 b) { ... }); }
//
// The operands are all combinations of the values that values.hpp gives for each type. The reference may take part in
// choosing them: NOT_DEFINED(...) as its result leaves a combination out.
#pragma once

#include <optional>
#include <tuple>

#include "device.cuh"
#include "values.hpp"

// Register constraint and register expression of each operand type.
#define PTX_REGISTER_u16(x) "h"(x)
#define PTX_REGISTER_s16(x) "h"(x)
#define PTX_REGISTER_u32(x) "r"(x)
#define PTX_REGISTER_s32(x) "r"(x)
#define PTX_REGISTER_u64(x) "l"(x)
#define PTX_REGISTER_s64(x) "l"(x)
#define PTX_REGISTER_f32(x) "f"(x)
#define PTX_REGISTER_f64(x) "d"(x)
#define PTX_REGISTER_f16(x) "h"((x).bits)
#define PTX_REGISTER_bf16(x) "h"((x).bits)
#define PTX_REGISTER_f16x2(x) "r"((x).bits)
#define PTX_REGISTER_bf16x2(x) "r"((x).bits)

#define PTX_OP1(name, D, A, text)                                              \
  struct name {                                                                \
    using Result = D;                                                          \
    using Operands = std::tuple<A>;                                            \
    static __device__ D run(A a) {                                             \
      D d;                                                                     \
      asm volatile(text : "=" PTX_REGISTER_##D(d) : PTX_REGISTER_##A(a));      \
      return d;                                                                \
    }                                                                          \
  }
#define PTX_OP2(name, D, A, B, text)                                                                   \
  struct name {                                                                                        \
    using Result = D;                                                                                  \
    using Operands = std::tuple<A, B>;                                                                 \
    static __device__ D run(A a, B b) {                                                                \
      D d;                                                                                             \
      asm volatile(text : "=" PTX_REGISTER_##D(d) : PTX_REGISTER_##A(a), PTX_REGISTER_##B(b));         \
      return d;                                                                                        \
    }                                                                                                  \
  }
#define PTX_OP3(name, D, A, B, C, text)                                                     \
  struct name {                                                                             \
    using Result = D;                                                                       \
    using Operands = std::tuple<A, B, C>;                                                   \
    static __device__ D run(A a, B b, C c) {                                                \
      D d;                                                                                  \
      asm volatile(text                                                                     \
                   : "=" PTX_REGISTER_##D(d)                                                \
                   : PTX_REGISTER_##A(a), PTX_REGISTER_##B(b), PTX_REGISTER_##C(c));        \
      return d;                                                                             \
    }                                                                                       \
  }

namespace cuemu_tests {

template <class Op, class D, class... Operands>
__global__ void opcode_kernel(D* results, int count, const Operands*... operands) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) results[i] = Op::run(operands[i]...);
}

// Marks operands whose result PTX leaves open.
inline constexpr std::nullopt_t kUndefined = std::nullopt;

template <class Operands>
struct OperandColumns;
template <class... T>
struct OperandColumns<std::tuple<T...>> {
  using type = std::tuple<std::vector<T>...>;
};

// All combinations of the values of each operand's type.
template <class A>
void fill_columns(std::tuple<std::vector<A>>& columns) {
  std::get<0>(columns) = ValuesOf<A>::get();
}
template <class A, class B>
void fill_columns(std::tuple<std::vector<A>, std::vector<B>>& columns) {
  for (A a : ValuesOf<A>::get()) {
    for (B b : ValuesOf<B>::get()) {
      std::get<0>(columns).push_back(a);
      std::get<1>(columns).push_back(b);
    }
  }
}
// Of three operands, every third pair of the first two with each value of the last: enough, and three times faster.
template <class A, class B, class C>
void fill_columns(std::tuple<std::vector<A>, std::vector<B>, std::vector<C>>& columns) {
  int pair = 0;
  for (A a : ValuesOf<A>::get()) {
    for (B b : ValuesOf<B>::get()) {
      if (pair++ % 3 != 0) continue;
      for (C c : ValuesOf<C>::get()) {
        std::get<0>(columns).push_back(a);
        std::get<1>(columns).push_back(b);
        std::get<2>(columns).push_back(c);
      }
    }
  }
}

template <class D>
using Expected = std::optional<D>;

template <class Op, class Compare, class Reference, class... Operands>
void expect_opcode_on(const char* file, int line, const char* what, Compare compare, Reference reference,
                      const std::vector<Operands>&... columns) {
  using D = typename Op::Result;
  const size_t count = std::get<0>(std::tie(columns...)).size();
  DeviceBuffer<D> results(count);
  {
    const std::tuple<DeviceBuffer<Operands>...> inputs(columns...);
    const unsigned blocks = static_cast<unsigned>((count + 255) / 256);
    std::apply(
        [&](const auto&... input) {
          opcode_kernel<Op, D, Operands...>
              <<<blocks, 256>>>(results.get(), static_cast<int>(count), input.get()...);
        },
        inputs);
    if (!expect_success(file, line, what, cudaGetLastError())) return;
    if (!expect_success(file, line, what, cudaDeviceSynchronize())) return;
  }
  const std::vector<D> actual = results.download();
  int reported = 0;
  for (size_t i = 0; i < count && reported < 4; ++i) {
    const Expected<D> expected = reference(columns[i]...);
    if (!expected.has_value() || compare(actual[i], *expected)) continue;
    std::string operands;
    ((operands += (operands.empty() ? "" : ", ") + describe(columns[i])), ...);
    report_failure(file, line,
                   std::string(what) + "(" + operands + ") is " + describe(actual[i]) + ", expected " +
                       describe(*expected));
    ++reported;
  }
}

template <class Op, class Compare, class Reference>
void expect_opcode(const char* file, int line, const char* what, Compare compare, Reference reference) {
  typename OperandColumns<typename Op::Operands>::type columns;
  fill_columns(columns);
  std::apply(
      [&](const auto&... column) { expect_opcode_on<Op>(file, line, what, compare, reference, column...); },
      columns);
}

struct SameResult {
  template <class T>
  bool operator()(T a, T b) const {
    return same(a, b);
  }
};

}  // namespace cuemu_tests

// The instruction on all combinations of test values, exact results.
#define EXPECT_OPCODE(Op, ...) \
  cuemu_tests::expect_opcode<Op>(__FILE__, __LINE__, #Op, cuemu_tests::SameResult(), __VA_ARGS__)
// The same on given operands: EXPECT_OPCODE_ON(Op, reference, vector of first operands, ...).
#define EXPECT_OPCODE_ON(Op, ...) \
  cuemu_tests::expect_opcode_on<Op>(__FILE__, __LINE__, #Op, cuemu_tests::SameResult(), __VA_ARGS__)
// The same with a comparison (actual, expected) of one's own.
#define EXPECT_OPCODE_NEAR(Op, compare, ...) \
  cuemu_tests::expect_opcode_on<Op>(__FILE__, __LINE__, #Op, compare, __VA_ARGS__)
