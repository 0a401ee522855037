// SPDX-License-Identifier: MIT
// Functions compiled several times, of which the machine takes the one that suits it.
#pragma once

// Vectors as wide as the machine's, in programs that run on others, too. ThreadSanitizer does not bear with the
// choice being made before main().
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_THREAD__)
#define FOLDCONV_ANY_VECTORS __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOLDCONV_ANY_VECTORS
#endif
