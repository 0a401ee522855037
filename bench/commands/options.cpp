#include "commands/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <sstream>

#include "measure/model.hpp"
#include "problems/batch_sizes.hpp"

namespace foldconv::tool {
namespace {

constexpr const char* kDescription =
    "foldconv: convolution + BatchNorm + residual + activation as one kernel.\n"
    "Checks the kernels against an fp64 reference, measures them, tells why a kernel is chosen.";

constexpr const char* kFooter =
    "A DESCRIPTOR is a convolution as benchdnn writes it, here a 3x3 on 56x56 with padding 1:\n"
    "  mb1_ic64oc64_ih56kh3ph1n\"name\"\n"
    "Left out: g1, mb2, strides 1, dilations 0 (counted from 0), padding 0, width as height; an\n"
    "output size (oh, ow) implies the padding that is not given.\n"
    "A BLOCK is a residual block, here the first of ResNet-50's third stage and the stage itself:\n"
    "  mb1_ih56iw56_ic256mid128oc512_s2n\"name\"  mb1_ih56_ic256mid128oc512_s2x4\n"
    "Left out: mb1, width as height, s1, g1 (groups of the 3x3), x1 (blocks; those behind the "
    "first\n"
    "are identity blocks); no mid: a basic block of two 3x3s. Words: v1_5 (the stride is on the "
    "3x3,\n"
    "default) or v1 (on the first 1x1), proj (a projection shortcut; implied where ic and oc "
    "differ\n"
    "or the stride is 2).\n"
    "Exit status: 0 success, 1 a wrong result or a failure, 2 a malformed command line or "
    "descriptor.";

Result<Format> parse_format(const std::string& name) {
  if (name == "table") return Format::table;
  if (name == "json") return Format::json;
  if (name == "csv") return Format::csv;
  return Status(ErrorCode::invalid_argument,
                "unknown format \"" + name + "\"; known are table, json, csv");
}

// An option that `parse` turns into a value; its error is the usage error.
template <class T, class Parse>
CLI::Option* add_named(CLI::App& command, const std::string& option, T& value, Parse parse,
                       const std::string& help) {
  return command.add_option_function<std::string>(
      option,
      [option, &value, parse](const std::string& name) {
        const Result<T> parsed = parse(name);
        if (!parsed) throw CLI::ValidationError(option, parsed.status().message());
        value = *parsed;
      },
      help);
}

// Of layers and of blocks.
constexpr const char* kImplementations[] = {
    "fused", "chain", "unfused", "whole", "tails", "planned", "separate", "cudnn", "cudnn-unfused"};

Result<std::vector<std::string>> parse_implementations(const std::string& list) {
  std::vector<std::string> names;
  std::istringstream parts(list);
  for (std::string name; std::getline(parts, name, ',');) {
    if (std::ranges::count(kImplementations, name) == 0) {
      std::string known;
      for (const char* one : kImplementations)
        known += (known.empty() ? "" : ", ") + std::string(one);
      return Status(ErrorCode::invalid_argument,
                    "unknown implementation \"" + name + "\"; known are " + known);
    }
    names.push_back(name);
  }
  return names;
}

void add_problem_options(CLI::App& command, Options& options) {
  command.add_option("descriptors", options.descriptors, "Problems")->type_name("DESCRIPTOR");
  command.add_option("--block", options.block_descriptors, "Problems: residual blocks and stages")
      ->type_name("BLOCK")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false);
  command
      .add_option("--batch", options.batch_files,
                  "Problems from a benchdnn batch file, or from a shipped list: resnet50, "
                  "resnet50_blocks, tails, groups")
      ->type_name("FILE")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false);
  add_named(command, "--mb", options.batch_sizes, parse_batch_sizes,
            "Images, instead of what the descriptors say; several: each problem with each")
      ->type_name("N[,N...]");
  add_named(command, "--dtype", options.dtype, parse_data_type,
            "Storage type: f16 (default), bf16, f32")
      ->type_name("TYPE");
  add_named(command, "--act", options.activation, parse_activation,
            "Activation: relu (default), none, relu6, leaky_relu, silu, sigmoid, tanh, hardswish, "
            "gelu")
      ->type_name("NAME");
  command.add_option("--alpha", options.alpha, "Slope of leaky_relu below 0")
      ->type_name("X")
      ->capture_default_str();
  command.add_flag("--residual", options.residual, "Add a tensor before the activation (layers)");
  command.add_option("--kernel", options.kernel, "Pin a kernel by name (layers; see explain)")
      ->type_name("NAME");
  add_named(command, "--format", options.format, parse_format, "table (default), json, csv")
      ->type_name("FORMAT");
}

Result<L2> parse_l2(const std::string& name) {
  if (name == "cold") return L2::cold;
  if (name == "warm") return L2::warm;
  if (name == "both") return L2::both;
  return Status(ErrorCode::invalid_argument,
                "unknown state of the L2 cache \"" + name + "\"; known are cold, warm, both");
}

Result<StrideAt> parse_stride_at(const std::string& name) {
  if (name == "conv1") return StrideAt::conv1;
  if (name == "conv2") return StrideAt::conv2;
  return Status(ErrorCode::invalid_argument,
                "unknown place of the stride \"" + name + "\"; known are conv1, conv2");
}

void add_weights_options(CLI::App& command, WeightsOptions& weights) {
  const auto positive = CLI::Range(1, std::numeric_limits<int>::max()).description("");
  CLI::Option* file =
      command
          .add_option("--weights", weights.file,
                      "Problems: residual blocks with trained weights, out of a state dict")
          ->type_name("FILE.safetensors");
  const auto add = [&](const std::string& name, auto& value, const std::string& help) {
    return command.add_option(name, value, help)->needs(file);
  };
  add("--prefix", weights.prefixes,
      "Of a block's tensors, such as layer1.0; several: as many blocks")
      ->type_name("NAME")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false);
  add("--stride", weights.stride, "Of these blocks: 1 (default) or 2")
      ->type_name("N")
      ->check(CLI::Range(1, 2).description(""));
  add_named(command, "--stride-at", weights.stride_at, parse_stride_at,
            "Their convolution with the stride: conv2 (default, v1.5) or conv1 (v1)")
      ->type_name("NAME")
      ->needs(file);
  add("--eps", weights.eps, "Of their BatchNorms (default 1e-5)")->type_name("X");
  add("--ih", weights.h, "Height of their input (default 56)")->type_name("N")->check(positive);
  add("--iw", weights.w, "Width of their input (default: as the height)")
      ->type_name("N")
      ->check(positive);
}

void add_data_options(CLI::App& command, Options& options) {
  command.add_flag_callback(
      "--bn", [&options] { options.batch_norm = true; },
      "With BatchNorm behind the convolution (default)");
  command.add_flag_callback(
      "--no-bn", [&options] { options.batch_norm = false; }, "Without");
  command.add_flag("--conv-bias", options.conv_bias, "With a bias of the convolution itself");
  command.add_option("--seed", options.seed, "Of the random data")
      ->type_name("N")
      ->capture_default_str();
}

void add_bench_options(CLI::App& bench, Options& options) {
  add_named(bench, "--l2", options.l2, parse_l2,
            "On a GPU: time with the L2 cache cold, warm or both (default)")
      ->type_name("STATE");
  bench
      .add_option("--seconds", options.seconds,
                  "On a GPU: time each problem for so long at most (the fewest samples are "
                  "taken in any case)")
      ->type_name("X")
      ->check(CLI::PositiveNumber.description(""))
      ->capture_default_str();
  bench
      .add_option("--model", options.model,
                  "Without a GPU: emulate h100 or a100, and print its floor times")
      ->type_name("GPU")
      ->check(CLI::IsMember(model_names()).description(""));
  add_named(bench, "--impl", options.implementations, parse_implementations,
            "Only these, with commas between. Layers: fused, chain, unfused; blocks: planned, "
            "whole, tails, chain, separate; both: cudnn (each convolution with all behind it as "
            "one graph), cudnn-unfused. Default: all; cuDNN's only where it runs")
      ->type_name("LIST");
  bench
      .add_option("--cudnn-engines", options.cudnn_engines,
                  "Of cuDNN's engines for each graph: the first N that its heuristics propose are "
                  "tried, the fastest right one is shown; 0: all")
      ->type_name("N")
      ->capture_default_str();
}

}  // namespace

const char* to_string(Command command) {
  switch (command) {
    case Command::validate:
      return "validate";
    case Command::bench:
      return "bench";
    case Command::explain:
      return "explain";
    case Command::record_cudnn:
      return "record-cudnn";
  }
  return "unknown";
}

CommandLine parse_command_line(int argc, const char* const* argv, const std::string& version,
                               std::ostream& out, std::ostream& err) {
  Options options;
  CLI::App app(kDescription, "foldconv");
  app.footer(kFooter);
  app.set_version_flag("--version", "foldconv " + version);
  app.require_subcommand(1);

  CLI::App* validate = app.add_subcommand(
      "validate", "Check the fused kernel of each problem against an fp64 reference");
  CLI::App* bench = app.add_subcommand(
      "bench", "Compare the fused kernel with the same steps as separate kernels");
  CLI::App* explain = app.add_subcommand(
      "explain", "Tell which kernel a problem gets, and why every other one is refused");
  for (CLI::App* command : {validate, bench, explain}) {
    add_problem_options(*command, options);
    add_weights_options(*command, options.weights);
    if (command != explain) add_data_options(*command, options);
  }
  add_bench_options(*bench, options);
  CLI::App* record = app.add_subcommand(
      "record-cudnn",
      "Write what cuDNN computes for small problems, for the tests; needs a GPU and cuDNN");
  record->add_option("--out", options.out, "The folder to write to, such as tests/golden/cudnn")
      ->type_name("FOLDER")
      ->required();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked_for = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
    app.exit(error, out, err);
    return {std::nullopt, asked_for ? kExitSuccess : kExitUsage};
  }
  options.command = *bench     ? Command::bench
                    : *explain ? Command::explain
                    : *record  ? Command::record_cudnn
                               : Command::validate;
  if (options.command == Command::record_cudnn) return {options, kExitSuccess};
  if (options.descriptors.empty() && options.block_descriptors.empty() &&
      options.batch_files.empty() && options.weights.file.empty()) {
    err << "no problem given; add a descriptor such as mb1_ic64oc64_ih56kh3ph1, --block "
           "mb1_ih56_ic256mid64oc256, --weights FILE --prefix layer1.0, or --batch FILE (shipped: "
           "resnet50, resnet50_blocks, resnet50_stages, tails, groups)\n";
    return {std::nullopt, kExitUsage};
  }
  return {options, kExitSuccess};
}

ConvProblem apply(const Options& options, ConvProblem geometry) {
  geometry.dtype = options.dtype;
  geometry.activation = options.activation;
  geometry.alpha = options.alpha;
  geometry.residual = options.residual;
  return geometry;
}

}  // namespace foldconv::tool
