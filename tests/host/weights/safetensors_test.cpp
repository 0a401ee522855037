// SPDX-License-Identifier: MIT
#include "foldconv/safetensors.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "harness/test_folder.hpp"
#include "host/expect_error.hpp"
#include "host/weights/safetensors_writer.hpp"
#include "weights/file_bytes.hpp"

namespace foldconv {
namespace {

namespace fs = std::filesystem;

using safetensors::StateDict;
using safetensors::TensorInfo;
using test::bytes_of;
using test::fails_with;
using test::file_text;
using test::kInvalid;
using test::SafetensorsWriter;

Result<StateDict> read(const std::string& text) {
  const auto bytes = std::make_shared<const std::string>(text);
  return StateDict::read(std::as_bytes(std::span(*bytes)), bytes);
}

// Of a right file.
StateDict parse(const std::string& text) {
  return read(text).value();
}

bool is_right(const std::string& text) {
  return read(text).ok();
}

// What is said of a wrong file; "" where nothing is.
std::string complaint(const std::string& text) {
  return read(text).status().message();
}

void expect_complaint(const std::string& text, const std::string& part) {
  EXPECT_TRUE(fails_with(read(text), kInvalid, {"(memory): ", part, "; the file is damaged"}))
      << "of: " << text.substr(0, 300);
}

std::vector<float> values_of(const StateDict& file, const std::string& name) {
  const Constant tensor = file.tensor(name).value();
  return {tensor.values().begin(), tensor.values().end()};
}

std::string one_tensor(const std::string& members, const std::string& data = "abcd") {
  return file_text("{\"w\":{" + members + "}}", data);
}

template <class Element>
std::string tensor_file(const std::string& dtype, const std::vector<Element>& elements) {
  SafetensorsWriter writer;
  writer.add("w", dtype, "[" + std::to_string(elements.size()) + "]", bytes_of(elements));
  return writer.text();
}

template <class Element>
std::vector<float> values_of(const std::string& dtype, const std::vector<Element>& elements) {
  return values_of(parse(tensor_file(dtype, elements)), "w");
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Safetensors, ListsTensorsByName) {
  SafetensorsWriter writer;
  writer.add("b", "I64", "[]", bytes_of<std::int64_t>({7}));
  writer.add("a.weight", "F32", "[2, 1, 3]", bytes_of<float>({1, 2, 3, 4, 5, 6}));
  const StateDict file = parse(writer.text());
  ASSERT_EQ(file.tensors().size(), 2U);
  EXPECT_EQ(file.tensors()[0].name, "a.weight");
  EXPECT_EQ(file.tensors()[0].dtype, "F32");
  EXPECT_EQ(to_string(file.tensors()[0].extents), "2x1x3");
  EXPECT_EQ(file.tensors()[1].dtype, "I64");
  EXPECT_EQ(to_string(file.tensors()[1].extents), "scalar");
  EXPECT_EQ(file.find("b"), &file.tensors()[1]);
  EXPECT_EQ(file.find("a"), nullptr);
  EXPECT_EQ(file.find("c"), nullptr);
  EXPECT_TRUE(file.contains("b") && !file.contains("c"));
  EXPECT_EQ(file.names(), (std::vector<std::string>{"a.weight", "b"}));
  EXPECT_EQ(file.tensor("a.weight")->extents(), (Extents{2, 1, 3}));
}

TEST(Safetensors, ReadsEachTensorFromItsPlace) {
  SafetensorsWriter writer;
  writer.add("second", "F32", "[2]", bytes_of<float>({1.5f, -2}));
  writer.add("count", "I64", "[]", bytes_of<std::int64_t>({7}));
  writer.add("first", "F32", "[1,1]", bytes_of<float>({3}));
  const StateDict file = parse(writer.text());
  EXPECT_EQ(values_of(file, "second"), (std::vector<float>{1.5f, -2}));
  EXPECT_EQ(values_of(file, "first"), (std::vector<float>{3}));
}

TEST(Safetensors, TakesF32AsItIs) {
  const float least = std::numeric_limits<float>::denorm_min();
  const std::vector<float> values = {0, 1, -2.5f, least, kInfinity, -kInfinity};
  EXPECT_EQ(values_of("F32", values), values);
  EXPECT_TRUE(std::isnan(values_of<float>("F32", {std::nanf("")})[0]));
}

TEST(Safetensors, WidensF16) {
  const std::vector<float> values = values_of<std::uint16_t>(
      "F16", {0x0000, 0x8000, 0x0001, 0x83ff, 0x0400, 0x3c00, 0xc100, 0x7bff, 0x7c00, 0xfc00});
  EXPECT_EQ(values, (std::vector<float>{0, -0.0f, 0x1p-24f, -0x3ffp-24f, 0x1p-14f, 1, -2.5f, 65504,
                                        kInfinity, -kInfinity}));
  EXPECT_TRUE(std::signbit(values[1]));
  EXPECT_TRUE(std::isnan(values_of<std::uint16_t>("F16", {0x7c01})[0]));
  EXPECT_TRUE(std::isnan(values_of<std::uint16_t>("F16", {0xfe00})[0]));
}

TEST(Safetensors, WidensBf16) {
  const std::vector<float> values = values_of<std::uint16_t>(
      "BF16", {0x0000, 0x0001, 0x3f80, 0xc020, 0x7f7f, 0x7f80, 0xff80, 0x0080});
  EXPECT_EQ(values, (std::vector<float>{0, 0x1p-133f, 1, -2.5f, 0x1.fep127f, kInfinity, -kInfinity,
                                        0x1p-126f}));
  EXPECT_TRUE(std::isnan(values_of<std::uint16_t>("BF16", {0x7f81})[0]));
}

// fold() keeps weights that are 16-bit as they are, so no value may change on its way.
TEST(Safetensors, WidensEach16BitPatternExactly) {
  std::vector<std::uint16_t> patterns;
  for (int bits = 0; bits < 0x10000; ++bits) patterns.push_back(static_cast<std::uint16_t>(bits));
  for (const auto& [dtype, mantissa_bits, bias] :
       {std::tuple("F16", 10, 15), std::tuple("BF16", 7, 127)}) {
    const std::vector<float> values = values_of<std::uint16_t>(dtype, patterns);
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      const int bits = patterns[i];
      const int mantissa = bits & ((1 << mantissa_bits) - 1);
      const int exponent = (bits & 0x7fff) >> mantissa_bits;
      if (exponent == 2 * bias + 1) {
        ASSERT_TRUE(mantissa != 0 ? std::isnan(values[i]) : std::isinf(values[i])) << dtype << bits;
        continue;
      }
      const double whole = exponent > 0 ? mantissa + (1 << mantissa_bits) : mantissa;
      const double value = std::ldexp(whole, std::max(exponent, 1) - bias - mantissa_bits);
      ASSERT_EQ(double{values[i]}, bits >= 0x8000 ? -value : value) << dtype << " " << bits;
      ASSERT_EQ(std::signbit(values[i]), bits >= 0x8000) << dtype << " " << bits;
    }
  }
}

TEST(Safetensors, RoundsF64ToNearest) {
  const double infinity = std::numeric_limits<double>::infinity();
  // Ties to even, a value that underflows, the largest that does not overflow.
  EXPECT_EQ(
      values_of<double>("F64", {-2.5, 1 + 0x1p-24, 1 + 0x3p-24, 1e-300, 0x1.fffffefp127, infinity}),
      (std::vector<float>{-2.5f, 1, 1 + 0x1p-22f, 0, std::numeric_limits<float>::max(),
                          kInfinity}));
  EXPECT_TRUE(std::isnan(values_of<double>("F64", {std::nan("")})[0]));
}

TEST(Safetensors, RefusesAnF64BeyondFp32) {
  const StateDict file = parse(tensor_file<double>("F64", {1, -1e39}));
  EXPECT_TRUE(
      fails_with(file.tensor("w"), kInvalid, {"(memory): element 1 of the F64 tensor `w`"}));
}

TEST(Safetensors, ListsDTypesWhoseValuesItRefuses) {
  for (const auto& [dtype, bytes] :
       {std::pair("BOOL", 8), std::pair("U8", 8), std::pair("I8", 8), std::pair("I16", 16),
        std::pair("U16", 16), std::pair("I32", 32), std::pair("U32", 32), std::pair("I64", 64),
        std::pair("U64", 64), std::pair("C64", 64), std::pair("F8_E4M3", 8),
        std::pair("F8_E5M2", 8), std::pair("F8_E8M0", 8), std::pair("F8_E4M3FNUZ", 8),
        std::pair("F8_E5M2FNUZ", 8), std::pair("F4", 4), std::pair("F6_E2M3", 6),
        std::pair("F6_E3M2", 6)}) {
    SafetensorsWriter writer;
    writer.add("w", dtype, "[2,4]", std::string(static_cast<std::size_t>(bytes), 'x'));
    const StateDict file = parse(writer.text());
    EXPECT_EQ(file.tensors()[0].dtype, dtype);
    EXPECT_TRUE(fails_with(file.tensor("w"), ErrorCode::unsupported,
                           {"(memory): tensor `w` is of dtype " + std::string(dtype)}));
  }
}

TEST(Safetensors, TakesScalarsAndEmptyTensors) {
  SafetensorsWriter writer;
  writer.add("before", "F32", "[0]", "");
  writer.add("scalar", "F32", "[]", bytes_of<float>({5}));
  writer.add("between", "F64", "[3,0,9223372036854775807]", "");
  writer.add("last", "F16", "[1]", bytes_of<std::uint16_t>({0x3c00}));
  writer.add("after", "F32", "[0,0]", "");
  const StateDict file = parse(writer.text());
  EXPECT_EQ(values_of(file, "scalar"), std::vector<float>{5});
  EXPECT_EQ(values_of(file, "last"), std::vector<float>{1});
  for (const char* name : {"before", "between", "after"}) {
    EXPECT_TRUE(values_of(file, name).empty()) << name;
  }
}

TEST(Safetensors, TakesEmptyFilesAndSpaceBehindTheHeader) {
  EXPECT_TRUE(is_right(file_text("{}")));
  EXPECT_TRUE(is_right(file_text("{}      ")));
}

TEST(Safetensors, ChecksAndKeepsMetadata) {
  const StateDict file = parse(file_text("{\"__metadata__\":{\"format\":\"pt\"}}"));
  EXPECT_TRUE(file.tensors().empty());
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"format", "pt"}}));
  expect_complaint(file_text("{\"__metadata__\":{\"a\":1}}"), "`a` of `__metadata__` is 1");
  expect_complaint(file_text("{\"__metadata__\":{\"a\":{}}}"),
                   "`a` of `__metadata__` is an object");
  expect_complaint(file_text("{\"__metadata__\":[]}"), "`__metadata__` is an array");
  expect_complaint(file_text("{\"__metadata__\":{},\"__metadata__\":{}}"), "is there twice");
  expect_complaint(file_text("{\"__metadata__\":{\"a\":\"\",\"b\":\"\",\"a\":\"\"}}"),
                   "`a` of `__metadata__` is there twice");
}

TEST(Safetensors, AMissingTensorIsAnError) {
  const StateDict file = parse(file_text("{}"));
  EXPECT_TRUE(fails_with(file.tensor("conv1.weight"), kInvalid,
                         {"(memory): there is no tensor `conv1.weight`; give"}));
}

TEST(Safetensors, BoundsTheLengthOfTheHeader) {
  expect_complaint("", "it has 0 bytes");
  expect_complaint("1234567", "it has 7 bytes");
  expect_complaint(file_text(3, "{}"), "its header claims 3 bytes, the file has 2 for it");
  for (const std::uint64_t length :
       {std::uint64_t{1} << 62, std::uint64_t{1} << 63, ~std::uint64_t{0}, ~std::uint64_t{7}}) {
    expect_complaint(file_text(length, "{}"), "claims " + std::to_string(length) + " bytes");
  }
}

TEST(Safetensors, CapsTheLengthOfTheHeader) {
  // A sparse file: it has the bytes that its header claims.
  const test::TestFolder folder;
  const fs::path path = folder.write("x", file_text(safetensors::kMaxHeaderBytes + 1, "{}"));
  fs::resize_file(path, safetensors::kMaxHeaderBytes + 9);
  const Result<StateDict> file = StateDict::read(path);
  EXPECT_TRUE(fails_with(file, kInvalid, {"has 100000001 bytes, more than 100000000"}));
}

TEST(Safetensors, TheHeaderIsAnObject) {
  for (const char* header : {"", " {}", "[]", "1", "null", "\"{}\"", "\xef\xbb\xbf{}"}) {
    expect_complaint(file_text(header), "does not begin with {");
  }
}

TEST(Safetensors, TheHeaderIsJson) {
  for (const char* header :
       {"{", "{}}", "{} {}", "{]", "{\"w\"}", "{\"w\":}", "{w:1}", "{,}", "{\"w\":{},}",
        "{\"w\":1e999}", "{\"w\":01}", "{}//", "{\"w\":\"\n\"}"}) {
    EXPECT_NE(complaint(file_text(header)), "") << header;
  }
  expect_complaint(file_text("{\"w\":tru}"), "no valid JSON in UTF-8 at its byte 9");
}

TEST(Safetensors, TheHeaderIsUtf8) {
  for (const char* name : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80",
                           "\\ud800", "\\udc00"}) {
    SafetensorsWriter writer;
    writer.add(name, "U8", "[1]", "x");
    expect_complaint(writer.text(), "no valid JSON in UTF-8");
  }
  SafetensorsWriter writer;
  writer.add("\xc3\xa9\\u00e9\\ud83d\\ude00", "U8", "[1]", "x");
  const StateDict file = parse(writer.text());
  EXPECT_EQ(file.tensors()[0].name, "\xc3\xa9\xc3\xa9\xf0\x9f\x98\x80");
}

TEST(Safetensors, AZeroByteDoesNotEndTheHeader) {
  expect_complaint(file_text(std::string("{}\0junk", 7)), "zero byte, at its byte 3");
}

TEST(Safetensors, NestingDoesNotOverflowTheStack) {
  const std::size_t depth = 1'000'000;
  for (const std::string before : {"{\"w\":", "{\"w\":{\"shape\":", "{\"__metadata__\":",
                                   "{\"w\":{\"dtype\":\"F32\",\"shape\":[", "{\"w\":{\"x\":"}) {
    std::string objects;
    for (std::size_t i = 0; i < depth; ++i) objects += "{\"a\":";
    EXPECT_NE(complaint(file_text(before + std::string(depth, '['))), "");
    EXPECT_NE(complaint(file_text(before + objects)), "");
  }
}

TEST(Safetensors, EachTensorIsAnObject) {
  for (const char* value : {"null", "true", "-1", "1", "1.5", "[]"}) {
    expect_complaint(file_text("{\"w\":" + std::string(value) + "}"), "tensor `w` is ");
  }
  expect_complaint(file_text("{\"w\":\"F32\"}"), "tensor `w` is the text `F32`");
}

TEST(Safetensors, EachTensorHasAllThreeMembersOnce) {
  const std::string dtype = "\"dtype\":\"F32\"", shape = "\"shape\":[1]",
                    offsets = "\"data_offsets\":[0,4]";
  EXPECT_TRUE(is_right(one_tensor(offsets + "," + shape + "," + dtype)));
  expect_complaint(one_tensor(shape + "," + offsets), "tensor `w` has no `dtype`");
  expect_complaint(one_tensor(dtype + "," + offsets), "tensor `w` has no `shape`");
  expect_complaint(one_tensor(dtype + "," + shape), "tensor `w` has no `data_offsets`");
  const std::string all = dtype + "," + shape + "," + offsets + ",";
  expect_complaint(one_tensor(all + dtype), "`dtype` of tensor `w` is there twice");
  expect_complaint(one_tensor(all + shape), "`shape` of tensor `w` is there twice");
  expect_complaint(one_tensor(all + offsets), "`data_offsets` of tensor `w` is there twice");
  expect_complaint(one_tensor(all + "\"strides\":[1]"), "tensor `w` has a member `strides`");
}

TEST(Safetensors, MembersAreOfTheirKind) {
  const std::string shape = "\"shape\":[1]", offsets = "\"data_offsets\":[0,4]";
  for (const char* value : {"null", "true", "4", "-4", "[]", "{}", "4.5"}) {
    const std::string text(value);
    expect_complaint(one_tensor("\"dtype\":" + text), "`dtype` of tensor `w` is ");
    if (text == "[]") continue;
    expect_complaint(one_tensor("\"shape\":" + text), "`shape` of tensor `w` is ");
    expect_complaint(one_tensor("\"data_offsets\":" + text), "`data_offsets` of tensor `w` is ");
  }
  for (const char* value : {"null", "true", "-1", "-0", "1.0", "1e0", "\"1\"", "[1]", "{}",
                            "18446744073709551616", "-9223372036854775808"}) {
    const std::string list = "[" + std::string(value) + "]";
    expect_complaint(one_tensor("\"shape\":" + list), "`shape` of tensor `w` holds ");
    expect_complaint(one_tensor("\"data_offsets\":" + list), "`data_offsets` of tensor `w` holds ");
  }
}

TEST(Safetensors, DTypesAreKnown) {
  for (const char* dtype : {"", "f32", "F32 ", "FLOAT", "Q4"}) {
    expect_complaint(
        one_tensor("\"dtype\":\"" + std::string(dtype) + "\",\"shape\":[1],\"data_offsets\":[0,4]"),
        "unknown dtype `" + std::string(dtype) + "`");
  }
}

std::string f32_tensor(const std::string& shape, const std::string& offsets) {
  return one_tensor("\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":" + offsets);
}

TEST(Safetensors, OffsetsLieInTheData) {
  EXPECT_TRUE(is_right(f32_tensor("[1]", "[0,4]")));
  expect_complaint(f32_tensor("[1]", "[4,0]"), "data_offsets [4, 0]; wanted is begin <= end <= 4");
  expect_complaint(f32_tensor("[2]", "[0,8]"), "data_offsets [0, 8]; wanted is begin <= end <= 4");
  expect_complaint(f32_tensor("[1]", "[4,8]"), "wanted is begin <= end <= 4");
  expect_complaint(f32_tensor("[1]", "[18446744073709551612,18446744073709551615]"), "wanted is");
  expect_complaint(f32_tensor("[1]", "[18446744073709551615,3]"), "wanted is");
  expect_complaint(f32_tensor("[1]", "[]"), "holds 0 numbers");
  expect_complaint(f32_tensor("[1]", "[0]"), "holds 1 numbers");
  expect_complaint(f32_tensor("[1]", "[0,4,4]"), "holds 3 numbers");
}

TEST(Safetensors, OffsetsHoldTheShape) {
  expect_complaint(f32_tensor("[2]", "[0,4]"),
                   "tensor `w` of F32, shape [2] needs 8 bytes, its data_offsets [0, 4] hold 4");
  expect_complaint(f32_tensor("[0]", "[0,4]"), "shape [0] needs 0 bytes");
  expect_complaint(f32_tensor("[1]", "[0,0]"), "shape [1] needs 4 bytes");
  // 2^63 * 2 elements, 2^62 * 4 bytes and 2^61 * 8 bits are 0 where they wrap.
  for (const char* shape :
       {"[9223372036854775808,2]", "[4611686018427387904]", "[4294967296,4294967296]",
        "[2305843009213693952]", "[18446744073709551615,18446744073709551615,0]"}) {
    expect_complaint(f32_tensor(shape, "[0,0]"), "no whole number of bytes below 2^61");
  }
}

TEST(Safetensors, PackedTypesFillTheirBytes) {
  const auto f4 = [](const std::string& shape, const std::string& offsets) {
    return one_tensor("\"dtype\":\"F4\",\"shape\":" + shape + ",\"data_offsets\":" + offsets);
  };
  EXPECT_TRUE(is_right(f4("[8]", "[0,4]")));
  expect_complaint(f4("[7]", "[0,4]"), "no whole number of bytes");
  expect_complaint(f4("[7]", "[0,3]"), "no whole number of bytes");
}

TEST(Safetensors, RanksAreBounded) {
  const auto ones = [](int rank) {
    std::string shape = "[1";
    for (int i = 1; i < rank; ++i) shape += ",1";
    return shape + "]";
  };
  EXPECT_TRUE(is_right(f32_tensor(ones(64), "[0,4]")));
  expect_complaint(f32_tensor(ones(65), "[0,4]"), "more than 64 dimensions");
}

std::string two_tensors(const std::string& a, const std::string& b, const std::string& data,
                        const std::string& second_name = "b") {
  const std::string rest = "\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":";
  return file_text("{\"a" + rest + a + "},\"" + second_name + rest + b + "}}", data);
}

TEST(Safetensors, TheDataBelongsToOneTensorEach) {
  EXPECT_TRUE(is_right(two_tensors("[0,2]", "[2,4]", "abcd")));
  EXPECT_TRUE(is_right(two_tensors("[2,4]", "[0,2]", "abcd")));
  expect_complaint(two_tensors("[0,2]", "[1,3]", "abc"), "tensor `b` begins at byte 1");
  expect_complaint(two_tensors("[0,2]", "[0,2]", "ab"), "inside another tensor");
  expect_complaint(two_tensors("[1,3]", "[3,5]", "abcde"), "bytes 0 to 1 of the data belong to no");
  expect_complaint(two_tensors("[0,2]", "[3,5]", "abcde"), "bytes 2 to 3 of the data belong to no");
  expect_complaint(two_tensors("[0,2]", "[2,4]", "abcde"), "bytes 4 to 5 of the data belong to no");
  expect_complaint(file_text("{}", "x"), "bytes 0 to 1 of the data belong to no tensor");
}

TEST(Safetensors, NamesStandOnce) {
  expect_complaint(two_tensors("[0,2]", "[2,4]", "abcd", "a"), "tensor `a` is there twice");
  expect_complaint(two_tensors("[0,2]", "[2,4]", "abcd", "\\u0061"), "tensor `a` is there twice");
}

TEST(Safetensors, NamesCannotUpsetATerminal) {
  const std::string message = complaint(file_text("{\"\\u001b[31m\\n\\u007f\\u0000\xc3\xa9\":1}"));
  EXPECT_NE(message.find("tensor `\\x1b[31m\\x0a\\x7f\\x00\xc3\xa9` is 1"), std::string::npos)
      << message;
  // Cut between characters: 80 bytes end within one.
  const std::string name = std::string(79, 'n') + "\xc3\xa9" + std::string(1000, 'n');
  expect_complaint(file_text("{\"" + name + "\":1}"), "`" + std::string(79, 'n') + "...` is 1");
}

TEST(Safetensors, EveryTruncationIsAnError) {
  SafetensorsWriter writer;
  writer.add("conv1.weight", "F16", "[1,1,1,1]", bytes_of<std::uint16_t>({0x3c00}));
  writer.add("bn1.weight", "F32", "[1]", bytes_of<float>({1}));
  const std::string text = writer.text();
  EXPECT_TRUE(is_right(text));
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_NE(complaint(text.substr(0, size)), "") << size << " of " << text.size() << " bytes";
  }
}

// What a header may become in one bit is right or an error, and what is right can be read.
TEST(Safetensors, NoFlippedBitIsAFault) {
  SafetensorsWriter writer;
  writer.add("a", "F16", "[2,1]", bytes_of<std::uint16_t>({0x3c00, 0xc000}));
  writer.add("b", "F32", "[1]", bytes_of<float>({1}));
  const std::string text = writer.text();
  const std::size_t header_end = text.size() - 8;
  int errors = 0;
  for (std::size_t bit = 0; bit < header_end * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    const Result<StateDict> file = read(flipped);
    errors += file.ok() ? 0 : 1;
    if (!file.ok()) continue;
    for (const TensorInfo& info : file->tensors()) {
      const Result<Constant> tensor = file->tensor(info.name);
      ASSERT_TRUE(!tensor.ok() || tensor->extents() == info.extents) << bit;
    }
  }
  EXPECT_GT(errors, static_cast<int>(header_end * 7));
}

TEST(Safetensors, F32LiesInTheFileWhereItsPlaceIsAligned) {
  const std::string data = bytes_of<float>({1.5f, -2});
  for (std::size_t off = 0; off < 4; ++off) {
    std::string header = "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
    header.resize((header.size() + 3) / 4 * 4 + off, ' ');
    auto bytes = std::make_shared<const std::string>(file_text(header, data));
    const std::span<const std::byte> span = std::as_bytes(std::span(*bytes));
    std::optional<StateDict> file = StateDict::read(span, std::move(bytes)).value();
    const Constant tensor = file->tensor("w").value();
    file.reset();  // the tensor keeps what it lies in
    EXPECT_EQ(tensor.values()[0], 1.5f);
    EXPECT_EQ(tensor.values()[1], -2);
    const auto* first = reinterpret_cast<const std::byte*>(tensor.values().data());
    const bool inside = first >= span.data() && first < span.data() + span.size();
    EXPECT_EQ(inside, off == 0) << off;
  }
}

class SafetensorsFile : public testing::Test {
 protected:
  fs::path write(const std::string& text) const {
    return scratch_.write("model.safetensors", text);
  }

  static std::string complaint_of(const fs::path& path) {
    const std::string message = StateDict::read(path).status().message();
    EXPECT_EQ(message.find(path.string() + ": "), 0U) << message;
    return message;
  }

  test::TestFolder scratch_;
  const fs::path& folder_ = scratch_.path();
};

TEST_F(SafetensorsFile, IsReadWhereItIsAsked) {
  SafetensorsWriter writer;
  writer.add("a", "F32", "[2]", bytes_of<float>({1, 2}));
  writer.add("b", "BF16", "[1]", bytes_of<std::uint16_t>({0x3f80}));
  const StateDict file = StateDict::read(write(writer.text())).value();
  EXPECT_EQ(values_of(file, "b"), (std::vector<float>{1}));
  EXPECT_EQ(values_of(file, "a"), (std::vector<float>{1, 2}));
}

TEST_F(SafetensorsFile, IsReadWhereItCannotBeMapped) {
  for (const std::size_t size : {0, 3, 100'000}) {
    const std::string text(size, 'x');
    const fs::path path = write(text);
    for (const bool map : {true, false}) {
      const auto file = host::FileBytes::open(path, map).value();
      const auto* first = reinterpret_cast<const char*>(file->bytes().data());
      EXPECT_EQ(std::string(first, file->bytes().size()), text);
      EXPECT_TRUE(file->has_its_length());
      fs::resize_file(path, text.size() + 1);
      EXPECT_FALSE(file->has_its_length());
      fs::resize_file(path, text.size());
    }
  }
}

TEST_F(SafetensorsFile, StaysTheOneThatWasOpened) {
  const fs::path path = write(tensor_file<float>("F32", {1}));
  const StateDict file = StateDict::read(path).value();
  fs::remove(path);
  write(tensor_file<float>("F32", {2}));
  EXPECT_EQ(values_of(file, "w"), (std::vector<float>{1}));
}

TEST_F(SafetensorsFile, ThatShrinksIsAnError) {
  const fs::path path = write(tensor_file<float>("F32", {1, 2, 3}));
  const StateDict file = StateDict::read(path).value();
  fs::resize_file(path, fs::file_size(path) - 1);
  EXPECT_TRUE(fails_with(file.tensor("w"), kInvalid, {path.string(), "when it was opened"}));
}

TEST_F(SafetensorsFile, ThatIsNoFileIsAnError) {
  EXPECT_NE(complaint_of(folder_ / "nowhere").find("cannot be opened"), std::string::npos);
  EXPECT_NE(complaint_of(folder_).find("it is a folder"), std::string::npos);
  EXPECT_NE(complaint_of("/dev/null").find("it is no regular file"), std::string::npos);
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_NE(complaint_of(pipe).find("it is no regular file"), std::string::npos);
  EXPECT_NE(complaint_of(write("")).find("it has 0 bytes"), std::string::npos);
  EXPECT_NE(complaint_of("").find("cannot be opened"), std::string::npos);
}

TEST_F(SafetensorsFile, ThatMayNotBeReadIsAnError) {
  const fs::path path = write(file_text("{}"));
  fs::permissions(path, fs::perms::none);
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  EXPECT_NE(complaint_of(path).find("cannot be opened"), std::string::npos);
}

}  // namespace
}  // namespace foldconv
