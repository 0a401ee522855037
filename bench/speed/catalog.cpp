// SPDX-License-Identifier: MIT
// Prints the tensor-core kernels of catalog.inc, a line each, with what their machine code does not say:
//   name, family, tile, loader (-: none), its place in the enum, dtype, threads, shared memory, HMMA
// Shared memory of convolutions: of the ring alone. Of blocks' kernels: for ResNet-50's block of that width. -1: it is the
// problem's.
// HMMA: of a warp in one slice of K; 0 where a kernel's loops differ in that.
#include <cstdint>
#include <cstdio>

#include "catalog/kernel_name.hpp"
#include "tile/tiles.hpp"

namespace foldconv::host {
namespace {

constexpr int kOfTheProblem = -1;
constexpr int kResNetWidening = 4;  // a block's output channels over its middle channels

struct Loader {
  const char* name = "-";
  int number = -1;
};

void print(const KernelName& name, const char* family, const char* tile, const Loader& loader,
           const char* dtype, int threads, std::int64_t shared_bytes, int mma) {
  std::printf("%s %s %s %s %d %s %d %lld %d\n", name.c_str(), family, tile, loader.name,
              loader.number, dtype, threads, static_cast<long long>(shared_bytes), mma);
}

int mma_of(const ConvTile& tile) {
  return tile.warp_m() / 16 * (tile.warp_n() / 8) * (kSliceWidth / 16);
}

std::int64_t shared_bytes_of(const TailTile& tile) {
  const int slices = tile.slices_per_stage();
  return tile.shared_bytes(slices, 9 * slices);
}

std::int64_t shared_bytes_of(const WholeTile& tile) {
  const int k = kSliceWidth * kResNetWidening;
  return tile.shared_bytes(tile.projection ? kSliceWidth : k, k);
}

}  // namespace
}  // namespace foldconv::host

int main() {
  using namespace foldconv;
  using namespace foldconv::host;
#define FOLDCONV_CONV_KERNEL(loader, dtype, tile, arch, ...)                  \
  print(conv_name(#loader, #dtype, tiles::tile::value, #arch), "conv", #tile, \
        {#loader, static_cast<int>(ConvLoader::load_##loader)}, #dtype,       \
        tiles::tile::value.threads(), tiles::tile::value.shared_bytes(0),     \
        mma_of(tiles::tile::value));
#define FOLDCONV_JOINED_KERNEL(dtype, tile, arch, ...) \
  FOLDCONV_CONV_KERNEL(joined, dtype, tile, arch)
#define FOLDCONV_TAIL_KERNEL(dtype, tile, arch)                                        \
  print(tail_name(#dtype, tiles::tile::value, #arch), "block_tail", #tile, {}, #dtype, \
        tiles::tile::value.conv2.threads(), shared_bytes_of(tiles::tile::value), 0);
#define FOLDCONV_WHOLE_KERNEL(dtype, tile, arch)                                         \
  print(whole_name(#dtype, tiles::tile::value, #arch), "block_whole", #tile, {}, #dtype, \
        tiles::tile::value.threads(), shared_bytes_of(tiles::tile::value), 0);
#define FOLDCONV_GROUPED_KERNEL(dtype, tile, arch, ...)                                     \
  print(grouped_name(#dtype, tiles::tile::value, #arch), "conv_grouped", #tile, {}, #dtype, \
        tiles::tile::value.threads(), kOfTheProblem, 0);
#define FOLDCONV_INVERTED_KERNEL(dtype, tile, arch)                                            \
  print(inverted_name(#dtype, tiles::tile::value, #arch), "block_inverted", #tile, {}, #dtype, \
        tiles::tile::value.threads(), kOfTheProblem, 0);
#define FOLDCONV_STEM_KERNEL(dtype, tile, arch)                                  \
  print(stem_name(#dtype, tiles::tile::value, #arch), "stem", #tile, {}, #dtype, \
        tiles::tile::value.kThreads, tiles::tile::value.shared_bytes(), 0);
#include "catalog.inc"
}
