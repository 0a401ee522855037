// SPDX-License-Identifier: MIT
// Tries one PTX instruction on many operands and compares each result with a host function.
//
//   PTX_OP2(AddSat, s32, s32, s32, "add.sat.s32 %0, %1, %2;");
//   TEST(Integer, add_sat) { EXPECT_OPCODE(AddSat, [](s32 a, s32 b) { ... }); }
//
// The operands are all combinations of the values that opcode_values.cpp gives for each type. A
// reference that returns Expected<D> leaves out the combinations for which it returns std::nullopt.
//
// All but a thin layer is untyped and compiled once (opcode_check.cu): there are some hundred
// instructions.
#pragma once

#include <optional>
#include <vector>

#include "device.cuh"
#include "operand_types.hpp"

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

#define PTX_OP1(name, D, A, text)                                          \
  struct name {                                                            \
    static constexpr int kOperands = 1;                                    \
    using Result = D;                                                      \
    using First = A;                                                       \
    using Second = A;                                                      \
    using Third = A;                                                       \
    static __device__ D run(const A* a, const A*, const A*) {              \
      D d;                                                                 \
      asm volatile(text : "=" PTX_REGISTER_##D(d) : PTX_REGISTER_##A(*a)); \
      return d;                                                            \
    }                                                                      \
  }
#define PTX_OP2(name, D, A, B, text)                                                             \
  struct name {                                                                                  \
    static constexpr int kOperands = 2;                                                          \
    using Result = D;                                                                            \
    using First = A;                                                                             \
    using Second = B;                                                                            \
    using Third = A;                                                                             \
    static __device__ D run(const A* a, const B* b, const A*) {                                  \
      D d;                                                                                       \
      asm volatile(text : "=" PTX_REGISTER_##D(d) : PTX_REGISTER_##A(*a), PTX_REGISTER_##B(*b)); \
      return d;                                                                                  \
    }                                                                                            \
  }
#define PTX_OP3(name, D, A, B, C, text)                                                 \
  struct name {                                                                         \
    static constexpr int kOperands = 3;                                                 \
    using Result = D;                                                                   \
    using First = A;                                                                    \
    using Second = B;                                                                   \
    using Third = C;                                                                    \
    static __device__ D run(const A* a, const B* b, const C* c) {                       \
      D d;                                                                              \
      asm volatile(text                                                                 \
                   : "=" PTX_REGISTER_##D(d)                                            \
                   : PTX_REGISTER_##A(*a), PTX_REGISTER_##B(*b), PTX_REGISTER_##C(*c)); \
      return d;                                                                         \
    }                                                                                   \
  }

namespace cuemu_tests {

// What the reference gives; std::nullopt where PTX leaves the result open.
template <class D>
using Expected = std::optional<D>;

using Bytes = std::vector<unsigned char>;

// One operand type with its test values.
struct OperandType {
  size_t size;
  Bytes (*values)();
  std::string (*describe)(const void* value);
  bool (*same)(const void* actual, const void* expected);
};
template <class T>
const OperandType& operand_type();  // defined in opcode_values.cpp for every type above

using OpcodeKernel = void (*)(void* results, int count, const void* a, const void* b,
                              const void* c);

struct OpcodeCheck {
  const char* file;
  int line;
  const char* name;
  OpcodeKernel kernel;
  const OperandType* result;
  std::vector<const OperandType*> operands;
  bool (*same)(const void* actual, const void* expected);
  // Writes the expected result; false where it is undefined.
  bool (*expected)(const void* reference, const void* const* operands, void* result);
  const void* reference;
};
// With no columns: all combinations of the types' values.
void run_check(const OpcodeCheck& check, std::vector<Bytes> columns = {});

template <class Op>
__global__ void opcode_kernel(void* results, int count, const void* a, const void* b,
                              const void* c) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  static_cast<typename Op::Result*>(results)[i] = Op::run(
      static_cast<const typename Op::First*>(a) + i, static_cast<const typename Op::Second*>(b) + i,
      static_cast<const typename Op::Third*>(c) + i);
}

template <class D>
bool store_expected(D value, void* result) {
  *static_cast<D*>(result) = value;
  return true;
}
template <class D>
bool store_expected(const std::optional<D>& value, void* result) {
  return value.has_value() && store_expected(*value, result);
}

template <class Op, class Reference>
bool call_reference(const void* reference, const void* const* operands, void* result) {
  const Reference& f = *static_cast<const Reference*>(reference);
  const auto& a = *static_cast<const typename Op::First*>(operands[0]);
  if constexpr (Op::kOperands == 1) {
    return store_expected<typename Op::Result>(f(a), result);
  } else {
    const auto& b = *static_cast<const typename Op::Second*>(operands[1]);
    if constexpr (Op::kOperands == 2) {
      return store_expected<typename Op::Result>(f(a, b), result);
    } else {
      const auto& c = *static_cast<const typename Op::Third*>(operands[2]);
      return store_expected<typename Op::Result>(f(a, b, c), result);
    }
  }
}

template <class Op, class Reference>
OpcodeCheck make_check(const char* file, int line, const char* name, const Reference& reference) {
  OpcodeCheck check{file,
                    line,
                    name,
                    opcode_kernel<Op>,
                    &operand_type<typename Op::Result>(),
                    {},
                    nullptr,
                    call_reference<Op, Reference>,
                    &reference};
  check.same = check.result->same;
  check.operands.push_back(&operand_type<typename Op::First>());
  if (Op::kOperands > 1) check.operands.push_back(&operand_type<typename Op::Second>());
  if (Op::kOperands > 2) check.operands.push_back(&operand_type<typename Op::Third>());
  return check;
}

template <class Op, class Reference>
void expect_opcode(const char* file, int line, const char* name, Reference reference) {
  run_check(make_check<Op>(file, line, name, reference));
}

template <class T>
Bytes to_bytes(const std::vector<T>& values) {
  const auto* begin = reinterpret_cast<const unsigned char*>(values.data());
  return Bytes(begin, begin + values.size() * sizeof(T));
}

template <class Op, class Reference, class... T>
void expect_opcode_on(const char* file, int line, const char* name, Reference reference,
                      const std::vector<T>&... columns) {
  run_check(make_check<Op>(file, line, name, reference), {to_bytes(columns)...});
}

// Compare: a captureless function of (actual, expected), both of the result's type.
template <class Op, class Compare, class Reference, class... T>
void expect_opcode_near(const char* file, int line, const char* name, Compare, Reference reference,
                        const std::vector<T>&... columns) {
  using D = typename Op::Result;
  OpcodeCheck check = make_check<Op>(file, line, name, reference);
  check.same = [](const void* actual, const void* expected) {
    return Compare()(*static_cast<const D*>(actual), *static_cast<const D*>(expected));
  };
  run_check(check, {to_bytes(columns)...});
}

}  // namespace cuemu_tests

// The instruction on all combinations of test values, exact results.
#define EXPECT_OPCODE(Op, ...) cuemu_tests::expect_opcode<Op>(__FILE__, __LINE__, #Op, __VA_ARGS__)
// The same on given operands: EXPECT_OPCODE_ON(Op, reference, vector of first operands, ...).
#define EXPECT_OPCODE_ON(Op, ...) \
  cuemu_tests::expect_opcode_on<Op>(__FILE__, __LINE__, #Op, __VA_ARGS__)
// The same with a comparison (a default-constructible functor of actual and expected) instead of
// equality.
#define EXPECT_OPCODE_NEAR(Op, compare, ...) \
  cuemu_tests::expect_opcode_near<Op>(__FILE__, __LINE__, #Op, compare, __VA_ARGS__)
