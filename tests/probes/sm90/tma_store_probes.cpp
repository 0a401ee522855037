// SPDX-License-Identifier: MIT
// Tensor stores, sums into global memory, multicast, and bulk copies without a tensor. The words of
// a store: 1, then the whole tensor, poisoned before (kTmaPoison); sums: numbered before.
#include <algorithm>
#include <cstring>

#include "probe/device.hpp"
#include "sm90/kernels.hpp"
#include "sm90/probes.hpp"
#include "sm90/tensor.hpp"

namespace foldconv::probes {
namespace {

struct Store {
  TmaStore form = TmaStore::tiled_2d;
  TensorSpec spec;
  Dims corner = {0, 0, 0, 0, 0};

  // PTX ISA, cp.async.bulk.tensor: a store may not start below 0.
  bool documented() const {
    return std::all_of(corner.begin(), corner.end(), [](int c) { return c >= 0; });
  }
};

Result run_store(const Store& store) {
  const TensorSpec& spec = store.spec;
  const bool sum = store.form == TmaStore::add_2d;
  const bool im2col = store.form == TmaStore::im2col_4d;
  Bytes tensor = numbered_tensor(spec);
  if (!sum) {
    const Words poison(tensor.size() / 4, kTmaPoison);
    std::memcpy(tensor.data(), poison.data(), tensor.size());
  }
  const std::vector<Dims> elements =
      im2col ? im2col_elements(spec, store.corner, {0, 0, 0}) : tiled_elements(spec, store.corner);
  const auto size = static_cast<std::size_t>(spec.element_bytes);
  Bytes image((elements.size() * size + 1023) / 1024 * 1024);
  for (std::size_t i = 0; i < image.size(); ++i)
    image[i] = static_cast<std::uint8_t>(i * 7 + i / 256 + 1);
  const Words image_words = to_words(image);

  const DeviceArray<std::uint8_t> device_tensor(tensor);
  const DeviceArray<std::uint32_t> device_image(image_words), out(2);
  const CUtensorMap map =
      im2col ? encode_im2col(spec, device_tensor.get()) : encode_tiled(spec, device_tensor.get());
  TmaStoreArguments p = {};
  p.form = store.form;
  for (std::size_t i = 0; i < 5; ++i) p.coordinates[i] = store.corner[i];
  p.image = device_image.get();
  p.image_words = static_cast<std::uint32_t>(image_words.size());
  p.out = out.get();
  check_launch(launch_tma_store(map, p), "tensor store");

  Bytes expected = tensor;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (!spec.inside(elements[i])) continue;
    std::uint32_t value = 0, old = 0;
    std::memcpy(&value, image.data() + swizzled(0, i * size, spec.swizzle), size);
    std::uint8_t* const place = expected.data() + spec.offset(elements[i]);
    std::memcpy(&old, place, size);
    if (sum) value += old;
    std::memcpy(place, &value, size);
  }
  Result result;
  const Words header = out.download();
  result.cycles = header[1];
  result.words = {header[0]};
  const Words stored = to_words(device_tensor.download());
  result.words.insert(result.words.end(), stored.begin(), stored.end());
  Words expected_words = {1};
  const Words after = to_words(expected);
  expected_words.insert(expected_words.end(), after.begin(), after.end());
  if (store.documented()) result.expect(expected_words);
  return result;
}

Store store_2d(CUtensorMapSwizzle swizzle, int width, const Dims& corner) {
  Store store;
  store.spec.dims = {width + 16, 24, 1, 1, 1};
  store.spec.box = {width, 12, 1, 1, 1};
  store.spec.swizzle = swizzle;
  store.corner = corner;
  return store;
}

// For each CTA: whether its barrier completed (2: it did not wait), then its shared memory.
Result unpack_multicast(const Words& raw, std::uint32_t ctas, std::uint32_t dump_words) {
  Result result;
  for (std::uint32_t cta = 0; cta < ctas; ++cta) {
    const auto begin = raw.begin() + cta * (kTmaHeaderWords + dump_words);
    result.words.push_back(begin[0]);
    if (cta == 0) result.cycles = begin[1];
    result.words.insert(result.words.end(), begin + kTmaHeaderWords,
                        begin + kTmaHeaderWords + dump_words);
  }
  return result;
}

Words expected_multicast(const Words& landed, std::uint32_t ctas, std::uint32_t mask) {
  Words expected;
  for (std::uint32_t cta = 0; cta < ctas; ++cta) {
    const bool receives = (mask >> cta & 1) != 0;
    expected.push_back(receives ? 1 : 2);
    const Words poison(landed.size(), kTmaPoison);
    const Words& memory = receives ? landed : poison;
    expected.insert(expected.end(), memory.begin(), memory.end());
  }
  return expected;
}

Result run_multicast(std::uint32_t cluster, std::uint16_t mask) {
  TensorSpec spec;
  spec.dims = {64, 16, 1, 1, 1};
  spec.box = {64, 8, 1, 1, 1};
  spec.swizzle = CU_TENSOR_MAP_SWIZZLE_128B;
  const Dims corner = {0, 4, 0, 0, 0};
  const Bytes tensor = numbered_tensor(spec);
  const DeviceArray<std::uint8_t> device_tensor(tensor);
  TmaMulticastArguments p = {};
  p.cluster = static_cast<int>(cluster);
  p.coordinates[0] = corner[0];
  p.coordinates[1] = corner[1];
  p.mask = mask;
  p.bytes = 1024;
  p.dump_words = 256;
  const DeviceArray<std::uint32_t> out(cluster * (kTmaHeaderWords + p.dump_words));
  p.out = out.get();
  check_launch(launch_tma_multicast(encode_tiled(spec, device_tensor.get()), p),
               "tensor multicast");
  Result result = unpack_multicast(out.download(), cluster, p.dump_words);

  Bytes landed(1024);
  const std::vector<Dims> elements = tiled_elements(spec, corner);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    std::memcpy(landed.data() + swizzled(0, 2 * i, spec.swizzle),
                tensor.data() + spec.offset(elements[i]), 2);
  }
  result.expect(expected_multicast(to_words(landed), cluster, mask));
  return result;
}

Words numbers(std::uint32_t count) {
  Words words(count);
  for (std::uint32_t i = 0; i < count; ++i) words[i] = 3 * i + 1;
  return words;
}

Result run_bulk_multicast(std::uint32_t cluster, std::uint16_t mask) {
  const Words source = numbers(64);
  const DeviceArray<std::uint32_t> device_source(source), out(cluster * (kTmaHeaderWords + 64));
  check_launch(
      launch_bulk_multicast(device_source.get(), 256, static_cast<int>(cluster), mask, out.get()),
      "bulk multicast");
  Result result = unpack_multicast(out.download(), cluster, 64);
  result.expect(expected_multicast(source, cluster, mask));
  return result;
}

Result run_bulk(std::uint32_t bytes, bool add) {
  const std::uint32_t count = bytes / 4;
  const Words source = numbers(count), before(count + 4, 1000);
  const DeviceArray<std::uint32_t> device_source(source), destination(before), out(2);
  check_launch(
      add ? launch_bulk_add(device_source.get(), destination.get(), bytes, out.get())
          : launch_bulk_round_trip(device_source.get(), destination.get(), bytes, out.get()),
      "bulk copy");
  const Words header = out.download();
  Result result;
  result.cycles = header[1];
  result.words = {header[0]};
  const Words after = destination.download();
  result.words.insert(result.words.end(), after.begin(), after.end());
  Words expected = {1};
  for (std::uint32_t i = 0; i < count + 4; ++i) {
    expected.push_back(i >= count ? 1000 : add ? 1000 + source[i] : source[i]);
  }
  result.expect(expected);
  return result;
}

struct NamedStore {
  std::string name;
  Store store;
};

std::vector<NamedStore> named_stores() {
  std::vector<NamedStore> stores;
  const struct {
    const char* name;
    CUtensorMapSwizzle mode;
    int width;  // in elements of 2 bytes
  } swizzles[] = {{"none", CU_TENSOR_MAP_SWIZZLE_NONE, 24},
                  {"32", CU_TENSOR_MAP_SWIZZLE_32B, 16},
                  {"64", CU_TENSOR_MAP_SWIZZLE_64B, 32},
                  {"128", CU_TENSOR_MAP_SWIZZLE_128B, 64}};
  for (const auto& swizzle : swizzles) {
    const std::string name = std::string("swizzle_") + swizzle.name;
    const std::pair<const char*, Dims> corners[] = {
        {"", {8, 4, 0, 0, 0}}, {"_low", {-8, -3, 0, 0, 0}}, {"_high", {10, 18, 0, 0, 0}}};
    for (const auto& [suffix, corner] : corners) {
      stores.push_back({name + suffix, store_2d(swizzle.mode, swizzle.width, corner)});
    }
  }
  {
    Store store;
    store.form = TmaStore::tiled_4d;
    store.spec.rank = 4;
    store.spec.dims = {16, 5, 4, 3, 1};
    store.spec.box = {16, 3, 2, 2, 1};
    store.corner = {0, 3, 1, -1, 0};
    stores.push_back({"4d", store});
    store.corner = {0, 3, 1, 2, 0};
    stores.push_back({"4d_high", store});
    store.spec.strides = {1, 2, 1, 1, 1};
    store.corner = {0, 1, 1, 0, 0};
    stores.push_back({"4d_stride", store});
    store.form = TmaStore::im2col_4d;
    store.spec.strides = {1, 1, 1, 1, 1};
    store.spec.channels = 16;
    store.spec.pixels = 24;
    store.corner = {0, 2, 1, 0, 0};
    stores.push_back({"im2col", store});
  }
  {
    Store store = store_2d(CU_TENSOR_MAP_SWIZZLE_NONE, 24, {-4, 3, 0, 0, 0});
    store.form = TmaStore::add_2d;
    store.spec.type = CU_TENSOR_MAP_DATA_TYPE_UINT32;
    store.spec.element_bytes = 4;
    stores.push_back({"add_u32", store});
    store.corner = {20, 18, 0, 0, 0};
    stores.push_back({"add_u32_high", store});
  }
  return stores;
}

void add_stores(std::vector<Probe>& probes, bool documented) {
  for (const NamedStore& one : named_stores()) {
    if (one.store.documented() != documented) continue;
    probes.push_back({"tma_store", "tma_store_" + one.name, Kind::exact, Needs::sm90,
                      [store = one.store] { return run_store(store); },
                      documented ? "" : "negative-store"});
  }
}

}  // namespace

void add_undocumented_store_probes(std::vector<Probe>& probes) {
  add_stores(probes, false);
}

void add_tma_store_probes(std::vector<Probe>& probes) {
  add_stores(probes, true);
  const auto add = [&](const std::string& group, const std::string& name,
                       std::function<Result()> run) {
    probes.push_back({group, group + "_" + name, Kind::exact, Needs::sm90, std::move(run)});
  };
  for (const auto& [cluster, mask] : {std::pair{2u, 3}, {2u, 2}, {4u, 15}, {4u, 10}, {8u, 0x81}}) {
    const auto bits = static_cast<std::uint16_t>(mask);
    const std::string name = std::to_string(cluster) + "_mask_" + std::to_string(mask);
    add("tma_multicast", name, [=] { return run_multicast(cluster, bits); });
    add("bulk_multicast", name, [=] { return run_bulk_multicast(cluster, bits); });
  }
  for (const std::uint32_t bytes : {16u, 48u, 1024u, 16384u}) {
    add("bulk_copy", std::to_string(bytes), [=] { return run_bulk(bytes, false); });
    add("bulk_copy", "add_u32_" + std::to_string(bytes), [=] { return run_bulk(bytes, true); });
  }
}

}  // namespace foldconv::probes
