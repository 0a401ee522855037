// SPDX-License-Identifier: MIT
#include "kernels/support/golden.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace foldconv::kernel_tests {
namespace {

// A one-dimensional little-endian float32 array in NumPy's format, version 1.0: ten bytes of magic,
// version and header length, a Python dictionary as text, the data.
std::vector<float> read_npy(const std::string& path) {
  static_assert(std::endian::native == std::endian::little);
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  constexpr std::size_t kPrefix = 10;
  if (bytes.size() < kPrefix || bytes.substr(0, 8) != std::string("\x93NUMPY\x01\x00", 8)) {
    throw std::runtime_error(path + ": not a .npy file of version 1.0");
  }
  const auto header_bytes = static_cast<std::size_t>(static_cast<unsigned char>(bytes[8])) +
                            256 * static_cast<std::size_t>(static_cast<unsigned char>(bytes[9]));
  if (bytes.substr(kPrefix, header_bytes).find("'<f4'") == std::string::npos) {
    throw std::runtime_error(path + ": not float32");
  }
  const std::size_t start = kPrefix + header_bytes;
  std::vector<float> values((bytes.size() - start) / sizeof(float));
  std::memcpy(values.data(), bytes.data() + start, values.size() * sizeof(float));
  return values;
}

Activation::Kind kind_named(const std::string& name) {
  const Result<Activation> activation = parse_activation(name);
  if (!activation.ok()) throw std::runtime_error("index.txt: " + activation.status().message());
  return activation->kind;
}

}  // namespace

std::vector<Golden> read_goldens(const std::string& folder) {
  const std::vector<float> values = read_npy(folder + "/values.npy");
  auto next = values.begin();
  const auto take = [&](std::int64_t count) {
    if (values.end() - next < count) throw std::runtime_error("values.npy: too short");
    const auto first = next;
    next += count;
    return std::vector<float>(first, next);
  };

  std::ifstream index(folder + "/index.txt");
  std::vector<Golden> goldens;
  for (std::string line; std::getline(index, line);) {
    if (line.starts_with("#")) continue;
    Golden golden;
    ConvProblem& p = golden.problem;
    p.dtype = DataType::f32;
    std::string kind;
    bool conv_bias = false;
    std::istringstream fields(line);
    fields >> golden.name >> p.n >> p.h >> p.w >> p.c >> p.k >> p.r >> p.s >> p.stride.h >>
        p.stride.w >> p.pad.top >> p.pad.bottom >> p.pad.left >> p.pad.right >> p.dilation.h >>
        p.dilation.w >> p.groups >> kind >> p.activation.alpha >> conv_bias >> golden.raw.eps;
    if (!fields) throw std::runtime_error("index.txt: cannot read \"" + line + "\"");
    p.activation.kind = kind_named(kind);
    golden.raw.x = take(p.input().elements());
    golden.raw.weights = take(std::int64_t{p.k} * (p.c / p.groups) * p.r * p.s);
    if (conv_bias) golden.raw.conv_bias = take(p.k);
    if (golden.raw.eps > 0) {
      golden.raw.gamma = take(p.k);
      golden.raw.beta = take(p.k);
      golden.raw.mean = take(p.k);
      golden.raw.variance = take(p.k);
    }
    golden.y = take(oracle::output_shape(p).elements());
    goldens.push_back(std::move(golden));
  }
  if (goldens.empty() || next != values.end()) {
    throw std::runtime_error(folder + ": index.txt and values.npy do not match");
  }
  return goldens;
}

}  // namespace foldconv::kernel_tests
