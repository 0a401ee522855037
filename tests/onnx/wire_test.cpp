// SPDX-License-Identifier: MIT
// The wire format: what Python's onnx reads of each file, and files that are damaged.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "harness/test_folder.hpp"
#include "host/expect_error.hpp"
#include "onnx/file_bytes.hpp"
#include "onnx/messages.hpp"
#include "onnx/wire/describe.hpp"
#include "onnx/wire/parse.hpp"

namespace foldconv::test {
namespace {

namespace fs = std::filesystem;
using namespace onnx::wire;

Result<std::string> text_of(const fs::path& path) {
  const Result<MappedFile> file = MappedFile::open(path);
  if (!file) return file.status();
  const Result<ModelProto> model = parse(file->bytes());
  if (!model) return model.status();
  TensorFiles files(path, *file);
  return to_text(*model, files);
}

Result<std::string> text_of_bytes(const std::string& bytes) {
  const Result<ModelProto> model = parse(bytes_of(bytes));
  if (!model) return model.status();
  TensorFiles files;
  return to_text(*model, files);
}

std::string fnv1a(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  return digits;
}

TEST(OnnxWire, ReadsWhatPythonReads) {
  if (!fs::exists(FOLDCONV_ONNX_MODELS)) {
    GTEST_SKIP() << "no models: install Debian's libonnx-testdata";
  }
  std::ifstream list(FOLDCONV_GOLDEN_FOLDER "/onnx/testdata.txt");
  std::string name, hash;
  int compared = 0, missing = 0;
  while (list >> name >> hash) {
    const fs::path path = fs::path(FOLDCONV_ONNX_MODELS) / name / "model.onnx";
    if (!fs::exists(path)) {  // other versions of the package have other models
      ++missing;
      continue;
    }
    const Result<std::string> text = text_of(path);
    ASSERT_TRUE(text.ok()) << name << ": " << text.status().message();
    EXPECT_EQ(fnv1a(*text), hash) << name << "\n" << *text;
    ++compared;
  }
  EXPECT_GT(compared, 900);
  EXPECT_LT(missing, 100);
}

// A model with one initializer.
std::string with_tensor(const std::string& tensor) {
  return pb::Model{.initializers = {tensor}}.to_bytes();
}

TEST(OnnxWire, PackedAndUnpackedFieldsAreTheSame) {
  const std::string head = pb::dims({2, 3}) + pb::number(2, 1) + pb::bytes(8, "w");
  const std::vector<float> values = {1, -2, 3.5f, 0, 1e-40f, -0.0f};
  std::string packed = pb::raw(values), single, two_runs;
  for (const float value : values) single += pb::float32(4, value);
  two_runs = pb::bytes(4, packed.substr(0, 8)) + pb::bytes(4, packed.substr(8));
  const Result<std::string> expected = text_of_bytes(with_tensor(head + pb::bytes(9, packed)));
  ASSERT_TRUE(expected.ok());
  EXPECT_NE(expected->find("= float 24 bytes "), std::string::npos) << *expected;
  for (const std::string& field : {pb::bytes(4, packed), single, two_runs}) {
    const Result<std::string> text = text_of_bytes(with_tensor(head + field));
    ASSERT_TRUE(text.ok()) << text.status().message();
    EXPECT_EQ(*text, *expected);
  }
  // Dims one by one.
  const std::string unpacked = pb::number(1, 2) + pb::number(1, 3) + head.substr(4);
  EXPECT_EQ(*text_of_bytes(with_tensor(unpacked + single)), *expected);
}

TEST(OnnxWire, UnknownFieldsAreSkipped) {
  const std::string plain = with_tensor(pb::int64s("n", {5, -5}));
  const std::string more = pb::number(99, 7) + pb::bytes(1000, "new") + pb::float32(500, 1) +
                           pb::bytes(1, "a string where a number belongs") + plain;
  EXPECT_EQ(*text_of_bytes(more), *text_of_bytes(plain));
}

TEST(OnnxWire, DamagedFilesAreRefused) {
  EXPECT_TRUE(fails_with(text_of_bytes(""), kInvalid, {"0 bytes"}));
  EXPECT_TRUE(fails_with(text_of_bytes("\x89PNG\r\n\x1a\n and more"), kInvalid, {"no ONNX model"}));
  EXPECT_TRUE(fails_with(text_of_bytes("ONNX"), kInvalid, {"no ONNX model", "at byte"}));
  EXPECT_TRUE(fails_with(text_of_bytes(pb::number(1, 8)), kInvalid, {"no graph"}));
  const std::string model = with_tensor(pb::floats("w", {4}, {1, 2, 3, 4}));
  EXPECT_TRUE(
      fails_with(text_of_bytes(model + pb::bytes(7, "")), kInvalid, {"a second graph at byte"}));
  for (std::size_t size = 0; size < model.size(); ++size) {
    const Result<std::string> text = text_of_bytes(model.substr(0, size));
    if (size == 0 || text.ok()) continue;
    EXPECT_TRUE(fails_with(text, kInvalid, {"; the file is damaged"}));
  }
}

TEST(OnnxWire, TensorsAreAsLongAsTheirShapes) {
  const auto refuses = [](const std::string& tensor,
                          std::initializer_list<std::string_view> parts) {
    return fails_with(text_of_bytes(with_tensor(tensor)), kInvalid, parts);
  };
  constexpr std::int64_t kHuge = std::int64_t{1} << 32;
  EXPECT_TRUE(refuses(pb::tensor("w", 1, {3}, "12345678"),
                      {"another number than the shape says", "\"w\"", "12 bytes, and has 8"}));
  EXPECT_TRUE(refuses(pb::tensor("w", 1, {kHuge, kHuge}, ""), {"more than 2^63 elements"}));
  EXPECT_TRUE(refuses(pb::tensor("w", 1, {kHuge, kHuge / 4}, ""), {"more than 2^63 bits"}));
  EXPECT_TRUE(refuses(pb::tensor("w", 1, {-1}, ""), {"a negative size", "[-1]"}));
  EXPECT_TRUE(refuses(pb::tensor("w", 99, {1}, "1234"), {"an unknown element type", "type 99"}));
  EXPECT_TRUE(refuses(pb::tensor("w", 1, {1}, "1234") + pb::float32(4, 1), {"values twice"}));
  EXPECT_TRUE(refuses(pb::dims({1}) + pb::number(2, 2) + pb::number(5, 256),
                      {"a value beyond its type", "uint8 [1] holds 256"}));
  EXPECT_TRUE(refuses(pb::dims({1}) + pb::number(2, 1) + pb::bytes(4, "12345"), {"5 bytes"}));
  EXPECT_TRUE(fails_with(text_of_bytes(with_tensor(pb::dims({1}) + pb::number(2, 1) +
                                                   pb::bytes(8, "w") + pb::number(14, 1))),
                         ErrorCode::unsupported, {"values outside the file", "\"w\""}));
}

TEST(OnnxWire, LimitsHold) {
  const std::string tensor = pb::bytes(5, "");
  std::string graph;
  for (int i = 0; i < 100'001; ++i) graph += tensor;
  EXPECT_TRUE(fails_with(text_of_bytes(pb::bytes(7, graph)), ErrorCode::unsupported,
                         {"more than 100000 tensors"}));
  std::string nested = pb::bytes(2, "inner");
  for (int depth = 0; depth < kMostDepth; ++depth) {
    EXPECT_TRUE(text_of_bytes(pb::bytes(7, nested)).ok());
    nested = pb::bytes(1, pb::bytes(5, pb::bytes(6, nested)));
  }
  EXPECT_TRUE(fails_with(text_of_bytes(pb::bytes(7, nested)), ErrorCode::unsupported,
                         {"graphs within each other"}));
}

std::string external(std::initializer_list<std::pair<const char*, std::string>> entries) {
  std::string tensor = pb::dims({2}) + pb::number(2, 1) + pb::bytes(8, "w") + pb::number(14, 1);
  for (const auto& [key, value] : entries) {
    tensor += pb::bytes(13, pb::bytes(1, key) + pb::bytes(2, value));
  }
  return with_tensor(tensor);
}

TEST(OnnxWire, ReadsDataBesideTheModel) {
  const TestFolder folder;
  const std::string values = pb::raw(std::vector<float>{1, 2, 3});
  folder.write("w.bin", values);
  const auto read = [&](std::initializer_list<std::pair<const char*, std::string>> entries) {
    return text_of(folder.write("model.onnx", external(entries)));
  };
  const auto hash = [](const std::string& bytes) { return "float 8 bytes " + fnv1a(bytes) + "\n"; };
  const auto last = read({{"location", "w.bin"}, {"offset", "4"}, {"length", "8"}});
  ASSERT_TRUE(last.ok()) << last.status().message();
  EXPECT_NE(last->find(hash(values.substr(4))), std::string::npos) << *last;
  EXPECT_NE(read({{"location", "w.bin"}, {"offset", "4"}})->find(hash(values.substr(4))),
            std::string::npos);
  EXPECT_NE(read({{"location", "./w.bin"}, {"length", "8"}})->find(hash(values.substr(0, 8))),
            std::string::npos);

  EXPECT_TRUE(fails_with(read({{"location", "w.bin"}}), kInvalid, {"needs 8 bytes", "length 12"}));
  EXPECT_TRUE(fails_with(read({{"location", "w.bin"}, {"offset", "8"}, {"length", "8"}}), kInvalid,
                         {"offset 8, length 8", "of 12"}));
  EXPECT_TRUE(
      fails_with(read({{"location", "w.bin"}, {"offset", "9223372036854775807"}, {"length", "8"}}),
                 kInvalid, {"do not fit"}));
  EXPECT_TRUE(
      fails_with(read({{"location", "w.bin"}, {"offset", "-4"}}), kInvalid, {"offset", "\"-4\""}));
  EXPECT_TRUE(fails_with(read({{"location", "w.bin"}, {"length", "99999999999999999999"}}),
                         kInvalid, {"length"}));
  EXPECT_TRUE(fails_with(read({{"location", "other.bin"}}), kInvalid, {"cannot be found"}));
  for (const std::string& location :
       {std::string("../w.bin"), std::string("a/../../w.bin"), (folder.path() / "w.bin").string(),
        std::string(), std::string("w.bin\0x", 7)}) {
    EXPECT_TRUE(fails_with(read({{"location", location}}), kInvalid, {"is no path inside"}))
        << location;
  }
  EXPECT_TRUE(fails_with(read({{"location", "."}}), kInvalid, {"no regular file"}));
}

TEST(OnnxWire, DoesNotFollowLinksOut) {
  const TestFolder folder;
  fs::create_directories(folder.path() / "model");
  fs::create_directories(folder.path() / "model_too");
  folder.write("w.bin", "12345678");
  folder.write("model_too/w.bin", "12345678");
  folder.write("model/inside.bin", "12345678");
  fs::create_symlink("../w.bin", folder.path() / "model/out.bin");
  fs::create_symlink("../model_too", folder.path() / "model/folder");
  fs::create_symlink("inside.bin", folder.path() / "model/in.bin");
  const auto read = [&](const char* location) {
    return text_of(folder.write("model/m.onnx", external({{"location", location}})));
  };
  EXPECT_TRUE(read("in.bin").ok());
  EXPECT_TRUE(fails_with(read("out.bin"), kInvalid, {"\"out.bin\" is a link out"}));
  EXPECT_TRUE(fails_with(read("folder/w.bin"), kInvalid, {"is a link out"}));
}

TEST(OnnxWire, FilesThatCannotBeMappedAreRefused) {
  EXPECT_TRUE(fails_with(text_of("/dev/null"), kInvalid, {"no regular file"}));
  EXPECT_TRUE(fails_with(text_of("/nowhere/model.onnx"), kInvalid, {"No such file"}));
  EXPECT_TRUE(fails_with(text_of("/"), kInvalid, {"no regular file"}));
  const TestFolder folder;
  EXPECT_TRUE(fails_with(text_of(folder.write("empty.onnx", "")), kInvalid, {"0 bytes"}));
}

}  // namespace
}  // namespace foldconv::test
