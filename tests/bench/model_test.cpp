// SPDX-License-Identifier: MIT
#include "measure/model.hpp"

#include <gtest/gtest.h>

namespace foldconv::tool {
namespace {

TEST(Model, NamesAreFound) {
  EXPECT_EQ(model_names(), (std::vector<std::string>{"h100", "a100"}));
  for (const std::string& name : model_names()) {
    ASSERT_NE(find_model(name), nullptr);
    EXPECT_EQ(find_model(name)->name, name);
  }
  EXPECT_EQ(find_model("v100"), nullptr);
  EXPECT_EQ(find_model(""), nullptr);
}

TEST(Model, WithoutANameTheArchitectureChooses) {
  EXPECT_STREQ(choose_model("h100", "80").name, "h100");
  EXPECT_STREQ(choose_model("", "80").name, "a100");
  EXPECT_STREQ(choose_model("", "90").name, "h100");
  EXPECT_STREQ(choose_model("", "120").name, "h100");
}

}  // namespace
}  // namespace foldconv::tool
