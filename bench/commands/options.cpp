// SPDX-License-Identifier: MIT
#include "commands/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <limits>
#include <ranges>
#include <sstream>

#include "commands/commands.hpp"
#include "harness/error.hpp"
#include "harness/problem/list.hpp"
#include "measure/model.hpp"

namespace foldconv::tool {
namespace {

constexpr const char* kDescription =
    "foldconv: convolution + BatchNorm + residual + activation as one kernel, and whole networks.\n"
    "Runs trained networks; checks the kernels against an fp64 reference, measures them, tells why "
    "a "
    "kernel is chosen.";

constexpr const char* kFooter =
    R"(A DESCRIPTOR is a convolution as benchdnn writes it, here a 3x3 on 56x56 with padding 1:
  mb1_ic64oc64_ih56kh3ph1n"name"
Left out: g1, mb2, strides 1, dilations 0 (counted from 0), padding 0, width as height; an
output size (oh, ow) implies the padding that is not given.
A BLOCK is a residual block, here the first of ResNet-50's third stage and the stage itself:
  mb1_ih56iw56_ic256mid128oc512_s2n"name"  mb1_ih56_ic256mid128oc512_s2x4
Left out: mb1, width as height, s1, g1 (groups of the 3x3), x1 (blocks; those behind the first
are identity blocks); no mid: a basic block of two 3x3s. Words: v1_5 (the stride is on the 3x3,
default) or v1 (on the first 1x1), proj (a projection shortcut; implied where ic and oc differ
or the stride is 2).
Exit status: 0 success, 1 a wrong result or a failure, 2 a malformed command line, descriptor or
file.)";

template <class T>
CLI::Option* add(CLI::App& command, const std::string& option, T& value, const char* type,
                 const std::string& help) {
  return command.add_option(option, value, help)->type_name(type);
}

// An option that `parse` turns into a value; what it throws, or its Status, is the usage error.
template <class T, class Parse>
CLI::Option* add_parsed(CLI::App& command, const std::string& option, T& value, const char* type,
                        Parse parse, const std::string& help) {
  const auto parse_or_refuse = [option, &value, parse](const std::string& text) {
    try {
      if constexpr (std::is_same_v<decltype(parse(text)), Result<T>>)
        value = harness::value_of(parse(text));
      else
        value = parse(text);
    } catch (const harness::Error& error) {
      throw CLI::ValidationError(option, error.what());
    }
  };
  return command.add_option_function<std::string>(option, parse_or_refuse, help)->type_name(type);
}

// One of these words, as what it stands for: its place among them, or itself.
template <class T>
auto one_of(const std::string& what, const std::vector<std::string>& words) {
  return [what, words](const std::string& text) -> T {
    std::string known;
    for (std::size_t at = 0; at < words.size(); ++at) {
      if (words[at] == text) {
        if constexpr (std::is_enum_v<T>)
          return static_cast<T>(at);
        else
          return text;
      }
      known += (known.empty() ? "" : ", ") + words[at];
    }
    throw harness::Error(ErrorCode::invalid_argument,
                         "unknown " + what + " \"" + text + "\"; known are " + known);
  };
}

std::vector<std::string> parse_ways(const std::string& list) {
  std::vector<std::string> known, names;
  for (const harness::WayMaker& maker : all_ways())
    std::ranges::copy(maker.names, std::back_inserter(known));
  const auto parse_way = one_of<std::string>("way", known);
  std::istringstream parts(list);
  for (std::string name; std::getline(parts, name, ',');) names.push_back(parse_way(name));
  return names;
}

std::string help_of_ways() {
  std::string help = "Only these ways, with commas between: ";
  for (const harness::WayMaker& maker : all_ways()) help += maker.help + ", ";
  return help +
         "for layers and blocks alike. Default: all, direct for layers only, cuDNN's only where it "
         "runs";
}

// The known word with the most letters alike at its beginning and its end.
std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  return *std::ranges::max_element(known, {}, [&word](const std::string& other) {
    const auto begin = std::ranges::mismatch(word, other).in1 - word.begin();
    const auto end =
        std::ranges::mismatch(word | std::views::reverse, other | std::views::reverse).in1.base();
    return begin + (word.end() - end);
  });
}

std::string complaint_unless_above_zero(const std::string& text) {
  double value = 0;
  return CLI::detail::lexical_cast(text, value) && value > 0
             ? std::string()
             : "\"" + text + "\" is no number above 0";
}

CLI::Option* repeatable(CLI::Option* option) {
  return option->take_all()->expected(1)->allow_extra_args(false);
}

void add_problem_options(CLI::App& command, Options& options, const std::string& lists) {
  harness::Settings& settings = options.settings;
  add(command, "descriptors", options.descriptors, "DESCRIPTOR", "Problems");
  repeatable(add(command, "--block", options.block_descriptors, "BLOCK",
                 "Problems: residual blocks and stages"));
  repeatable(add(command, "--batch", options.batch_files, "FILE",
                 "Problems from a benchdnn batch file, or from a shipped list: " + lists));
  add_parsed(command, "--mb", options.batch_sizes, "N[,N...]", harness::parse_batch_sizes,
             "Images, instead of what the descriptors say; several: each problem with each");
  add_parsed(
      command, "--act", settings.activation, "NAME", parse_activation,
      "Activation: relu (default), none, relu6, leaky_relu, silu, sigmoid, tanh, hardswish, gelu, "
      "hard_sigmoid, clip(LOW,HIGH)");
  add(command, "--alpha", settings.activation.alpha, "X",
      "Slope of leaky_relu below 0, and of hard_sigmoid")
      ->capture_default_str();
  command.add_flag("--residual", settings.residual, "Add a tensor before the activation (layers)");
  add(command, "--kernel", settings.kernel, "NAME", "Pin a kernel by name (layers; see explain)");
}

// Of every command that computes something.
void add_device_options(CLI::App& command, Options& options) {
  add_parsed(command, "--dtype", options.settings.dtype, "TYPE", parse_data_type,
             "Storage type: f16 (default), bf16, f32");
  std::vector<std::string> models;
  for (const GpuModel& model : kModels) models.emplace_back(model.name);
  add(command, "--model", options.model, "GPU",
      "Without a GPU: emulate h100 or a100; bench prints its floor times")
      ->check(CLI::IsMember(models).description(""));
}

void add_format_option(CLI::App& command, Options& options) {
  add_parsed(command, "--format", options.format, "FORMAT",
             one_of<Format>("format", {"table", "json", "csv"}), "table (default), json, csv");
}

constexpr const char* kClassifier = "efficientnet-lite0.onnx";
constexpr const char* kModelHelp =
    "An .onnx file, a .safetensors file with a ResNet's names, or the name of one in --networks";

void add_outputs_option(CLI::App& command, NetworkSettings& network) {
  repeatable(add(command, "--outputs", network.outputs, "NAME",
                 "A tensor of an .onnx file that becomes an output, in place of its own; several: "
                 "each with --outputs"));
}

void add_networks_option(CLI::App& command, NetworkSettings& network) {
  add(command, "--networks", network.folder, "FOLDER",
      "Where bench/networks/setup.sh put trained networks")
      ->envname("FOLDCONV_NETWORKS");
}

// "224x192", or "224".
Extent parse_image_size(const std::string& text) {
  Extent size = {0, 0};
  int end = 0;
  const int read = std::sscanf(text.c_str(), "%dx%d%n", &size.h, &size.w, &end);
  if (read == 1 && text.find_first_not_of("0123456789") == std::string::npos) {
    size.w = size.h;
  } else if (read != 2 || static_cast<std::size_t>(end) != text.size()) {
    size = {0, 0};
  }
  constexpr int kMost = 1 << 16;
  if (size.h < 1 || size.w < 1 || size.h > kMost || size.w > kMost) {
    throw harness::Error(ErrorCode::invalid_argument,
                         "\"" + text + "\" is no size of images such as 224 or 256x192");
  }
  return size;
}

void add_size_option(CLI::App& command, NetworkSettings& network) {
  add_parsed(command, "--size", network.size, "HxW", parse_image_size,
             "The size of a network's images, where the model leaves it open (default 224x224)");
}

void add_network_options(CLI::App& command, NetworkSettings& network) {
  add(command, "--network", network.model, "MODEL", std::string("A whole network. ") + kModelHelp);
  add_outputs_option(command, network);
  add_size_option(command, network);
  add_networks_option(command, network);
}

void add_classify_options(CLI::App& classify, NetworkSettings& network) {
  add(classify, "picture", network.picture, "PICTURE",
      "JPEG, PNG or BMP; default: the one in --networks");
  add(classify, "--network", network.model, "MODEL", kModelHelp)->default_str(kClassifier);
  add(classify, "--turn", network.turn, "DEGREES", "Turn the picture clockwise first")
      ->check(CLI::IsMember({0, 90, 180, 270}).description(""));
  add(classify, "--classes", network.classes, "FILE",
      "Names of the classes, a line each (default: ImageNet's, of 1000 classes)");
  add_size_option(classify, network);
  add_networks_option(classify, network);
}

void add_run_options(CLI::App& run, NetworkSettings& network) {
  add(run, "model", network.model, "MODEL", kModelHelp)->required();
  repeatable(
      add(run, "--input", network.inputs, "X.npy",
          "NumPy file, as the model's input lies; several inputs: in the model's order, each "
          "with --input"))
      ->required();
  add(run, "--output", network.output, "Y.npy",
      "NumPy file to write, f32; several outputs: Y.0.npy, Y.1.npy")
      ->required();
  add_outputs_option(run, network);
  add_networks_option(run, network);
}

void add_weights_options(CLI::App& command, WeightsOptions& weights) {
  const auto positive = CLI::Range(1, std::numeric_limits<int>::max()).description("");
  CLI::Option* file = add(command, "--weights", weights.file, "FILE.safetensors",
                          "Problems: residual blocks with trained weights, out of a state dict");
  const std::vector<CLI::Option*> about_blocks = {
      add(command, "--prefix", weights.prefixes, "NAME",
          "Of a block's tensors, such as layer1.0; several: as many blocks"),
      add(command, "--stride", weights.traits.stride, "N", "Of these blocks: 1 (default) or 2")
          ->check(CLI::Range(1, 2).description("")),
      add_parsed(command, "--stride-at", weights.traits.stride_at, "NAME",
                 one_of<StrideAt>("place of the stride", {"conv1", "conv2"}),
                 "Their convolution with the stride: conv2 (default, v1.5) or conv1 (v1)"),
      add(command, "--eps", weights.traits.eps.value, "X", "Of their BatchNorms (default 1e-5)"),
      add(command, "--ih", weights.h, "N", "Height of their input (default 56)")->check(positive),
      add(command, "--iw", weights.w, "N", "Width of their input (default: as the height)")
          ->check(positive)};
  repeatable(about_blocks.front());
  for (CLI::Option* option : about_blocks) option->needs(file);
}

void add_data_options(CLI::App& command, harness::DataOptions& data) {
  command.add_flag_callback(
      "--bn", [&data] { data.batch_norm = true; },
      "With BatchNorm behind the convolution (default)");
  command.add_flag_callback(
      "--no-bn", [&data] { data.batch_norm = false; }, "Without");
  command.add_flag("--conv-bias", data.conv_bias, "With a bias of the convolution itself");
  add(command, "--seed", data.seed, "N", "Of the random data")->capture_default_str();
}

void add_bench_options(CLI::App& bench, Options& options) {
  add_parsed(bench, "--l2", options.l2, "STATE",
             one_of<std::string>("state of the L2 cache", {"cold", "warm", "both"}),
             "On a GPU: time with the L2 cache cold, warm or both (default)");
  add(bench, "--seconds", options.seconds, "X",
      "On a GPU: time each problem for so long at most (the fewest samples are taken in any case)")
      ->check(CLI::Validator(complaint_unless_above_zero, ""))
      ->capture_default_str();
  add_parsed(bench, "--impl", options.ways, "LIST", parse_ways, help_of_ways());
  add(bench, "--cudnn-engines", options.cudnn_engines, "N",
      "Of cuDNN's engines for each graph: the first N that its heuristics propose are tried, the "
      "fastest right one is shown; 0: all")
      ->capture_default_str();
}

// The first option that was given and says nothing about a network; "": none.
std::string no_option_of_networks(const CLI::App& command) {
  constexpr const char* kOfNetworks[] = {"--network", "--size",  "--networks", "--mb",
                                         "--dtype",   "--model", "--format",   "--l2",
                                         "--seconds", "--impl"};
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() > 0 && std::ranges::count(kOfNetworks, option->get_name()) == 0) {
      return option->get_name();
    }
  }
  return "";
}

}  // namespace

const char* to_string(Command command) {
  constexpr const char* kNames[] = {"classify", "run",     "inspect",     "validate",
                                    "bench",    "explain", "record-cudnn"};
  return kNames[static_cast<std::size_t>(command)];
}

std::vector<int> batch_sizes_of(const Options& options) {
  return options.batch_sizes.empty() ? std::vector{1} : options.batch_sizes;
}

CommandLine parse_command_line(int argc, const char* const* argv, const std::string& version,
                               const std::string& lists, std::ostream& out, std::ostream& err) {
  Options options;
  CLI::App app(kDescription, "foldconv");
  app.set_version_flag("--version", "foldconv " + version);
  app.require_subcommand(1);
  std::vector<std::string> commands;
  const auto add_command = [&](Command command, const std::string& help) {
    commands.emplace_back(to_string(command));
    return app.add_subcommand(commands.back(), help)->final_callback([&options, command] {
      options.command = command;
    });
  };

  CLI::App* classify =
      add_command(Command::classify,
                  "Say what is in a picture, by a trained network, beside a recorded answer");
  add_classify_options(*classify, options.network);
  CLI::App* run = add_command(Command::run, "Run a network on NumPy files");
  add_run_options(*run, options.network);
  CLI::App* inspect =
      add_command(Command::inspect, "List what of an ONNX file is not taken, or what is in it");
  add(*inspect, "model", options.network.model, "MODEL.onnx", "The file")->required();
  add_outputs_option(*inspect, options.network);
  add_networks_option(*inspect, options.network);
  CLI::App* validate = add_command(
      Command::validate, "Check what plan() takes for each problem against an fp64 reference");
  CLI::App* bench =
      add_command(Command::bench,
                  "Compare the ways to compute each problem: fused, as separate kernels, by cuDNN");
  CLI::App* explain = add_command(Command::explain,
                                  "Tell which kernels a problem gets, and why others are refused");
  for (CLI::App* command : {validate, bench, explain}) {
    command->footer(kFooter);
    add_problem_options(*command, options, lists);
    add_network_options(*command, options.network);
    add_weights_options(*command, options.weights);
    if (command != explain) add_data_options(*command, options.data);
  }
  for (CLI::App* command : {classify, run, validate, bench, explain}) {
    add_device_options(*command, options);
  }
  for (CLI::App* command : {classify, validate, bench, explain})
    add_format_option(*command, options);
  add_bench_options(*bench, options);
  CLI::App* record =
      add_command(Command::record_cudnn,
                  "Write what cuDNN computes for small problems, for the tests; needs a GPU and "
                  "cuDNN");
  add(*record, "--out", options.out, "FOLDER", "The folder to write to, such as tests/golden/cudnn")
      ->required();
  app.footer(kFooter);

  if (argc > 1 && argv[1][0] != '-' && std::ranges::count(commands, argv[1]) == 0) {
    err << "there is no command \"" << argv[1] << "\"; did you mean " << nearest(argv[1], commands)
        << "? See foldconv --help\n";
    return {std::nullopt, kExitUsage};
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked_for = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
    app.exit(error, out, err);
    return {std::nullopt, asked_for ? kExitSuccess : kExitUsage};
  }
  if (options.command == Command::classify && options.network.model.empty()) {
    options.network.model = kClassifier;
  }
  const bool takes_problems = options.command == Command::validate ||
                              options.command == Command::bench ||
                              options.command == Command::explain;
  const bool problems = !options.descriptors.empty() || !options.block_descriptors.empty() ||
                        !options.batch_files.empty() || !options.weights.file.empty();
  const bool network = !options.network.model.empty();
  if (takes_problems && !problems && !network) {
    err << "no problem given; add a descriptor such as mb1_ic64oc64_ih56kh3ph1, --block "
           "mb1_ih56_ic256mid64oc256, --weights FILE --prefix layer1.0, --batch FILE (shipped: "
        << lists << "), or --network MODEL\n";
    return {std::nullopt, kExitUsage};
  }
  if (takes_problems && network) {
    if (const std::string other = no_option_of_networks(*app.get_subcommands().front());
        !other.empty()) {
      err << other << " is about layers and blocks; leave it out, or --network\n";
      return {std::nullopt, kExitUsage};
    }
  }
  return {options, kExitSuccess};
}

}  // namespace foldconv::tool
