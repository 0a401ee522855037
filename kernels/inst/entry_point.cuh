// Turns lines of catalog.inc into instantiations. A file in inst/ defines the FOLDCONV_PICK_ macro
// of its own family and includes "catalog.inc"; lines of other families expand to nothing.
#pragma once

// Defines `const void* name()`; taking the address instantiates the kernel.
#define FOLDCONV_ENTRY_POINT(name, ...)                 \
  const void* name() {                                  \
    return reinterpret_cast<const void*>(&__VA_ARGS__); \
  }

#define FOLDCONV_PICK_1x1_f16(name, tile)
#define FOLDCONV_PICK_1x1_bf16(name, tile)
#define FOLDCONV_PICK_rxs_f16(name, tile)
#define FOLDCONV_PICK_rxs_bf16(name, tile)
#define FOLDCONV_PICK_narrow_f16(name, tile)
#define FOLDCONV_PICK_narrow_bf16(name, tile)
#define FOLDCONV_PICK_element_f16(name, tile)
#define FOLDCONV_PICK_element_bf16(name, tile)

#define FOLDCONV_PICK(name, loader, dtype, tile) FOLDCONV_PICK_##loader##_##dtype(name, tile)
