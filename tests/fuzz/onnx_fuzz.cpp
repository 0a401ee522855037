// SPDX-License-Identifier: MIT
// Feeds arbitrary bytes to the reader of ONNX files: nothing may crash, and every error has to say
// something.
//
//   cmake --preset ci -B build/fuzz -DCMAKE_CXX_COMPILER=clang++ -DFOLDCONV_FUZZ=ON
//   cmake --build build/fuzz --target onnx_fuzz
//   mkdir -p build/fuzz/corpus_onnx
//   build/fuzz/tests/fuzz/onnx_fuzz -max_len=4096 -timeout=10 -max_total_time=600
//       build/fuzz/corpus_onnx tests/fuzz/corpus/onnx
//
// To keep what a run found, empty the folder tests/fuzz/corpus/onnx and fill it anew with -merge=1
// (first argument: the folder to fill). The test suite replays it without a fuzzer.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "onnx/import.hpp"
#include "onnx/wire/describe.hpp"
#include "onnx/wire/parse.hpp"

using namespace foldconv;

namespace {

void require(bool truth) {
  if (!truth) std::abort();
}

void check_error(const Status& status) {
  require(!status.message().empty());
  for (const char c : status.message()) {
    require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  }
}

void check_file(std::span<const std::byte> bytes) {
  const Result<onnx::wire::ModelProto> model = onnx::wire::parse(bytes);
  if (!model) return check_error(model.status());
  onnx::wire::TensorFiles files;
  const Result<std::string> text = onnx::wire::to_text(*model, files);
  if (!text) check_error(text.status());

  constexpr std::size_t kMostProblems = 20;
  constexpr std::int64_t kMostComputed = 1 << 16;  // a fuzzer has little memory
  const onnx::Imported imported =
      onnx::import_model(*model, files, {}, kMostProblems, kMostComputed);
  require(imported.problems.size() <= kMostProblems);
  require(!imported.problems.empty() || imported.graph.status().ok());
  for (const onnx::Problem& problem : imported.problems) {
    require(!problem.rule.empty() && !problem.remedy.empty());
    check_error(Status(problem.code, problem.to_string()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_file(std::as_bytes(std::span(data, size)));
  return 0;
}
