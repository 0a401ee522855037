// SPDX-License-Identifier: MIT
#include "host/weights/other_formats.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include "foldconv/model_file.hpp"
#include "foldconv/safetensors.hpp"
#include "harness/test_folder.hpp"
#include "host/expect_error.hpp"
#include "host/weights/safetensors_writer.hpp"

namespace foldconv {
namespace {

using safetensors::StateDict;

Status status_of(const std::string& bytes) {
  return StateDict::read(std::as_bytes(std::span(bytes))).status();
}

bool is_called_damaged(const std::string& bytes) {
  return status_of(bytes).message().find("the file is damaged") != std::string::npos;
}

class OtherFormat : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& bytes, const std::string& name = "file") const {
    return folder_.write(name, bytes);
  }

  const test::TestFolder folder_;
};

TEST_F(OtherFormat, IsNamedWithWhatMakesAModelOfIt) {
  for (const test::OtherFormat& format : test::other_formats()) {
    const std::filesystem::path file = write(format.bytes);
    const Status status = StateDict::read(file).status();
    for (const std::string& part : format.said) {
      EXPECT_TRUE(test::fails_with(status, test::kInvalid, {file.string() + ": it is ", part}));
      EXPECT_TRUE(test::fails_with(why_no_model(file), test::kInvalid, {part}));
    }
    EXPECT_FALSE(is_called_damaged(format.bytes)) << format.said.front();
  }
}

TEST_F(OtherFormat, AnOnnxModelIsNoStateDict) {
  const std::string model = "\x08\x08\x12\x07pytorch:\x01x";
  EXPECT_TRUE(test::fails_with(status_of(model), test::kInvalid,
                               {"it is an ONNX model; read it as one, in a file called .onnx"}));
  EXPECT_EQ(why_no_model(write(model)).message().find("it is an ONNX model"), 0U);
}

TEST_F(OtherFormat, AStateDictUnderAnotherNameIsOne) {
  const Status status = why_no_model(write(test::file_text("{}")));
  EXPECT_EQ(status.message().find("it is a state dict in safetensors"), 0U) << status.message();
}

TEST_F(OtherFormat, NothingIsSaidOfWhatIsNotKnown) {
  for (const std::string bytes : {"", "no model", "\x80", "PK", "x{}", "\x08\x08"}) {
    EXPECT_TRUE(why_no_model(write(bytes)).ok()) << bytes;
    EXPECT_TRUE(is_called_damaged(bytes)) << bytes;
  }
}

// Lengths of headers that begin as a pickle, a JSON text, an ONNX model.
TEST_F(OtherFormat, ADamagedStateDictIsNoOther) {
  for (const std::uint64_t length : {0x280U, 0x10280U, 0x7bU, 0x7b7bU, 0x120808U}) {
    std::string header = "{}";
    header.resize(length, ' ');
    EXPECT_TRUE(status_of(test::file_text(header)).ok());
    EXPECT_TRUE(is_called_damaged(test::file_text(header + "x"))) << length;
    EXPECT_TRUE(is_called_damaged(test::file_text(header).substr(0, 20))) << length;
    EXPECT_TRUE(is_called_damaged(test::file_text(' ' + header.substr(1)))) << length;
  }
}

TEST_F(OtherFormat, AFolderOfTensorFlowIsNamed) {
  const std::filesystem::path file = write("", "saved_model.pb");
  EXPECT_TRUE(
      test::fails_with(StateDict::read(folder_.path()).status(), test::kInvalid,
                       {"it is the folder of a TensorFlow SavedModel; export the network"}));
  EXPECT_TRUE(
      test::fails_with(why_no_model(folder_.path()), test::kInvalid,
                       {"it is the folder of a TensorFlow SavedModel; export the network"}));
  std::filesystem::remove(file);
  EXPECT_EQ(why_no_model(folder_.path()).message(), "it is a folder; give a file");
}

TEST_F(OtherFormat, WhatCannotBeOpenedIsAnErrorNotUnknown) {
  const Status status = why_no_model(folder_.path() / "absent");
  EXPECT_TRUE(test::fails_with(status, test::kInvalid, {"cannot be opened"}));
  EXPECT_EQ(status.message().find("absent"), std::string::npos) << status.message();
}

}  // namespace
}  // namespace foldconv
