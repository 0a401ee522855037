// SPDX-License-Identifier: MIT
// A plan, and what each of two streams has of its own.
extern const foldconv::Result<foldconv::NetworkPlan> plan;
extern const void *images_a, *images_b;
extern void *logits_a, *logits_b, *workspace_a, *workspace_b;
extern const cudaStream_t stream_a, stream_b;
