// SPDX-License-Identifier: MIT
// The makers of the known networks, a file a family.
#pragma once

#include "foldconv/graph.hpp"

namespace foldconv::harness::known {

Graph resnet50();
Graph resnext50_32x4d();
Graph mobilenet_v2();
Graph efficientnet_lite0();
Graph densenet121();
Graph yolov8n();

}  // namespace foldconv::harness::known
