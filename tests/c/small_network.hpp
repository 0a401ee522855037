// SPDX-License-Identifier: MIT
// A small ResNet of random weights in a file, and what the C++ API makes of it.
#pragma once

#include <filesystem>
#include <string>

#include "c/owned.hpp"
#include "foldconv/network.hpp"
#include "harness/device/buffer.hpp"

namespace foldconv::c_tests {

inline constexpr int kImages = 3, kHeight = 33, kWidth = 29;

// The safetensors file; written by the first call.
const std::filesystem::path& small_resnet_file();

// Of kImages, f32, NCHW.
harness::Bytes random_images();

Network small_network_by_cpp(DataType dtype);
OwnedNetwork small_network(fc_type type);

// For kImages.
fc_plan_options small_shape();

// A network of one convolution: tests/consumer/network.onnx.
std::string tiny_onnx();

}  // namespace foldconv::c_tests
