// SPDX-License-Identifier: MIT
// The tool as a user starts it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "foldconv/kernel_list.hpp"
#include "harness/kernels_named.hpp"
#include "host/weights/other_formats.hpp"
#include "host/weights/safetensors_writer.hpp"
#include "started_tool.hpp"

namespace foldconv {
namespace {

using test::foldconv;
using test::has;
using test::longest_line;
using test::Outcome;

constexpr const char* kSmall = R"('mb1_ic64oc64_ih6kh3ph1n"small"' mb2_ic3oc8_ih7kh3sh2ph1)";

// Without cuDNN's ways, which a machine may have or not.
const std::string kBench = "bench --impl planned,whole,tails,chain,separate ";
const std::string kBenchLayers = "bench --impl planned,separate,direct ";

TEST(Cli, ValidatePassesAndSaysSo) {
  const Outcome outcome = foldconv(std::string("validate --residual ") + kSmall);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_TRUE(has(outcome.out, "2 of 2 problems passed")) << outcome.out;
  EXPECT_TRUE(has(outcome.out, "small"));
  EXPECT_FALSE(has(outcome.out, "FAIL"));
  EXPECT_LE(longest_line(outcome.out), 120U);
}

TEST(Cli, ValidateWritesJson) {
  const Outcome outcome = foldconv(std::string("validate --format json --dtype bf16 ") + kSmall);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  const auto document = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(document["header"]["dtype"], "bf16");
  EXPECT_TRUE(document["header"]["device"].is_string());
  EXPECT_TRUE(document["header"]["emulated"].is_boolean());
  ASSERT_EQ(document["rows"].size(), 2U);
  for (const auto& row : document["rows"]) {
    EXPECT_EQ(row["pass"], true);
    EXPECT_EQ(row["repeatable"], true);
    EXPECT_EQ(row["batch_invariant"], true);
    EXPECT_LE(row["worst_share_of_bound"], 1.0);
  }
  EXPECT_EQ(document["summary"]["passed"], 2);
}

TEST(Cli, BenchShowsTheThreeWaysOfLayers) {
  const Outcome outcome = foldconv(kBenchLayers + kSmall);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  for (const char* way : {"planned *", "separate", "direct"}) {
    EXPECT_TRUE(has(outcome.out, way)) << outcome.out;
  }
  EXPECT_TRUE(has(outcome.out, "2 of 2 problems right")) << outcome.out;
  EXPECT_LE(longest_line(outcome.out), 120U);
}

TEST(Cli, BenchShowsTheWaysThatAreListed) {
  const Outcome outcome =
      foldconv(std::string("bench --impl planned,cudnn --format json ") + kSmall);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  const auto document = nlohmann::json::parse(outcome.out);
  ASSERT_EQ(document["rows"].size(), 4U);
  EXPECT_EQ(document["rows"][0]["way"], "planned");
  EXPECT_EQ(document["rows"][1]["way"], "cudnn");
  if (document["header"]["emulated"] == true) {
    EXPECT_TRUE(document["rows"][1]["right"].is_null());
    EXPECT_TRUE(has(document["rows"][1]["reason"].get<std::string>(), "cuDNN"));
  }
  const Outcome blocks = foldconv(
      "bench --impl planned,separate,cudnn-separate --block ih6_ic64mid64oc64 mb1_ic8oc8_ih6kh1");
  EXPECT_EQ(blocks.exit_code, 0) << blocks.out;
  EXPECT_TRUE(has(blocks.out, " *")) << blocks.out;
  EXPECT_TRUE(has(blocks.out, "separate")) << blocks.out;
  EXPECT_FALSE(has(blocks.out, "tails")) << blocks.out;
  EXPECT_LE(longest_line(blocks.out), 120U);
  EXPECT_EQ(foldconv("bench --impl tials mb1_ic8oc8_ih6kh1 2>&1").exit_code, 2);
}

// A list of both kinds works with every way.
TEST(Cli, EveryWayTakesBlocksAndLayers) {
  for (const char* way :
       {"planned", "whole", "tails", "chain", "separate", "direct", "cudnn", "cudnn-separate"}) {
    const Outcome outcome = foldconv(std::string("bench --impl ") + way +
                                     " --block ih6_ic64mid64oc64 mb1_ic8oc8_ih6kh1");
    EXPECT_EQ(outcome.exit_code, 0) << way << outcome.out;
    EXPECT_TRUE(has(outcome.out, "2 of 2 problems right")) << way << outcome.out;
  }
  const Outcome layer = foldconv("bench --impl whole mb1_ic8oc8_ih6kh1");
  EXPECT_TRUE(has(layer.out, "not possible: a layer is no residual block")) << layer.out;
}

TEST(Cli, RecordingCudnnNeedsAGpu) {
  const Outcome device = foldconv(kBench + "--format json mb1_ic8oc8_ih6kh1");
  if (nlohmann::json::parse(device.out)["header"]["emulated"] == false) {
    GTEST_SKIP() << "runs on a GPU";
  }
  const test::TestFolder folder;
  const Outcome outcome =
      foldconv("record-cudnn --out " + test::quoted((folder.path() / "none").string()) + " 2>&1");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(has(outcome.out, "cuDNN")) << outcome.out;
  EXPECT_EQ(foldconv("record-cudnn 2>&1").exit_code, 2);
}

TEST(Cli, BenchOnTheEmulatorSaysSoAndPrintsTheModel) {
  const Outcome outcome = foldconv(kBenchLayers + "--model a100 --format json " + kSmall);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  const auto document = nlohmann::json::parse(outcome.out);
  ASSERT_EQ(document["rows"].size(), 6U);
  if (document["header"]["emulated"] == false) GTEST_SKIP() << "runs on a GPU";
  EXPECT_EQ(document["header"]["model"], "a100");
  for (const auto& row : document["rows"]) {
    EXPECT_TRUE(row["cold_us"].is_null());
    EXPECT_TRUE(row["warm_us"].is_null());
    EXPECT_GT(row["floor_us"], 0.0);
    EXPECT_GT(row["dram_bytes"], 0);
  }
  EXPECT_EQ(document["header"]["schema"], 2);
  EXPECT_EQ(document["header"]["roofs"], "model");
  EXPECT_TRUE(document["header"]["date"].is_string());
  const Outcome table = foldconv(kBench + "--model h100 " + kSmall);
  EXPECT_TRUE(has(table.out, "EMULATED"));
  EXPECT_TRUE(has(table.out, " us a launch"));
  EXPECT_TRUE(has(table.out, "NVIDIA H100 (emulated)")) << table.out;
}

TEST(Cli, BenchWritesCsvWithAHeaderLine) {
  const Outcome outcome = foldconv(kBenchLayers + "--format csv mb1_ic8oc8_ih6kh1");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(outcome.out.rfind("name,descriptor,kind,images,way,", 0), 0U) << outcome.out;
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 4);
}

TEST(Cli, ExplainNamesTheChosenAndEveryRefusedKernel) {
  const Outcome outcome = foldconv("explain mb1_ic64oc64_ih56kh3ph1");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_TRUE(has(outcome.out, "conv_rxs_f16_"));
  for (const KernelInfo& kernel : kernel_list()) {
    const bool of_the_problem =
        kernel.dtype == DataType::f16 && kernel.capability == 80 &&
        (kernel.family == KernelFamily::conv || kernel.family == KernelFamily::depthwise ||
         kernel.family == KernelFamily::direct);
    EXPECT_EQ(has(outcome.out, std::string(kernel.name)), of_the_problem) << kernel.name;
  }
  EXPECT_TRUE(has(outcome.out, "registers"));
  EXPECT_LE(longest_line(outcome.out), 120U);
}

constexpr const char* kBlocks = R"(--block 'ih6_ic64mid64oc64n"identity"' --block ih6_ic16oc24s2)";

TEST(Cli, ValidateTakesBlocksAndLayersAtOnce) {
  const std::string arguments = std::string("validate ") + kBlocks + " " + kSmall;
  const Outcome table = foldconv(arguments);
  EXPECT_EQ(table.exit_code, 0) << table.out;
  EXPECT_TRUE(has(table.out, "4 of 4 problems passed")) << table.out;
  EXPECT_TRUE(has(table.out, "not possible: ")) << table.out;
  EXPECT_TRUE(has(table.out, "planned")) << table.out;
  EXPECT_LE(longest_line(table.out), 120U);

  const Outcome outcome = foldconv(arguments + " --format json");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  const auto document = nlohmann::json::parse(outcome.out);
  ASSERT_EQ(document["rows"].size(), 4U + 4U + 2U);
  std::size_t refused = 0;
  for (const auto& row : document["rows"]) {
    if (row["pass"].is_null()) {
      ++refused;
      EXPECT_TRUE(row["reason"].is_string());
      EXPECT_TRUE(row["kernel"].is_null());
    } else {
      EXPECT_EQ(row["pass"], true) << row;
      EXPECT_LE(row["worst_share_of_bound"], 1.0);
    }
  }
  EXPECT_GE(refused, 1U);  // no kernel takes a basic block whole
  EXPECT_EQ(document["rows"][0]["way"], "whole");
  EXPECT_EQ(document["rows"][0]["descriptor"], "mb1_ih6_ic64mid64oc64");
  EXPECT_EQ(document["rows"][8]["way"], "planned");
}

TEST(Cli, BenchComparesTheCutsOfABlock) {
  const std::string arguments = kBench + kBlocks + " mb1_ic8oc8_ih6kh1";
  const Outcome table = foldconv(arguments);
  EXPECT_EQ(table.exit_code, 0) << table.out;
  EXPECT_TRUE(has(table.out, " *")) << table.out;
  EXPECT_TRUE(has(table.out, "3 of 3 problems right")) << table.out;
  EXPECT_TRUE(has(table.out, "blocks, floor time over what plan() takes")) << table.out;
  EXPECT_LE(longest_line(table.out), 120U);

  const Outcome outcome = foldconv(arguments + " --format json");
  const auto document = nlohmann::json::parse(outcome.out);
  std::size_t planned = 0, blocks = 0;
  for (const auto& row : document["rows"]) {
    if (row["kind"] == "layer") continue;
    ++blocks;
    if (row["planned"] == true) {
      ++planned;
      EXPECT_EQ(row["baseline"], true);
    }
    if (row["right"].is_null()) {
      EXPECT_TRUE(row["reason"].is_string());
      EXPECT_TRUE(row["launches"].is_null());
    }
  }
  EXPECT_EQ(planned, 2U);
  EXPECT_GE(blocks, 8U);
}

TEST(Cli, CsvHasTheSameFieldsInEveryLine) {
  for (const std::string& command : {std::string("validate "), kBench, std::string("explain ")}) {
    const Outcome outcome = foldconv(
        command + "--format csv --block ih4_ic16oc16 mb1_ic8oc8_ih6kh1 --dtype f32 --act none");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
    const std::string head = outcome.out.substr(0, outcome.out.find('\n'));
    EXPECT_TRUE(has(head, ",cut,") || has(head, ",way,")) << head;
  }
}

// A stage of two basic blocks and one of two bottlenecks, the first of each with a downsample, as a file.
std::string stages_file(const test::TestFolder& folder) {
  test::SafetensorsWriter writer;
  const auto add = [&writer](const std::string& name, const std::string& shape,
                             std::size_t elements, float first) {
    std::vector<float> values(elements);
    for (std::size_t i = 0; i < elements; ++i) {
      values[i] = first * (1.0f + static_cast<float>(i * 7 % 11) / 16);
    }
    writer.add(name, "F32", shape, test::bytes_of(values));
  };
  const auto add_layer = [&](const std::string& conv, const std::string& batch_norm, int k, int c,
                             int r) {
    const auto text = [](int n) { return std::to_string(n); };
    const std::string channels = "[" + text(k) + "]";
    const auto count = static_cast<std::size_t>(k);
    add(conv + ".weight", "[" + text(k) + "," + text(c) + "," + text(r) + "," + text(r) + "]",
        static_cast<std::size_t>(k * c * r * r), -0.03f);
    add(batch_norm + ".weight", channels, count, 0.9f);
    add(batch_norm + ".bias", channels, count, 0.5f);
    add(batch_norm + ".running_mean", channels, count, -0.2f);
    add(batch_norm + ".running_var", channels, count, 0.8f);
  };
  const auto add_block = [&](const std::string& prefix, int c, int middle, int k) {
    const bool basic = middle == 0;
    add_layer(prefix + "conv1", prefix + "bn1", basic ? k : middle, c, basic ? 3 : 1);
    add_layer(prefix + "conv2", prefix + "bn2", basic ? k : middle, basic ? k : middle, 3);
    if (!basic) add_layer(prefix + "conv3", prefix + "bn3", k, middle, 1);
    if (c != k) add_layer(prefix + "downsample.0", prefix + "downsample.1", k, c, 1);
  };
  add_block("layer2.0.", 8, 0, 16);
  add_block("layer2.1.", 16, 0, 16);
  add_block("layer3.0.", 16, 64, 64);
  add_block("layer3.1.", 64, 64, 64);
  return folder.write("stages.safetensors", writer.text()).string();
}

TEST(Cli, TakesAStageEverywhere) {
  for (const std::string& command : {std::string("validate "), kBench, std::string("explain ")}) {
    const Outcome table = foldconv(command + "--block 'ih6_ic64mid64oc64x2n\"two\"'");
    EXPECT_EQ(table.exit_code, 0) << table.out;
    EXPECT_TRUE(has(table.out, "two")) << table.out;
    EXPECT_LE(longest_line(table.out), 120U);
  }
}

TEST(Cli, TakesABlockOutOfAStateDict) {
  const test::TestFolder folder;
  const std::string weights =
      "--weights " + test::quoted(stages_file(folder)) + " --stride 2 --ih 9 --iw 7";
  for (const std::string& command : {std::string("validate "), kBench, std::string("explain ")}) {
    const Outcome outcome = foldconv(command + weights + " --prefix layer2.0 --format json");
    ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
    const auto row = nlohmann::json::parse(outcome.out)["rows"][0];
    EXPECT_EQ(row["name"], "layer2.0");
    EXPECT_EQ(row["descriptor"], "mb1_ih9iw7_ic8oc16_s2");
  }
  const Outcome wrong = foldconv("validate " + weights + " --prefix layer1.0 2>&1");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_TRUE(has(wrong.out, "layer2.0")) << wrong.out;
  EXPECT_EQ(foldconv("validate --weights no_such_file 2>&1").exit_code, 2);
}

TEST(Cli, TakesStagesOutOfAStateDictAsRuns) {
  const test::TestFolder folder;
  const std::string weights =
      "--weights " + test::quoted(stages_file(folder)) + " --ih 9 --iw 7 --prefix ";
  const auto descriptors = [&weights](const std::string& rest) {
    const Outcome outcome = foldconv("validate " + weights + rest + " --format json");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
    std::set<std::string> all;
    const auto document = nlohmann::json::parse(outcome.out);
    for (const auto& row : document["rows"]) {
      EXPECT_NE(row["pass"], false) << row;
      all.insert(row["name"].get<std::string>() + " " + row["descriptor"].get<std::string>());
    }
    return all;
  };
  EXPECT_EQ(descriptors("layer2,layer3 --stride 2,2"),
            (std::set<std::string>{"layer2 mb1_ih9iw7_ic8oc16_s2_x2",
                                   "layer3 mb1_ih5iw4_ic16mid64oc64_s2_x2"}));
  EXPECT_EQ(
      descriptors("layer2.0 --prefix layer2.1 --stride 2"),
      (std::set<std::string>{"layer2.0 mb1_ih9iw7_ic8oc16_s2", "layer2.1 mb1_ih5iw4_ic16oc16"}));
}

// It would be another block that passes.
TEST(Cli, AStrideThatIsForgottenOrTooManyIsRefused) {
  const test::TestFolder folder;
  const std::string weights =
      "validate --weights " + test::quoted(stages_file(folder)) + " --ih 4 --prefix ";
  const Outcome forgotten = foldconv(weights + "layer2,layer3 2>&1");
  EXPECT_EQ(forgotten.exit_code, 2);
  EXPECT_TRUE(has(forgotten.out, "`layer2.0`, `layer3.0`; give --stride N")) << forgotten.out;
  const Outcome one = foldconv(weights + "layer2,layer3 --stride 2 2>&1");
  EXPECT_EQ(one.exit_code, 2);
  EXPECT_TRUE(has(one.out, "1 stride is given, wanted are 2")) << one.out;
  EXPECT_EQ(foldconv(weights + "layer2.1 --stride 2 2>&1").exit_code, 2);
  EXPECT_EQ(foldconv(weights + "layer2 --stride 3 2>&1").exit_code, 2);
}

TEST(Cli, ACheckpointOfPyTorchIsNamed) {
  const test::TestFolder folder;
  const std::string file =
      folder.write("checkpoint.pth", test::zip_with("checkpoint/data.pkl")).string();
  for (const std::string command : {"validate --weights ", "explain --network ", "inspect ",
                                    "run --input x.npy --output y.npy "}) {
    const Outcome outcome = foldconv(command + test::quoted(file) + " 2>&1");
    EXPECT_EQ(outcome.exit_code, 2) << command;
    EXPECT_TRUE(has(outcome.out, file)) << outcome.out;
    EXPECT_TRUE(has(outcome.out, "it is a PyTorch checkpoint, which is a pickle; save "))
        << outcome.out;
  }
  const Outcome no_file =
      foldconv("explain --network " + test::quoted(folder.path().string()) + " 2>&1");
  EXPECT_EQ(no_file.exit_code, 2);
  EXPECT_TRUE(has(no_file.out, "it is a folder; give a file")) << no_file.out;
}

TEST(Cli, ExplainTellsWhatEachCutCosts) {
  const Outcome table = foldconv("explain --batch resnet50_blocks");
  EXPECT_EQ(table.exit_code, 0) << table.out;
  EXPECT_TRUE(has(table.out, "stage2.identity: mb1_ih56_ic256mid64oc256: n1 56x56x256 -> "))
      << table.out;
  EXPECT_LE(longest_line(table.out), 120U);
  // Repeats stand once.
  const Outcome stage = foldconv("explain --batch resnet50_stages");
  EXPECT_TRUE(has(stage.out, "3 x block_tail_f16_")) << stage.out;
  EXPECT_LE(std::count(stage.out.begin(), stage.out.end(), '\n'), 80) << stage.out;
  const Outcome outcome = foldconv("explain --format json --block ih14_ic64mid64oc64");
  const auto document = nlohmann::json::parse(outcome.out);
  std::size_t chosen = 0;
  for (const auto& row : document["rows"]) {
    if (row["chosen"] == true) ++chosen;
    if (row["launches"].is_null()) continue;
    EXPECT_GT(row["dram_bytes"], 0);
    EXPECT_GT(row["floor_us"], 0.0);
  }
  EXPECT_EQ(chosen, 1U);
}

TEST(Cli, APinnedKernelIsUsedOrItsReasonGiven) {
  const Outcome used = foldconv("validate --kernel direct_f16_sm80 mb1_ic64oc64_ih6kh3ph1");
  EXPECT_EQ(used.exit_code, 0) << used.out;
  EXPECT_TRUE(has(used.out, "direct_f16_sm80"));
  const std::string name = test::kernels_named("conv_1x1_f16_").front();
  const Outcome refused = foldconv("validate --kernel " + name + " mb1_ic64oc64_ih6kh3ph1");
  EXPECT_EQ(refused.exit_code, 1) << refused.out;
  EXPECT_TRUE(has(refused.out, "FAIL"));
  EXPECT_TRUE(has(refused.out, name));
  const Outcome unknown = foldconv("validate --kernel no_such_kernel mb1_ic64oc64_ih6kh3ph1 2>&1");
  EXPECT_EQ(unknown.exit_code, 2) << unknown.out;
  EXPECT_TRUE(has(unknown.out, "there is no kernel \"no_such_kernel\"")) << unknown.out;
}

TEST(Cli, MbOverridesTheDescriptors) {
  const Outcome outcome = foldconv("validate --mb 3 --format json mb1_ic8oc8_ih6kh1");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_TRUE(has(outcome.out, "mb3ic8oc8")) << outcome.out;
}

TEST(Cli, SeveralBatchSizesAreAsManyProblems) {
  const std::string arguments = "bench --mb 1,3 --block ih4_ic16oc16 'ic8oc8_ih6kh1n\"one\"'";
  const Outcome table = foldconv(arguments);
  EXPECT_EQ(table.exit_code, 0) << table.out;
  EXPECT_TRUE(has(table.out, "one mb1")) << table.out;
  EXPECT_TRUE(has(table.out, "one mb3")) << table.out;
  EXPECT_TRUE(has(table.out, "4 of 4 problems right")) << table.out;
  EXPECT_LE(longest_line(table.out), 120U);
  const auto rows = nlohmann::json::parse(foldconv(arguments + " --format json").out)["rows"];
  EXPECT_EQ(rows.front()["images"], 1);
  EXPECT_EQ(rows.back()["images"], 3);
  EXPECT_TRUE(rows.back()["descriptor"].get<std::string>().starts_with("mb3ic8oc8_ih6"));
}

TEST(Cli, ShippedListsAreFoundByName) {
  const Outcome outcome = foldconv("explain --batch resnet50 --format csv");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_TRUE(has(outcome.out, "layer4.1.conv2"));
}

TEST(Cli, AProblemBeyondAllMemoryIsAFailureNotACrash) {
  const Outcome outcome = foldconv("validate --block ih2000000000_ic1mid1oc1 2>&1");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(has(outcome.out, "too large for the memory")) << outcome.out;
}

TEST(Cli, MistakesExitWith2AndNameTheRemedy) {
  const Outcome malformed = foldconv("validate mb1_ic64oc64_ihX 2>&1");
  EXPECT_EQ(malformed.exit_code, 2);
  EXPECT_TRUE(has(malformed.out, "character 16")) << malformed.out;
  const Outcome block = foldconv("bench --block ih6_ic64mid64 2>&1");
  EXPECT_EQ(block.exit_code, 2);
  EXPECT_TRUE(has(block.out, "character 14: `oc` is missing")) << block.out;
  const Outcome file = foldconv("validate --batch no_such_list 2>&1");
  EXPECT_EQ(file.exit_code, 2);
  EXPECT_TRUE(has(file.out,
                  "densenet121, efficientnet_lite0, groups, mobilenet_v2, resnet50, "
                  "resnet50_blocks, resnet50_stages, resnext50, tails, yolov8n"))
      << file.out;
  EXPECT_EQ(foldconv("2>&1").exit_code, 2);
  EXPECT_EQ(foldconv("validate 2>&1").exit_code, 2);
  EXPECT_EQ(foldconv("--help").exit_code, 0);
}

}  // namespace
}  // namespace foldconv
