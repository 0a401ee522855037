// SPDX-License-Identifier: MIT
#include "measure/model.hpp"

#include <gtest/gtest.h>

namespace foldconv::tool {
namespace {

TEST(Model, NamesAreFound) {
  for (const GpuModel& model : kModels) EXPECT_EQ(&choose_model(model.name, ""), &model);
}

TEST(Model, WithoutANameTheArchitectureChooses) {
  EXPECT_EQ(choose_model("h100", "80").name, "h100");
  EXPECT_EQ(choose_model("", "80").name, "a100");
  EXPECT_EQ(choose_model("", "90").name, "h100");
  EXPECT_EQ(choose_model("", "120").name, "h100");
}

}  // namespace
}  // namespace foldconv::tool
