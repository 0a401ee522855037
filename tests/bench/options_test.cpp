// SPDX-License-Identifier: MIT
#include "commands/options.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace foldconv::tool {
namespace {

struct Parsed {
  CommandLine command_line;
  std::string out, err;
};

Parsed parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "foldconv");
  Parsed parsed;
  parsed.command_line = parse_command_line(static_cast<int>(arguments.size()), arguments.data(),
                                           {.number = "1.2.3",
                                            .version = [] { return "foldconv 1.2.3"; },
                                            .lists = {"one", "two"},
                                            .kernels = {"direct"}});
  parsed.out = parsed.command_line.answer;
  parsed.err = parsed.command_line.complaint;
  return parsed;
}

constexpr const char* kDescriptor = "ic8oc8_ih8kh1";
constexpr const char* kBlock = "ih8_ic64mid16oc64";

TEST(CommandLineOptions, Defaults) {
  const Parsed parsed = parse({"validate", kDescriptor});
  ASSERT_TRUE(parsed.command_line.options) << parsed.err;
  const Options& options = *parsed.command_line.options;
  EXPECT_EQ(options.command, Command::validate);
  EXPECT_EQ(options.descriptors, std::vector<std::string>{kDescriptor});
  EXPECT_EQ(options.settings.dtype, DataType::f16);
  EXPECT_EQ(options.settings.activation, Activation::relu);
  EXPECT_TRUE(options.data.batch_norm);
  EXPECT_FALSE(options.settings.residual);
  EXPECT_FALSE(options.data.conv_bias);
  EXPECT_EQ(options.format, Format::table);
  EXPECT_EQ(options.model, "");
  EXPECT_TRUE(options.batch_sizes.empty());
  EXPECT_EQ(options.l2, "both");
  EXPECT_EQ(options.seconds, 1);
}

TEST(CommandLineOptions, Ways) {
  const Parsed parsed =
      parse({"bench", "--impl", "cudnn,tails", "--cudnn-engines", "0", kDescriptor});
  ASSERT_TRUE(parsed.command_line.options) << parsed.err;
  EXPECT_EQ(parsed.command_line.options->ways, (std::vector<std::string>{"cudnn", "tails"}));
  EXPECT_EQ(parsed.command_line.options->cudnn_engines, 0U);
  const Parsed wrong = parse({"bench", "--impl", "cudnn,tials", kDescriptor});
  EXPECT_FALSE(wrong.command_line.options);
  EXPECT_NE(wrong.err.find("unknown way \"tials\"; known are planned, whole, tails, chain, "
                           "separate, direct, cudnn, cudnn-separate"),
            std::string::npos)
      << wrong.err;
}

TEST(CommandLineOptions, Everything) {
  const Parsed parsed =
      parse({"bench",       "--batch",    "resnet50",   "--batch", "tails",   "--dtype",
             "bf16",        "--act",      "leaky_relu", "--alpha", "0.25",    "--no-bn",
             "--conv-bias", "--residual", "--seed",     "7",       "--mb",    "1,32",
             "--kernel",    "direct",     "--format",   "json",    "--model", "a100",
             kDescriptor,   "--block",    kBlock,       "--block", kBlock,    "--instructions",
             "sm90"});
  ASSERT_TRUE(parsed.command_line.options) << parsed.err;
  const Options& options = *parsed.command_line.options;
  EXPECT_EQ(options.command, Command::bench);
  EXPECT_EQ(options.descriptors, std::vector<std::string>{kDescriptor});
  EXPECT_EQ(options.block_descriptors, (std::vector<std::string>{kBlock, kBlock}));
  EXPECT_EQ(options.batch_files, (std::vector<std::string>{"resnet50", "tails"}));
  EXPECT_FALSE(options.data.batch_norm);
  EXPECT_TRUE(options.data.conv_bias);
  EXPECT_EQ(options.data.seed, 7U);
  EXPECT_EQ(options.kernels, std::vector<std::string>{"direct"});
  EXPECT_EQ(options.format, Format::json);
  EXPECT_EQ(options.model, "a100");
  EXPECT_EQ(options.batch_sizes, (std::vector<int>{1, 32}));

  EXPECT_EQ(options.settings.dtype, DataType::bf16);
  EXPECT_EQ(options.settings.instructions, Instructions::sm90);
  EXPECT_EQ(options.settings.activation, Activation::leaky_relu(0.25f));
  EXPECT_TRUE(options.settings.residual);
}

TEST(CommandLineOptions, HowToTime) {
  const Parsed parsed = parse({"bench", kDescriptor, "--l2", "warm", "--seconds", "0.25"});
  ASSERT_TRUE(parsed.command_line.options) << parsed.err;
  EXPECT_EQ(parsed.command_line.options->l2, "warm");
  EXPECT_EQ(parsed.command_line.options->seconds, 0.25);
}

TEST(CommandLineOptions, ABlockIsAProblem) {
  EXPECT_TRUE(parse({"validate", "--block", kBlock}).command_line.options);
}

TEST(CommandLineOptions, WeightsAndWhatTheyDoNotTell) {
  const Parsed parsed = parse({"validate", "--weights", "net.safetensors", "--prefix", "layer2.0",
                               "--prefix", "layer3,layer4", "--stride", "2,1", "--stride", "2",
                               "--stride-at", "conv1", "--eps", "1e-3", "--ih", "28"});
  ASSERT_TRUE(parsed.command_line.options) << parsed.err;
  const WeightsOptions& weights = parsed.command_line.options->weights;
  EXPECT_EQ(weights.file, "net.safetensors");
  EXPECT_EQ(weights.prefixes, (std::vector<std::string>{"layer2.0", "layer3", "layer4"}));
  EXPECT_EQ(weights.strides, (std::vector{2, 1, 2}));
  EXPECT_EQ(weights.stride_at, StrideAt::conv1);
  EXPECT_EQ(weights.eps.value, 1e-3);
  EXPECT_EQ(weights.h, 28);
  EXPECT_EQ(weights.w, 0);
}

TEST(CommandLineOptions, DescriptorsMayStandBehindOptions) {
  const Parsed parsed =
      parse({"validate", "--block", kBlock, kDescriptor, "--batch", "tails", kDescriptor});
  ASSERT_TRUE(parsed.command_line.options) << parsed.err;
  const Options& options = *parsed.command_line.options;
  EXPECT_EQ(options.block_descriptors, std::vector<std::string>{kBlock});
  EXPECT_EQ(options.batch_files, std::vector<std::string>{"tails"});
  EXPECT_EQ(options.descriptors, (std::vector<std::string>{kDescriptor, kDescriptor}));
}

TEST(CommandLineOptions, EveryActivationHasAName) {
  for (int kind = 0; kind < kActivationCount; ++kind) {
    const auto of_kind = static_cast<Activation::Kind>(kind);
    Activation activation = *parse_activation(to_string(of_kind));
    activation.alpha = 0.25f;
    const Parsed parsed =
        parse({"validate", kDescriptor, "--alpha", "0.25", "--act", to_string(activation.kind)});
    ASSERT_TRUE(parsed.command_line.options) << parsed.err;
    EXPECT_EQ(parsed.command_line.options->settings.activation, activation);
  }
}

TEST(CommandLineOptions, BadUsageExitsWith2AndSaysWhy) {
  const std::vector<std::vector<const char*>> bad = {
      {},
      {"measure"},
      {"validate"},
      {"validate", kDescriptor, "--dtype", "f8"},
      {"validate", kDescriptor, "--instructions", "sm70"},
      {"validate", kDescriptor, "--act", "softmax"},
      {"validate", kDescriptor, "--mb", "0"},
      {"validate", kDescriptor, "--frobnicate"},
      {"validate", kDescriptor, "--format", "xml"},
      {"bench", kDescriptor, "--model", "v100"},
      {"bench", kDescriptor, "--l2", "tepid"},
      {"bench", kDescriptor, "--seconds", "0"},
      {"bench", kDescriptor, "--seconds", "-1"},
      {"bench", kDescriptor, "--seconds", "soon"},
      {"bench", kDescriptor, "--mb", "1,,2"},
      {"bench", kDescriptor, "--kernel", "direct,"},
      {"bench", kDescriptor, "--impl", "planned,"},
      {"validate", "--weights", "net.safetensors", "--prefix", "layer1,"},
      {"validate", "--weights", "net.safetensors", "--prefix", ",layer1", "--stride", "2"},
      {"validate", "--weights", "net.safetensors", "--stride", "1,,2"},
      {"validate", "--weights", "net.safetensors", "--stride", "3"},
      {"validate", "--weights", "net.safetensors", "--stride", "2x"},
      {"validate", kDescriptor, "--l2", "cold"},
      {"explain", kDescriptor, "--seed", "1"},
      {"validate", "--prefix", "layer1.0"},
      {"validate", "--weights", "net.safetensors", "--stride", "0"},
      {"validate", "--weights", "net.safetensors", "--stride", "3"},
      {"validate", "--weights", "net.safetensors", "--stride-at", "conv3"},
  };
  for (const auto& arguments : bad) {
    const Parsed parsed = parse(arguments);
    EXPECT_FALSE(parsed.command_line.options);
    EXPECT_EQ(parsed.command_line.exit_code(), kExitUsage);
    EXPECT_FALSE(parsed.err.empty());
  }
}

TEST(CommandLineOptions, EveryCommandKnowsTheModel) {
  for (const char* command : {"validate", "bench", "explain"}) {
    const Parsed parsed = parse({command, kDescriptor, "--model", "h100"});
    ASSERT_TRUE(parsed.command_line.options) << parsed.err;
    EXPECT_EQ(parsed.command_line.options->model, "h100");
  }
}

TEST(CommandLineOptions, MistakesNameTheNearest) {
  for (const auto& [wrong, right] : {std::pair{"benhc", "bench"},
                                     {"validat", "validate"},
                                     {"explian", "explain"},
                                     {"record", "record-cudnn"}}) {
    EXPECT_NE(parse({wrong, kDescriptor}).err.find(std::string("did you mean ") + right + "?"),
              std::string::npos)
        << parse({wrong, kDescriptor}).err;
  }
  const std::string seconds = parse({"bench", kDescriptor, "--seconds", "-1"}).err;
  EXPECT_NE(seconds.find("\"-1\" is no number above 0"), std::string::npos) << seconds;
}

TEST(CommandLineOptions, HelpAndVersionSucceed) {
  const Parsed help = parse({"--help"});
  EXPECT_EQ(help.command_line.exit_code(), kExitSuccess);
  EXPECT_NE(help.out.find("validate"), std::string::npos);
  const Parsed command_help = parse({"bench", "--help"});
  EXPECT_EQ(command_help.command_line.exit_code(), kExitSuccess);
  for (const char* part : {"--model", "one, two", "cudnn-separate", "mb1_ic64oc64_ih56kh3ph1"}) {
    EXPECT_NE(command_help.out.find(part), std::string::npos) << part;
  }
  const Parsed record_help = parse({"record-cudnn", "--help"});
  EXPECT_NE(record_help.out.find("--out"), std::string::npos);
  EXPECT_EQ(record_help.out.find("DESCRIPTOR"), std::string::npos) << record_help.out;
  const Parsed version = parse({"--version"});
  EXPECT_EQ(version.command_line.exit_code(), kExitSuccess);
  EXPECT_EQ(version.out, "foldconv 1.2.3\n");
}

TEST(CommandLineOptions, OfNetworks) {
  const Parsed classify = parse({"classify"});
  ASSERT_TRUE(classify.command_line.options) << classify.err;
  EXPECT_EQ(classify.command_line.options->command, Command::classify);
  EXPECT_EQ(classify.command_line.options->network.model, "efficientnet-lite0.onnx");
  EXPECT_EQ(classify.command_line.options->network.size, (Extent{224, 224}));
  const Parsed turned =
      parse({"classify", "a.jpg", "--turn", "270", "--size", "96", "--dtype", "bf16"});
  ASSERT_TRUE(turned.command_line.options) << turned.err;
  EXPECT_EQ(turned.command_line.options->network.picture, "a.jpg");
  EXPECT_EQ(turned.command_line.options->network.turn, 270);
  EXPECT_EQ(turned.command_line.options->network.size, (Extent{96, 96}));
  EXPECT_EQ(turned.command_line.options->settings.dtype, DataType::bf16);
  const Parsed run =
      parse({"run", "--input", "a.npy", "m.onnx", "--input", "b.npy", "--output", "y.npy"});
  ASSERT_TRUE(run.command_line.options) << run.err;
  EXPECT_EQ(run.command_line.options->network.model, "m.onnx");
  EXPECT_EQ(run.command_line.options->network.inputs, (std::vector<std::string>{"a.npy", "b.npy"}));
  EXPECT_EQ(run.command_line.options->network.output, "y.npy");
  const Parsed bench = parse({"bench", "--network", "m.onnx", "--size", "32x48", "--mb", "1,8"});
  ASSERT_TRUE(bench.command_line.options) << bench.err;
  EXPECT_EQ(bench.command_line.options->network.size, (Extent{32, 48}));
  EXPECT_EQ(batch_sizes_of(*bench.command_line.options), (std::vector{1, 8}));
  EXPECT_EQ(batch_sizes_of(*run.command_line.options), std::vector{1});
  for (const std::vector<const char*>& wrong :
       {std::vector<const char*>{"run", "m.onnx", "--output", "y.npy"},
        {"inspect"},
        {"classify", "--turn", "45"},
        {"validate", "--network", "m.onnx", "--no-bn"},
        {"explain", "--network", "m.onnx", kDescriptor}}) {
    const Parsed refused = parse(wrong);
    EXPECT_FALSE(refused.command_line.options) << wrong.front();
    EXPECT_EQ(refused.command_line.exit_code(), kExitUsage);
    EXPECT_NE(refused.err, "");
  }
}

}  // namespace
}  // namespace foldconv::tool
