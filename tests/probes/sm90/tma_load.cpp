// SPDX-License-Identifier: MIT
#include "sm90/tma_load.hpp"

#include <algorithm>
#include <cstring>

#include "probe/device.hpp"
#include "sm90/kernels.hpp"

namespace foldconv::probes {
namespace {

// Shared memory after the load, where out of bounds is zero.
Bytes expected_memory(const TmaLoad& load, const std::vector<Dims>& elements, const Bytes& tensor,
                      std::size_t size) {
  const Words poison(size / 4, kTmaPoison);
  Bytes memory(size);
  std::memcpy(memory.data(), poison.data(), size);
  const auto element_bytes = static_cast<std::size_t>(load.spec.element_bytes);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const bool inside = load.spec.inside(elements[i]);
    const std::size_t source = inside ? load.spec.offset(elements[i]) : 0;
    for (std::size_t byte = 0; byte < element_bytes; ++byte) {
      const std::size_t place =
          swizzled(load.destination, i * element_bytes + byte, load.spec.swizzle);
      if (place < size) memory[place] = inside ? tensor[source + byte] : 0;
    }
  }
  return memory;
}

}  // namespace

Result run_tma_load(const TmaLoad& load) {
  const TensorSpec& spec = load.spec;
  const std::vector<Dims> elements = load.im2col ? im2col_elements(spec, load.corner, load.offsets)
                                                 : tiled_elements(spec, load.corner);
  const Bytes tensor = load.tensor.empty() ? numbered_tensor(spec) : load.tensor;
  const DeviceArray<std::uint8_t> device_tensor(tensor);
  const CUtensorMap map = load.im2col ? encode_im2col(spec, device_tensor.get())
                                      : encode_tiled(spec, device_tensor.get());
  TmaLoadArguments p = {};
  p.rank = spec.rank;
  p.im2col = load.im2col;
  std::copy(load.corner.begin(), load.corner.end(), p.coordinates);
  std::copy(load.offsets.begin(), load.offsets.end(), p.offsets);
  p.bytes =
      static_cast<std::uint32_t>(elements.size()) * static_cast<std::uint32_t>(spec.element_bytes);
  p.destination = load.destination;
  // Some words more than are written, so that writing too much is seen.
  p.dump_words = (load.destination + p.bytes + 64) / 4;
  const DeviceArray<std::uint32_t> out(kTmaHeaderWords + p.dump_words);
  p.out = out.get();
  check_launch(launch_tma_load(map, p), "cp.async.bulk.tensor");

  const Words raw = out.download();
  Result result;
  result.cycles = raw[1];
  result.words = {raw[0]};
  result.words.insert(result.words.end(), raw.begin() + kTmaHeaderWords, raw.end());
  if (load.expectation) {
    Words expected = {1};
    const Words memory = to_words(expected_memory(load, elements, tensor, p.dump_words * 4));
    expected.insert(expected.end(), memory.begin(), memory.end());
    result.expect(expected);
  }
  return result;
}

}  // namespace foldconv::probes
