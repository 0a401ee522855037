// SPDX-License-Identifier: MIT
// Replays the inputs that tests/fuzz found worth keeping; and each of them cut, and with bits turned.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "onnx/file_bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace foldconv::test {
namespace {

void feed(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

TEST(OnnxCorpus, IsReadWithoutAFault) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(FOLDCONV_ONNX_CORPUS)) {
    SCOPED_TRACE(entry.path());
    const std::string bytes = file_bytes(entry.path());
    feed(bytes);
    for (std::size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 40) {
      feed(bytes.substr(0, size));
      std::string turned = bytes;
      turned[size] = static_cast<char>(turned[size] ^ (1 << size % 8));
      feed(turned);
    }
    ++files;
  }
  EXPECT_GE(files, 20) << "the corpus is not there";
}

}  // namespace
}  // namespace foldconv::test
