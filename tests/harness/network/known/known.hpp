// SPDX-License-Identifier: MIT
// Networks by name: their published shapes, with seeded weights. They know nothing of pictures; they are for figures, which
// depend on shapes alone, and for tests.
#pragma once

#include <string>
#include <vector>

#include "foldconv/graph.hpp"

namespace foldconv::harness {

struct KnownNetwork {
  const char* name;
  const char* what;  // for a table
  Graph (*make)();   // image: n, 3, h, w, all but the channels open
};

// In the order of their publication's families: residual, grouped, inverted, concatenated.
const std::vector<KnownNetwork>& known_networks();
std::vector<std::string> names_of_known_networks();
// Null: none of this name.
const KnownNetwork* find_known_network(const std::string& name);

}  // namespace foldconv::harness
