// SPDX-License-Identifier: MIT
// Logic, shifts, bit fields, counts, permutations and dot products.
#include <algorithm>
#include <type_traits>

#include "support/opcode.cuh"

using namespace cuemu_tests;

namespace {

#define LOGIC_OF(W)                                               \
  PTX_OP2(And_##W, u##W, u##W, u##W, "and.b" #W " %0, %1, %2;");  \
  PTX_OP2(Or_##W, u##W, u##W, u##W, "or.b" #W " %0, %1, %2;");    \
  PTX_OP2(Xor_##W, u##W, u##W, u##W, "xor.b" #W " %0, %1, %2;");  \
  PTX_OP1(Not_##W, u##W, u##W, "not.b" #W " %0, %1;");            \
  PTX_OP1(LogicalNot_##W, u##W, u##W, "cnot.b" #W " %0, %1;");    \
  TEST(IntegerBits, logic_##W) {                                  \
    using T = u##W;                                               \
    EXPECT_OPCODE(And_##W, [](T a, T b) { return T(a & b); });    \
    EXPECT_OPCODE(Or_##W, [](T a, T b) { return T(a | b); });     \
    EXPECT_OPCODE(Xor_##W, [](T a, T b) { return T(a ^ b); });    \
    EXPECT_OPCODE(Not_##W, [](T a) { return T(~a); });            \
    EXPECT_OPCODE(LogicalNot_##W, [](T a) { return T(a == 0); }); \
  }
LOGIC_OF(16)
LOGIC_OF(32)
LOGIC_OF(64)

// Shifts clamp the amount: past the width every bit is gone, or is the sign.
#define SHIFTS_OF(W)                                                                            \
  PTX_OP2(ShiftLeft_##W, u##W, u##W, u32, "shl.b" #W " %0, %1, %2;");                           \
  PTX_OP2(ShiftRight_u##W, u##W, u##W, u32, "shr.u" #W " %0, %1, %2;");                         \
  PTX_OP2(ShiftRight_s##W, s##W, s##W, u32, "shr.s" #W " %0, %1, %2;");                         \
  PTX_OP2(ShiftRight_b##W, u##W, u##W, u32, "shr.b" #W " %0, %1, %2;");                         \
  TEST(IntegerBits, shifts_##W) {                                                               \
    const auto right = [](u##W a, u32 n) { return u##W(n >= W ? 0 : a >> n); };                 \
    EXPECT_OPCODE(ShiftLeft_##W, [](u##W a, u32 n) { return u##W(n >= W ? 0 : u64(a) << n); }); \
    EXPECT_OPCODE(ShiftRight_u##W, right);                                                      \
    EXPECT_OPCODE(ShiftRight_b##W, right);                                                      \
    EXPECT_OPCODE(ShiftRight_s##W,                                                              \
                  [](s##W a, u32 n) { return s##W(a >> std::min<u32>(n, W - 1)); });            \
  }
SHIFTS_OF(16)
SHIFTS_OF(32)
SHIFTS_OF(64)

PTX_OP3(FunnelLeftWrap, u32, u32, u32, u32, "shf.l.wrap.b32 %0, %1, %2, %3;");
PTX_OP3(FunnelLeftClamp, u32, u32, u32, u32, "shf.l.clamp.b32 %0, %1, %2, %3;");
PTX_OP3(FunnelRightWrap, u32, u32, u32, u32, "shf.r.wrap.b32 %0, %1, %2, %3;");
PTX_OP3(FunnelRightClamp, u32, u32, u32, u32, "shf.r.clamp.b32 %0, %1, %2, %3;");

TEST(IntegerBits, funnel_shifts) {
  // a is the low word of a pair, b the high word.
  const auto left = [](u32 a, u32 b, u32 n) { return u32(((u64(b) << 32 | a) << n) >> 32); };
  const auto right = [](u32 a, u32 b, u32 n) { return u32((u64(b) << 32 | a) >> n); };
  EXPECT_OPCODE(FunnelLeftWrap, [=](u32 a, u32 b, u32 n) { return left(a, b, n & 31); });
  EXPECT_OPCODE(FunnelLeftClamp, [=](u32 a, u32 b, u32 n) { return left(a, b, std::min(n, 32u)); });
  EXPECT_OPCODE(FunnelRightWrap, [=](u32 a, u32 b, u32 n) { return right(a, b, n & 31); });
  EXPECT_OPCODE(FunnelRightClamp,
                [=](u32 a, u32 b, u32 n) { return right(a, b, std::min(n, 32u)); });
}

// Bit fields. The third operand packs position (low byte) and length (next byte); both count from 0
// to 255.
#define FIELD_OF "{.reg .u32 pos, len;\n and.b32 pos, %3, 255;\n shr.u32 len, %3, 8;\n "
PTX_OP3(Extract_u32, u32, u32, u32, u32, FIELD_OF "bfe.u32 %0, %1, pos, len;\n}");
PTX_OP3(Extract_s32, s32, s32, u32, u32, FIELD_OF "bfe.s32 %0, %1, pos, len;\n}");
PTX_OP3(Extract_u64, u64, u64, u32, u32, FIELD_OF "bfe.u64 %0, %1, pos, len;\n}");
PTX_OP3(Extract_s64, s64, s64, u32, u32, FIELD_OF "bfe.s64 %0, %1, pos, len;\n}");
PTX_OP3(Insert_32, u32, u32, u32, u32, FIELD_OF "bfi.b32 %0, %1, %2, pos, len;\n}");
PTX_OP3(Insert_64, u64, u64, u64, u32, FIELD_OF "bfi.b64 %0, %1, %2, pos, len;\n}");

template <class T>
T extract_field(T value, u32 packed) {
  const int width = 8 * sizeof(T), msb = width - 1;
  const int position = packed & 255, length = packed >> 8 & 255;
  const auto bit = [&](int i) { return u64(value) >> i & 1; };
  const u64 fill =
      std::is_unsigned_v<T> || length == 0 ? 0 : bit(std::min(position + length - 1, msb));
  u64 result = 0;
  for (int i = 0; i < width; ++i) {
    result |= (i < length && position + i <= msb ? bit(position + i) : fill) << i;
  }
  return T(result);
}
template <class T>
T insert_field(T field, T base, u32 packed) {
  const int width = 8 * sizeof(T), position = packed & 255, length = packed >> 8 & 255;
  for (int i = 0; i < length && position + i < width; ++i) {
    const T mask = T(T(1) << (position + i));
    base = T((base & ~mask) | (T(field >> i & 1) << (position + i)));
  }
  return base;
}

TEST(IntegerBits, fields) {
  std::vector<u32> packed;
  for (u32 position : {0, 1, 5, 8, 16, 31, 32, 40, 63, 64, 255}) {
    for (u32 length : {0, 1, 4, 8, 24, 31, 32, 33, 63, 64, 255})
      packed.push_back(position | length << 8);
  }
  std::vector<u64> a, b;
  Random random(3);
  for (size_t i = 0; i < packed.size(); ++i) {
    a.push_back(random.next());
    b.push_back(random.next());
  }
  const std::vector<u32> a32(a.begin(), a.end()), b32(b.begin(), b.end());
  const std::vector<s32> s32_values(a.begin(), a.end());
  const std::vector<s64> s64_values(a.begin(), a.end());
  const auto extract = [](auto value, u32, u32 field) { return extract_field(value, field); };
  EXPECT_OPCODE_ON(Extract_u32, extract, a32, packed, packed);
  EXPECT_OPCODE_ON(Extract_s32, extract, s32_values, packed, packed);
  EXPECT_OPCODE_ON(Extract_u64, extract, a, packed, packed);
  EXPECT_OPCODE_ON(Extract_s64, extract, s64_values, packed, packed);
  const auto insert = [](auto field, auto base, u32 place) {
    return insert_field(field, base, place);
  };
  EXPECT_OPCODE_ON(Insert_32, insert, a32, b32, packed);
  EXPECT_OPCODE_ON(Insert_64, insert, a, b, packed);
}

PTX_OP1(LeadingZeros_32, u32, u32, "clz.b32 %0, %1;");
PTX_OP1(LeadingZeros_64, u32, u64, "clz.b64 %0, %1;");
PTX_OP1(Population_32, u32, u32, "popc.b32 %0, %1;");
PTX_OP1(Population_64, u32, u64, "popc.b64 %0, %1;");
PTX_OP1(Reverse_32, u32, u32, "brev.b32 %0, %1;");
PTX_OP1(Reverse_64, u64, u64, "brev.b64 %0, %1;");

template <class T>
T reverse(T value) {
  T result = 0;
  for (unsigned i = 0; i < 8 * sizeof(T); ++i) result = T(result << 1 | (value >> i & 1));
  return result;
}

TEST(IntegerBits, counts_and_reversal) {
  EXPECT_OPCODE(LeadingZeros_32, [](u32 a) { return u32(a == 0 ? 32 : __builtin_clz(a)); });
  EXPECT_OPCODE(LeadingZeros_64, [](u64 a) { return u32(a == 0 ? 64 : __builtin_clzll(a)); });
  EXPECT_OPCODE(Population_32, [](u32 a) { return u32(__builtin_popcount(a)); });
  EXPECT_OPCODE(Population_64, [](u64 a) { return u32(__builtin_popcountll(a)); });
  EXPECT_OPCODE(Reverse_32, [](u32 a) { return reverse(a); });
  EXPECT_OPCODE(Reverse_64, [](u64 a) { return reverse(a); });
}

PTX_OP1(Find_u32, u32, u32, "bfind.u32 %0, %1;");
PTX_OP1(Find_s32, u32, s32, "bfind.s32 %0, %1;");
PTX_OP1(Find_u64, u32, u64, "bfind.u64 %0, %1;");
PTX_OP1(Find_s64, u32, s64, "bfind.s64 %0, %1;");
PTX_OP1(FindShift_u32, u32, u32, "bfind.shiftamt.u32 %0, %1;");
PTX_OP1(FindShift_s64, u32, s64, "bfind.shiftamt.s64 %0, %1;");

// Position of the highest bit that differs from the sign, 0xffffffff when there is none.
u32 highest_bit(s64 value) {
  const u64 bits = value < 0 ? ~u64(value) : u64(value);
  return bits == 0 ? ~0u : 63u - u32(__builtin_clzll(bits));
}

TEST(IntegerBits, find_leading_bit) {
  const auto find_u64 = [](u64 a) { return a == 0 ? ~0u : 63u - u32(__builtin_clzll(a)); };
  EXPECT_OPCODE(Find_u32, [=](u32 a) { return find_u64(a); });
  EXPECT_OPCODE(Find_u64, find_u64);
  EXPECT_OPCODE(Find_s32, [](s32 a) { return highest_bit(a); });
  EXPECT_OPCODE(Find_s64, [](s64 a) { return highest_bit(a); });
  EXPECT_OPCODE(FindShift_u32, [](u32 a) { return a == 0 ? ~0u : u32(__builtin_clz(a)); });
  EXPECT_OPCODE(FindShift_s64,
                [](s64 a) { return highest_bit(a) == ~0u ? ~0u : 63 - highest_bit(a); });
}

PTX_OP3(Permute, u32, u32, u32, u32, "prmt.b32 %0, %1, %2, %3;");
PTX_OP3(Forward4, u32, u32, u32, u32, "prmt.b32.f4e %0, %1, %2, %3;");
PTX_OP3(Backward4, u32, u32, u32, u32, "prmt.b32.b4e %0, %1, %2, %3;");
PTX_OP3(Replicate8, u32, u32, u32, u32, "prmt.b32.rc8 %0, %1, %2, %3;");
PTX_OP3(EdgeLeft, u32, u32, u32, u32, "prmt.b32.ecl %0, %1, %2, %3;");
PTX_OP3(EdgeRight, u32, u32, u32, u32, "prmt.b32.ecr %0, %1, %2, %3;");
PTX_OP3(Replicate16, u32, u32, u32, u32, "prmt.b32.rc16 %0, %1, %2, %3;");

u32 permute(u32 a, u32 b, u32 selectors) {
  u32 result = 0;
  for (int i = 0; i < 4; ++i) {
    const u32 selector = selectors >> (4 * i) & 15;
    const u32 byte = u32((u64(b) << 32 | a) >> (8 * (selector & 7))) & 255;
    result |= (selector & 8 ? (byte & 128 ? 255u : 0u) : byte) << (8 * i);
  }
  return result;
}

TEST(IntegerBits, byte_permutations) {
  EXPECT_OPCODE(Permute, permute);
  // The special modes as selectors of the general one, for c mod 4 = 0, 1, 2, 3 (PTX manual, table
  // of prmt).
  const auto mode = [](u32 s0, u32 s1, u32 s2, u32 s3) {
    return [=](u32 a, u32 b, u32 c) {
      const u32 selectors[4] = {s0, s1, s2, s3};
      return permute(a, b, selectors[c & 3]);
    };
  };
  EXPECT_OPCODE(Forward4, mode(0x3210, 0x4321, 0x5432, 0x6543));
  EXPECT_OPCODE(Backward4, mode(0x5670, 0x6701, 0x7012, 0x0123));
  EXPECT_OPCODE(Replicate8, mode(0x0000, 0x1111, 0x2222, 0x3333));
  EXPECT_OPCODE(EdgeLeft, mode(0x3210, 0x3211, 0x3222, 0x3333));
  EXPECT_OPCODE(EdgeRight, mode(0x0000, 0x1110, 0x2210, 0x3210));
  EXPECT_OPCODE(Replicate16, mode(0x1010, 0x3232, 0x1010, 0x3232));
}

// lop3's table is the function applied to 0xf0, 0xcc, 0xaa.
#define LOP3_OF(table)                                                                 \
  PTX_OP3(Logic3_##table, u32, u32, u32, u32, "lop3.b32 %0, %1, %2, %3, " #table ";"); \
  TEST(IntegerBits, logic_of_three_##table) {                                          \
    EXPECT_OPCODE(Logic3_##table, [](u32 a, u32 b, u32 c) {                            \
      u32 result = 0;                                                                  \
      for (int i = 0; i < 32; ++i) {                                                   \
        const u32 row = (a >> i & 1) << 2 | (b >> i & 1) << 1 | (c >> i & 1);          \
        result |= u32(table >> row & 1) << i;                                          \
      }                                                                                \
      return result;                                                                   \
    });                                                                                \
  }
LOP3_OF(0x1b)
LOP3_OF(0x96)
LOP3_OF(0xca)
LOP3_OF(0xe8)
LOP3_OF(0xff)

PTX_OP3(Dot4_uu, u32, u32, u32, u32, "dp4a.u32.u32 %0, %1, %2, %3;");
PTX_OP3(Dot4_ss, s32, u32, u32, s32, "dp4a.s32.s32 %0, %1, %2, %3;");
PTX_OP3(Dot4_su, s32, u32, u32, s32, "dp4a.s32.u32 %0, %1, %2, %3;");
PTX_OP3(Dot2_low, s32, u32, u32, s32, "dp2a.lo.s32.s32 %0, %1, %2, %3;");
PTX_OP3(Dot2_high, s32, u32, u32, s32, "dp2a.hi.s32.u32 %0, %1, %2, %3;");

TEST(IntegerBits, dot_products) {
  EXPECT_OPCODE(Dot4_uu, [](u32 a, u32 b, u32 c) {
    for (int i = 0; i < 32; i += 8) c += u32(uint8_t(a >> i)) * uint8_t(b >> i);
    return c;
  });
  EXPECT_OPCODE(Dot4_ss, [](u32 a, u32 b, s32 c) {
    for (int i = 0; i < 32; i += 8) c = s32(u32(c) + u32(int8_t(a >> i) * int8_t(b >> i)));
    return c;
  });
  EXPECT_OPCODE(Dot4_su, [](u32 a, u32 b, s32 c) {
    for (int i = 0; i < 32; i += 8) c = s32(u32(c) + u32(int8_t(a >> i) * uint8_t(b >> i)));
    return c;
  });
  EXPECT_OPCODE(Dot2_low, [](u32 a, u32 b, s32 c) {
    for (int i = 0; i < 2; ++i) c = s32(u32(c) + u32(s16(a >> 16 * i) * int8_t(b >> 8 * i)));
    return c;
  });
  EXPECT_OPCODE(Dot2_high, [](u32 a, u32 b, s32 c) {
    for (int i = 0; i < 2; ++i)
      c = s32(u32(c) + u32(s16(a >> 16 * i) * uint8_t(b >> (16 + 8 * i))));
    return c;
  });
}

}  // namespace
