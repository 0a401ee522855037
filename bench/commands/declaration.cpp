// SPDX-License-Identifier: MIT
#include "commands/declaration.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <limits>

#include "commands/commands.hpp"
#include "commands/exit_code.hpp"
#include "commands/option_types.hpp"
#include "harness/network/known/known.hpp"
#include "harness/problem/list.hpp"
#include "harness/words.hpp"
#include "measure/model.hpp"

namespace foldconv::tool {
namespace {

constexpr const char* kPurpose =
    "convolution + BatchNorm + residual + activation as one kernel, and whole networks";
constexpr const char* kAbout =
    "Runs trained networks; checks the kernels against an fp64 reference, measures them, tells why "
    "a "
    "kernel is chosen.";

constexpr const char* kProblems =
    R"(A DESCRIPTOR is a convolution as benchdnn writes it, here a 3x3 on 56x56 with padding 1:
  mb1_ic64oc64_ih56kh3ph1n"name"
Left out: g1, mb2, strides 1, dilations 0 (counted from 0), padding 0, width as height; an
output size (oh, ow) implies the padding that is not given.
A BLOCK is a residual block, here the first of ResNet-50's third stage and the stage itself:
  mb1_ih56iw56_ic256mid128oc512_s2n"name"  mb1_ih56_ic256mid128oc512_s2x4
Left out: mb1, width as height, s1, g1 (groups of the 3x3), x1 (blocks; those behind the first
are identity blocks); no mid: a basic block of two 3x3s. Words: v1_5 (the stride is on the 3x3,
default) or v1 (on the first 1x1), proj (a projection shortcut; implied where ic and oc differ
or the stride is 2). dw3 or dw5 makes it an inverted block: a 1x1 to mid channels (no mid: none),
a depthwise 3x3 or 5x5 with the stride, a 1x1 to oc; x is added where y has its shape:
  mb1_ih112_ic16mid96oc24_s2dw3n"name"
Its words: plain (x is not added), tf (TensorFlow's padding: the odd row of zeros last).)";

constexpr const char* kModelHelp =
    "An .onnx file, a .safetensors file with a ResNet's names, or the name of one in --networks";

// A file of such a name goes before the name.
std::string any_model_help() {
  return std::string(kModelHelp) + "; or, with seeded weights, one of " +
         harness::joined(harness::names_of_known_networks());
}

const std::vector<std::string> kDataTypes = {"f16", "bf16", "f32"};
const std::vector<std::string> kInstructions = {"automatic", "sm80", "sm90"};
const std::vector<std::string> kFormats = {"table", "json", "csv"};
const std::vector<std::string> kColorings = {"auto", "always", "never"};
const std::vector<std::string> kShells = {"bash", "zsh", "fish"};
const Values kModelFiles = {.files = true, .endings = {".onnx", ".safetensors"}};

Values any_models() {
  Values values = kModelFiles;
  values.words = harness::names_of_known_networks();
  return values;
}

std::vector<std::string> names_of_ways() {
  std::vector<std::string> names;
  for (const harness::WayMaker& maker : all_ways())
    std::ranges::copy(maker.names, std::back_inserter(names));
  return names;
}

std::vector<std::string> parse_ways(const std::string& list) {
  std::vector<std::string> names;
  const auto parse_way = one_of<std::string>("way", names_of_ways());
  for (const std::string& name : harness::words_between_commas(list))
    names.push_back(parse_way(name));
  return names;
}

std::string help_of_ways() {
  std::string help = "Only these ways, with commas between: ";
  for (const harness::WayMaker& maker : all_ways()) help += maker.help + ", ";
  return help +
         "for layers and blocks alike. Default: all, direct for layers only, cuDNN's only where it "
         "runs";
}

std::vector<std::string> names_of_activations() {
  std::vector<std::string> names;
  names.reserve(kActivationCount);
  for (int kind = 0; kind < kActivationCount; ++kind)
    names.emplace_back(to_string(static_cast<Activation::Kind>(kind)));
  return names;
}

std::vector<std::string> names_of_gpus() {
  std::vector<std::string> names;
  for (const GpuModel& model : kModels) names.emplace_back(model.name);
  return names;
}

std::string complaint_unless_above_zero(const std::string& text) {
  double value = 0;
  return CLI::detail::lexical_cast(text, value) && value > 0
             ? std::string()
             : "\"" + text + "\" is no number above 0";
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

CLI::Option* repeatable(CLI::Option* option) {
  return option->take_all()->expected(1)->allow_extra_args(false);
}

int parse_stride(const std::string& text) {
  if (text == "1" || text == "2") return text.front() - '0';
  throw harness::Error(ErrorCode::invalid_argument, "\"" + text + "\" is no stride; give 1 or 2");
}

// With commas between, or as often as it is given. `parse`: of a word. A comma too many is a usage error.
template <class T, class Parse>
CLI::Option* add_several(CLI::App& command, const std::string& option, std::vector<T>& values,
                         const char* type, Parse parse, const std::string& help) {
  const auto parse_or_refuse = [option, &values, parse](const std::vector<std::string>& lists) {
    try {
      for (const std::string& list : lists)
        for (const std::string& word : harness::words_between_commas(list))
          values.push_back(parse(word));
    } catch (const harness::Error& error) {
      throw CLI::ValidationError(option, error.what());
    }
  };
  return repeatable(
      command.add_option_function<std::vector<std::string>>(option, parse_or_refuse, help)
          ->type_name(type));
}

}  // namespace

CLI::Option* Declaration::takes(CLI::Option* option, const Values& values) {
  values_[option] = values;
  return option;
}

void Declaration::add_problem_options(CLI::App& command) {
  harness::Settings& settings = options_.settings;
  add(command, "descriptors", options_.descriptors, "DESCRIPTOR", "Problems");
  repeatable(add(command, "--block", options_.block_descriptors, "BLOCK",
                 "Problems: residual and inverted blocks, and stages"));
  repeatable(takes(add(command, "--batch", options_.batch_files, "FILE",
                       "Problems from a benchdnn batch file, or from a shipped list: " +
                           harness::joined(names_.lists)),
                   {.words = names_.lists, .files = true}));
  add_parsed(command, "--mb", options_.batch_sizes, "N[,N...]", harness::parse_batch_sizes,
             "Images, instead of what the descriptors say; several: each problem with each");
  const std::vector<std::string> activations = names_of_activations();
  takes(add_parsed(command, "--act", settings.activation, "NAME",
                   meant_as(parse_activation, activations),
                   "Activation: relu (default), none, relu6, leaky_relu, silu, sigmoid, tanh, "
                   "hardswish, gelu, "
                   "hard_sigmoid, clip(LOW,HIGH)"),
        {.words = activations});
  add(command, "--alpha", settings.activation.alpha, "X",
      "Slope of leaky_relu below 0, and of hard_sigmoid")
      ->capture_default_str();
  command.add_flag("--residual", settings.residual, "Add a tensor before the activation (layers)");
  takes(add_parsed(
            command, "--kernel", options_.kernels, "NAME[,NAME...]", harness::words_between_commas,
            "Pin a kernel by name (layers; see explain); several names, or a pattern such as "
            "'conv_1x1_f16_*': compare these kernels, the others with the first"),
        {.words = names_.kernels, .several = true});
}

// Of every command that computes something.
void Declaration::add_device_options(CLI::App& command) {
  takes(add_parsed(command, "--dtype", options_.settings.dtype, "TYPE",
                   meant_as(parse_data_type, kDataTypes), "Storage type: f16 (default), bf16, f32"),
        {.words = kDataTypes});
  takes(add_parsed(command, "--instructions", options_.settings.instructions, "NAME",
                   meant_as(parse_instructions, kInstructions),
                   "Of convolutions on tensor cores: automatic (default; sm80 until a chip has "
                   "confirmed sm90), sm80 (mma), sm90 (wgmma: compute capability 9.0 alone)"),
        {.words = kInstructions});
  takes(add_parsed(command, "--model", options_.model, "GPU",
                   one_of<std::string>("GPU", names_of_gpus()),
                   "Without a GPU: emulate h100 or a100; bench prints its floor times"),
        {.words = names_of_gpus()});
}

void Declaration::add_format_option(CLI::App& command) {
  takes(add_parsed(command, "--format", options_.format, "FORMAT",
                   one_of<Format>("format", kFormats), "table (default), json, csv"),
        {.words = kFormats});
}

void Declaration::add_color_option(CLI::App& command) {
  takes(add_parsed(command, "--color", options_.coloring, "WHEN",
                   one_of<Coloring>("choice of colour", kColorings),
                   "Colour in tables and messages: auto (default: on a terminal, unless NO_COLOR "
                   "is set), always, never"),
        {.words = kColorings});
}

void Declaration::add_outputs_option(CLI::App& command) {
  repeatable(add(command, "--outputs", options_.network.outputs, "NAME",
                 "A tensor of an .onnx file that becomes an output, in place of its own; several: "
                 "each with --outputs"));
}

void Declaration::add_networks_option(CLI::App& command) {
  takes(add(command, "--networks", options_.network.folder, "FOLDER",
            "Where bench/networks/setup.sh put trained networks")
            ->envname("FOLDCONV_NETWORKS"),
        {.folders = true});
}

void Declaration::add_size_option(CLI::App& command) {
  add_parsed(command, "--size", options_.network.size, "HxW", parse_image_size,
             "The size of a network's images, where the model leaves it open (default 224x224)");
}

void Declaration::add_network_options(CLI::App& command) {
  takes(add(command, "--network", options_.network.model, "MODEL",
            "A whole network. " + any_model_help()),
        any_models());
  add_outputs_option(command);
  add_size_option(command);
  add_networks_option(command);
}

void Declaration::add_classify_options(CLI::App& classify) {
  NetworkSettings& network = options_.network;
  takes(add(classify, "picture", network.picture, "PICTURE",
            "JPEG, PNG or BMP; default: the one in --networks"),
        {.files = true, .endings = {".jpg", ".jpeg", ".png", ".bmp"}});
  takes(add(classify, "--network", network.model, "MODEL", kModelHelp)->default_str(kClassifier),
        kModelFiles);
  takes(add(classify, "--turn", network.turn, "DEGREES", "Turn the picture clockwise first")
            ->check(CLI::IsMember({0, 90, 180, 270}).description("")),
        {.words = {"0", "90", "180", "270"}});
  takes(add(classify, "--classes", network.classes, "FILE",
            "Names of the classes, a line each (default: ImageNet's, of 1000 classes)"),
        {.files = true});
  add_size_option(classify);
  add_networks_option(classify);
}

void Declaration::add_run_options(CLI::App& run) {
  NetworkSettings& network = options_.network;
  const Values arrays = {.files = true, .endings = {".npy"}};
  takes(add(run, "model", network.model, "MODEL", any_model_help())->required(), any_models());
  repeatable(
      takes(add(run, "--input", network.inputs, "X.npy",
                "NumPy file, as the model's input lies; several inputs: in the model's order, each "
                "with --input"),
            arrays))
      ->required();
  takes(add(run, "--output", network.output, "Y.npy",
            "NumPy file to write, f32; several outputs: Y.0.npy, Y.1.npy")
            ->required(),
        arrays);
  add_outputs_option(run);
  add_networks_option(run);
}

void Declaration::add_weights_options(CLI::App& command) {
  WeightsOptions& weights = options_.weights;
  const std::vector<std::string> places = {"conv1", "conv2"};
  const auto positive = CLI::Range(1, std::numeric_limits<int>::max()).description("");
  CLI::Option* file = takes(add(command, "--weights", weights.file, "FILE.safetensors",
                                "Problems: residual blocks and stages with trained weights, out "
                                "of a state dict"),
                            {.files = true, .endings = {".safetensors"}});
  const std::vector<CLI::Option*> about_blocks = {
      add_several(
          command, "--prefix", weights.prefixes, "NAME[,NAME...]", std::identity(),
          "Of a block's tensors, such as layer1.0, or of a stage's, such as layer1: all its "
          "blocks as one run; several: as many problems"),
      takes(add_several(command, "--stride", weights.strides, "N[,N...]", parse_stride,
                        "1 or 2, for each of their blocks with a downsample, in order; the others "
                        "have 1"),
            {.words = {"1", "2"}, .several = true}),
      takes(add_parsed(command, "--stride-at", weights.stride_at, "NAME",
                       one_of<StrideAt>("place of the stride", places),
                       "Their convolution with the stride: conv2 (default, v1.5) or conv1 (v1)"),
            {.words = places}),
      add(command, "--eps", weights.eps.value, "X", "Of their BatchNorms (default 1e-5)"),
      add(command, "--ih", weights.h, "N",
          "Height of the first one's input (default 56); the others' follow from its output")
          ->check(positive),
      add(command, "--iw", weights.w, "N", "Its width (default: as the height)")->check(positive)};
  for (CLI::Option* option : about_blocks) option->needs(file);
}

void Declaration::add_data_options(CLI::App& command) {
  harness::DataOptions& data = options_.data;
  command.add_flag_callback(
      "--bn", [&data] { data.batch_norm = true; },
      "With BatchNorm behind the convolution (default)");
  command.add_flag_callback(
      "--no-bn", [&data] { data.batch_norm = false; }, "Without");
  command.add_flag("--conv-bias", data.conv_bias, "With a bias of the convolution itself");
  add(command, "--seed", data.seed, "N", "Of the random data")->capture_default_str();
}

void Declaration::add_bench_options(CLI::App& bench) {
  const std::vector<std::string> states = {"cold", "warm", "both"};
  takes(add_parsed(bench, "--l2", options_.l2, "STATE",
                   one_of<std::string>("state of the L2 cache", states),
                   "On a GPU: time with the L2 cache cold, warm or both (default)"),
        {.words = states});
  add(bench, "--seconds", options_.seconds, "X",
      "On a GPU: time each problem for so long at most (the fewest samples are taken in any case)")
      ->check(CLI::Validator(complaint_unless_above_zero, ""))
      ->capture_default_str();
  takes(add_parsed(bench, "--impl", options_.ways, "LIST", parse_ways, help_of_ways()),
        {.words = names_of_ways(), .several = true});
  add(bench, "--cudnn-engines", options_.cudnn_engines, "N",
      "Of cuDNN's engines for each graph: the first N that its heuristics propose are tried, the "
      "fastest right one is shown; 0: all")
      ->capture_default_str();
}

CLI::App* Declaration::add_command(Command command, const std::string& help) {
  return app_.add_subcommand(to_string(command), help)->final_callback([this, command] {
    options_.command = command;
  });
}

Declaration::Declaration(Options& options, const Names& names)
    : options_(options),
      names_(names),
      app_(std::string("foldconv: ") + kPurpose + ".\n" + kAbout, "foldconv") {
  app_.set_version_flag("--version", names.version);
  app_.require_subcommand(1);
  CLI::App* classify =
      add_command(Command::classify,
                  "Say what is in a picture, by a trained network, beside a recorded answer");
  add_classify_options(*classify);
  CLI::App* run = add_command(Command::run, "Run a network on NumPy files");
  add_run_options(*run);
  CLI::App* inspect =
      add_command(Command::inspect, "List what of an ONNX file is not taken, or what is in it");
  takes(add(*inspect, "model", options.network.model, "MODEL.onnx", "The file")->required(),
        {.files = true, .endings = {".onnx"}});
  add_outputs_option(*inspect);
  add_networks_option(*inspect);
  CLI::App* validate = add_command(
      Command::validate, "Check what plan() takes for each problem against an fp64 reference");
  CLI::App* bench =
      add_command(Command::bench,
                  "Compare the ways to compute each problem: fused, as separate kernels, by cuDNN");
  CLI::App* explain = add_command(Command::explain,
                                  "Tell which kernels a problem gets, and why others are refused");
  for (CLI::App* command : {validate, bench, explain}) {
    add_problem_options(*command);
    add_network_options(*command);
    add_weights_options(*command);
    if (command != explain) add_data_options(*command);
  }
  for (CLI::App* command : {classify, run, validate, bench, explain}) add_device_options(*command);
  for (CLI::App* command : {classify, validate, bench, explain}) add_format_option(*command);
  add_bench_options(*bench);
  CLI::App* record =
      add_command(Command::record_cudnn,
                  "Write what cuDNN computes for small problems, for the tests; needs a GPU and "
                  "cuDNN");
  takes(add(*record, "--out", options.out, "FOLDER",
            "The folder to write to, such as tests/golden/cudnn")
            ->required(),
        {.folders = true});
  CLI::App* completion = app_.add_subcommand(
      "completion",
      "Write what a shell must know to complete these words: source <(foldconv completion bash)");
  takes(add_parsed(*completion, "shell", shell_, "SHELL", one_of<std::string>("shell", kShells),
                   "bash, zsh or fish")
            ->required(),
        {.words = kShells});
  manual_ = app_.add_subcommand("manual", "Write the manual page: foldconv manual | man -l -");

  add_color_option(app_);
  for (CLI::App* command : {classify, run, inspect, validate, bench, explain, record}) {
    add_color_option(*command);
  }
  const std::string footer = exit_codes_text();
  for (CLI::App* command : app_.get_subcommands({})) command->footer(footer);
  for (CLI::App* command : {&app_, validate, bench, explain}) {
    command->footer(std::string(kProblems) + "\n" + footer);
  }
}

std::vector<OptionDescription> Declaration::options_of(const CLI::App& command) const {
  std::vector<OptionDescription> described;
  for (const CLI::Option* option : command.get_options()) {
    const bool flag = option->get_expected_max() == 0;
    const bool all = option->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
    const auto found = values_.find(option);
    described.push_back({.name = option->get_positional() || option->get_lnames().empty()
                                     ? ""
                                     : "--" + option->get_lnames().front(),
                         .type = flag ? "" : option->get_type_name(),
                         .help = option->get_description(),
                         .otherwise = option->get_default_str(),
                         .required = option->get_required(),
                         .repeatable = !flag && (all || option->get_expected_max() > 1),
                         .values = found == values_.end() ? Values() : found->second});
  }
  return described;
}

ToolDescription Declaration::description() const {
  ToolDescription tool{.name = app_.get_name(),
                       .version = names_.number,
                       .purpose = kPurpose,
                       .about = kAbout,
                       .options = options_of(app_),
                       .commands = {},
                       .problems = kProblems,
                       .exit_codes = {}};
  for (const CLI::App* command : app_.get_subcommands({})) {
    tool.commands.push_back(
        {command->get_name(), command->get_description(), options_of(*command)});
  }
  for (const auto& [code, meaning] : kExitCodes) tool.exit_codes.emplace_back(meaning);
  return tool;
}

}  // namespace foldconv::tool
