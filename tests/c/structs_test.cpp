// SPDX-License-Identifier: MIT
// Structs of other versions than the library's.
#include "c/structs.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string_view>

#include "c/small_network.hpp"
#include "host/expect_error.hpp"

namespace foldconv::c_tests {

// A struct of three versions, as programs of the first two have it.
struct First {
  std::size_t size;
  std::int32_t a, b;
};
struct Second {
  First first;
  double c;
};
struct Third {
  std::size_t size;
  std::int32_t a, b;
  double c;
  const char* d;
};

}  // namespace foldconv::c_tests

template <>
struct foldconv::c::Versions<foldconv::c_tests::Third> {
  static constexpr const char* name = "Third";
  static constexpr std::size_t sizes[] = {16, 24, 32};
};

namespace foldconv::c_tests {
namespace {

using test::fails_with;
using test::kInvalid;

// As its bytes are seen through the pointer that a C program passes.
template <class Other>
Third* as_third(Other& other) {
  return reinterpret_cast<Third*>(&other);
}

struct Later {
  Third third;
  std::int64_t e, f;
};

TEST(CStructs, EarlierOnesLackWhatCameLater) {
  struct {
    First given;
    double behind;
  } first = {{sizeof(First), 1, 2}, 4.0};
  const auto read = c::read_struct(as_third(first));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->a, 1);
  EXPECT_EQ(read->b, 2);
  EXPECT_EQ(read->c, 0);
  EXPECT_EQ(read->d, nullptr);

  Second second = {{sizeof(Second), 1, 2}, 4.0};
  const auto more = c::read_struct(as_third(second));
  ASSERT_TRUE(more.ok());
  EXPECT_EQ(more->c, 4.0);
  EXPECT_EQ(more->d, nullptr);
}

TEST(CStructs, LaterOnesMayHaveNothingNew) {
  Later later = {{sizeof(Later), 1, 2, 3, "d"}, 0, 0};
  const auto read = c::read_struct(as_third(later));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_STREQ(read->d, "d");
  later.f = 1;
  EXPECT_TRUE(fails_with(c::read_struct(as_third(later)), ErrorCode::unsupported,
                         {"Third", "size = 48, byte 40 is not 0", "later"}));
}

TEST(CStructs, SizesThatNoVersionHad) {
  std::array<std::size_t, 1024> memory = {};
  const std::size_t wrong[] = {0, 1, 8, 15, 17, 20, 28, 33, 39, 4104, ~std::size_t{0}};
  for (const std::size_t size : wrong) {
    memory[0] = size;
    EXPECT_TRUE(fails_with(c::read_struct(as_third(memory)), kInvalid,
                           {"Third", "size = " + std::to_string(size), "sizeof"}));
    const auto before = memory;
    EXPECT_TRUE(fails_with(c::write_struct(Third{}, as_third(memory)), kInvalid, {"Third"}));
    EXPECT_EQ(memory, before);
  }
  for (const std::size_t size : {std::size_t{40}, std::size_t{4096}}) {
    memory[0] = size;
    EXPECT_TRUE(c::read_struct(as_third(memory)).ok()) << size;
  }
}

TEST(CStructs, AreFilledInAsFarAsTheyGo) {
  const Third value = {0, 1, 2, 3, "d"};
  struct {
    First given;
    double behind;
  } first = {{sizeof(First), 0, 0}, 4.0};
  EXPECT_TRUE(c::write_struct(value, as_third(first)).ok());
  EXPECT_EQ(first.given.size, sizeof(First));
  EXPECT_EQ(first.given.b, 2);
  EXPECT_EQ(first.behind, 4.0);

  Later later = {{sizeof(Later), 0, 0, 0, nullptr}, 7, 8};
  EXPECT_TRUE(c::write_struct(value, as_third(later)).ok());
  EXPECT_EQ(later.third.size, sizeof(Later));
  EXPECT_STREQ(later.third.d, "d");
  EXPECT_EQ(later.e, 0);
  EXPECT_EQ(later.f, 0);
  EXPECT_TRUE(
      fails_with(c::write_struct(value, static_cast<Third*>(nullptr)), kInvalid, {"Third"}));
}

// Each struct of foldconv.h through the call that takes it.
TEST(CStructs, OfTheHeader) {
  const OwnedNetwork network = small_network(FC_TYPE_F16);
  struct {
    fc_plan_options options;
    std::int64_t later;
  } larger = {small_shape(), 0};
  larger.options.size = sizeof larger;
  const auto plan = made<OwnedPlan>([&](fc_plan** object, fc_error* error) {
    return fc_network_plan(network.get(), &larger.options, object, error);
  });
  larger.later = 1;
  fc_plan* none = nullptr;
  const auto plan_again = [&](fc_error* error) {
    return fc_network_plan(network.get(), &larger.options, &none, error);
  };
  EXPECT_TRUE(c_tests::fails_with(plan_again, FC_UNSUPPORTED, {"fc_plan_options"}));
  larger.options.size = sizeof(fc_plan_options) - 16;
  EXPECT_TRUE(c_tests::fails_with(plan_again, FC_INVALID_ARGUMENT, {"fc_plan_options"}));

  // As programs of 0.2.0's first headers have it: without instructions.
  constexpr std::size_t kFirst = 104;
  larger.options = small_shape();
  larger.options.size = kFirst;
  larger.options.instructions = -1;  // lies behind it
  const auto first = made<OwnedPlan>([&](fc_plan** object, fc_error* error) {
    return fc_network_plan(network.get(), &larger.options, object, error);
  });
  EXPECT_NE(first.get(), nullptr);

  fc_graph* graph = nullptr;
  fc_network* made_network = nullptr;
  fc_cuda_graph* captured = nullptr;
  fc_resnet_options resnet = {};
  fc_network_options options = {};
  fc_buffers buffers = {};
  fc_port port = {};
  fc_tensor tensor = {};
  const auto file = small_resnet_file();
  const auto read = made<OwnedGraph>([&](fc_graph** object, fc_error* error) {
    return fc_resnet_read_file(file.c_str(), nullptr, object, error);
  });
  const auto refuses = [](auto call, std::string_view name) {
    EXPECT_TRUE(c_tests::fails_with(call, FC_INVALID_ARGUMENT, {name, "size = 0"}));
  };
  refuses([&](fc_error* e) { return fc_resnet_read_file(file.c_str(), &resnet, &graph, e); },
          "fc_resnet_options");
  refuses([&](fc_error* e) { return fc_network_create(read.get(), &options, &made_network, e); },
          "fc_network_options");
  refuses([&](fc_error* e) { return fc_plan_run(plan.get(), &buffers, nullptr, e); }, "fc_buffers");
  refuses([&](fc_error* e) { return fc_plan_capture(plan.get(), &buffers, &captured, e); },
          "fc_buffers");
  refuses([&](fc_error* e) { return fc_plan_input(plan.get(), 0, &port, e); }, "fc_port");
  refuses([&](fc_error* e) { return fc_plan_output(plan.get(), 0, &port, e); }, "fc_port");
  larger.options = small_shape();
  larger.options.flags = FC_PLAN_KEEP_ALL;
  const auto keeps = made<OwnedPlan>([&](fc_plan** object, fc_error* error) {
    return fc_network_plan(network.get(), &larger.options, object, error);
  });
  refuses([&](fc_error* e) { return fc_plan_tensor(keeps.get(), "fc", &tensor, e); }, "fc_tensor");
}

}  // namespace
}  // namespace foldconv::c_tests
