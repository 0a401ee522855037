// SPDX-License-Identifier: MIT
// What fragments of C on the pages use and do not declare.
#pragma once

#include <foldconv.h>

int report(const fc_error* error);

extern const void* images;
extern void *logits, *workspace, *stream;
