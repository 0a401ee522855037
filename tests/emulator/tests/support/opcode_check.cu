// SPDX-License-Identifier: MIT
// Runs an opcode's kernel on its operands and compares the results: the untyped part of opcode.cuh.
#include "cuemu.h"
#include "opcode.cuh"

using namespace cuemu_tests;

namespace {

void append(Bytes& column, const Bytes& values, size_t index, size_t size) {
  column.insert(column.end(), values.begin() + index * size, values.begin() + (index + 1) * size);
}

std::vector<Bytes> all_combinations(const std::vector<const OperandType*>& types) {
  std::vector<Bytes> values;
  std::vector<size_t> counts;
  size_t total = 1;
  for (const OperandType* type : types) {
    values.push_back(type->values());
    counts.push_back(values.back().size() / type->size);
    total *= counts.back();
  }
  // Of three operands every 5th combination: enough, and five times faster. The types have prime
  // numbers of values other than 5, so each pair of values still meets.
  const size_t step = types.size() == 3 ? 5 : 1;
  std::vector<Bytes> columns(types.size());
  for (size_t i = 0; i < total; i += step) {
    size_t rest = i;
    for (size_t k = 0; k < types.size(); ++k) {
      append(columns[k], values[k], rest % counts[k], types[k]->size);
      rest /= counts[k];
    }
  }
  return columns;
}

void compare(const OpcodeCheck& check, const std::vector<Bytes>& columns, const Bytes& results) {
  int reported = 0;
  const size_t size = check.result->size;
  for (size_t i = 0; i < results.size() / size && reported < 4; ++i) {
    const void* operands[3] = {};
    std::string text;
    for (size_t k = 0; k < columns.size(); ++k) {
      operands[k] = columns[k].data() + i * check.operands[k]->size;
      text += (k == 0 ? "" : ", ") + check.operands[k]->describe(operands[k]);
    }
    alignas(8) unsigned char expected[8];
    const unsigned char* actual = results.data() + i * size;
    if (!check.expected(check.reference, operands, expected) || check.same(actual, expected))
      continue;
    report_failure(check.file, check.line,
                   std::string(check.name) + "(" + text + ") is " + check.result->describe(actual) +
                       ", expected " + check.result->describe(expected));
    ++reported;
  }
}

}  // namespace

namespace cuemu_tests {

void run_check(const OpcodeCheck& check, std::vector<Bytes> columns) {
  if (columns.empty()) columns = all_combinations(check.operands);
  const size_t count = columns[0].size() / check.operands[0]->size;
  DeviceBuffer<unsigned char> results(count * check.result->size);
  void* inputs[3] = {};
  for (size_t k = 0; k < columns.size(); ++k) {
    CUDA_OK(cudaMalloc(&inputs[k], columns[k].size()));
    CUDA_OK(cudaMemcpy(inputs[k], columns[k].data(), columns[k].size(), cudaMemcpyHostToDevice));
  }
  const unsigned blocks = static_cast<unsigned>((count + 255) / 256);
  check.kernel<<<blocks, 256>>>(results.get(), static_cast<int>(count), inputs[0], inputs[1],
                                inputs[2]);
  if (expect_success(check.file, check.line, check.name, cudaDeviceSynchronize())) {
    compare(check, columns, results.download());
  } else {
    // The other instructions of the test deserve their turn.
    char fault[1024];
    cuemu_last_fault(fault, sizeof fault);
    report_failure(check.file, check.line, fault);
    cuemu_clear_fault();
  }
  for (void* input : inputs) CUDA_OK(cudaFree(input));
}

}  // namespace cuemu_tests
