// SPDX-License-Identifier: MIT
#include "fat_binary.hpp"

#include <zstd.h>

#include <cstring>
#include <stdexcept>

#include "lz4_block.hpp"

namespace cuemu::runtime {
namespace {

struct Wrapper {
  uint32_t magic;
  uint32_t version;
  const uint8_t* container;
  const void* prelinked;
};
static_assert(sizeof(Wrapper) == 24);
constexpr uint32_t wrapper_magic = 0x466243B1;

struct ContainerHeader {
  uint32_t magic;
  uint16_t version;
  uint16_t header_bytes;
  uint64_t size;  // of the entries that follow
};
static_assert(sizeof(ContainerHeader) == 16);
constexpr uint32_t container_magic = 0xBA55ED50;

struct EntryHeader {
  uint16_t kind;
  uint16_t version;
  uint32_t header_bytes;
  uint64_t stored_bytes;      // padded
  uint32_t compressed_bytes;  // exact; 0 when the entry is not compressed
  uint32_t options_offset;
  uint16_t minor, major;
  uint32_t arch;
  uint32_t name_offset;
  uint32_t name_bytes;
  uint64_t flags;
  uint64_t reserved;
  uint64_t raw_bytes;  // 0 when the entry is not compressed
};
static_assert(sizeof(EntryHeader) == 64);
constexpr uint16_t kind_ptx = 1, kind_cubin = 2;
constexpr uint64_t flag_lz4 = 0x2000, flag_zstd = 0x8000, flag_architecture_specific = 0x100000;

template <typename T>
T read(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// Appends the entries of one container; returns the bytes that the container occupies.
void append_images(const uint8_t* container, std::vector<Image>& images) {
  const auto header = read<ContainerHeader>(container);
  if (header.magic != container_magic) throw std::runtime_error("not a fat binary container");
  const uint8_t* position = container + header.header_bytes;
  const uint8_t* const end = position + header.size;
  while (position < end) {
    const auto entry = read<EntryHeader>(position);
    if (entry.header_bytes < sizeof entry ||
        position + entry.header_bytes + entry.stored_bytes > end) {
      throw std::runtime_error("fat binary entry runs past its container");
    }
    if (entry.kind == kind_ptx || entry.kind == kind_cubin) {
      const uint64_t exact =
          entry.compressed_bytes != 0 ? entry.compressed_bytes : entry.stored_bytes;
      images.push_back({.kind = entry.kind == kind_ptx ? ImageKind::ptx : ImageKind::cubin,
                        .arch = static_cast<int>(entry.arch),
                        .architecture_specific = (entry.flags & flag_architecture_specific) != 0,
                        .flags = entry.flags,
                        .raw_size = entry.raw_bytes,
                        .stored = {position + entry.header_bytes, exact}});
    }
    position += entry.header_bytes + entry.stored_bytes;
  }
}

}  // namespace

std::vector<Image> list_images(const void* wrapper) {
  const auto header = read<Wrapper>(static_cast<const uint8_t*>(wrapper));
  if (header.magic != wrapper_magic) throw std::runtime_error("not a fat binary wrapper");
  std::vector<Image> images;
  append_images(header.container, images);
  return images;
}

const Image* choose_image(const std::vector<Image>& images, ImageKind kind, int arch) {
  const Image* best = nullptr;
  for (const Image& image : images) {
    if (image.kind != kind || image.arch > arch) continue;
    if (image.architecture_specific && image.arch != arch) continue;
    const bool better = best == nullptr || image.arch > best->arch ||
                        (image.arch == best->arch && image.architecture_specific);
    if (better) best = &image;
  }
  return best;
}

std::vector<uint8_t> unpack(const Image& image) {
  if ((image.flags & flag_lz4) != 0) return decode_lz4_block(image.stored, image.raw_size);
  if ((image.flags & flag_zstd) != 0) {
    std::vector<uint8_t> raw(image.raw_size);
    const size_t size =
        ZSTD_decompress(raw.data(), raw.size(), image.stored.data(), image.stored.size());
    if (ZSTD_isError(size) != 0 || size != raw.size()) {
      throw std::runtime_error("fat binary entry does not decompress");
    }
    return raw;
  }
  return {image.stored.begin(), image.stored.end()};
}

}  // namespace cuemu::runtime
