// SPDX-License-Identifier: MIT
#include "commands/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <sstream>

#include "commands/ways.hpp"
#include "harness/error.hpp"
#include "harness/problem/list.hpp"
#include "measure/model.hpp"
#include "report/text.hpp"

namespace foldconv::tool {
namespace {

using harness::value_of;

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

// An option that `parse` turns into a value; what it throws is the usage error.
template <class T, class Parse>
CLI::Option* add_parsed(CLI::App& command, const std::string& option, T& value, Parse parse,
                        const std::string& help) {
  return command.add_option_function<std::string>(
      option,
      [option, &value, parse](const std::string& text) {
        try {
          value = parse(text);
        } catch (const harness::Error& error) {
          throw CLI::ValidationError(option, error.what());
        }
      },
      help);
}

// One of these words.
template <class T>
auto one_of(const std::string& what, std::vector<std::pair<std::string, T>> words) {
  return [what, words](const std::string& text) {
    std::string known;
    for (const auto& [word, value] : words) {
      if (word == text) return value;
      known += (known.empty() ? "" : ", ") + word;
    }
    throw harness::Error(ErrorCode::invalid_argument,
                         "unknown " + what + " \"" + text + "\"; known are " + known);
  };
}

std::vector<std::string> parse_ways(const std::string& list) {
  const std::vector<std::string> known = names_of(all_ways({}));
  std::vector<std::pair<std::string, std::string>> words;
  for (const std::string& name : known) words.emplace_back(name, name);
  std::vector<std::string> names;
  std::istringstream parts(list);
  for (std::string name; std::getline(parts, name, ',');) {
    names.push_back(one_of("way", words)(name));
  }
  return names;
}

std::string help_of_ways() {
  std::string help = "Only these ways, with commas between: ";
  for (const harness::WayMaker& maker : all_ways({})) help += maker.help + ", ";
  return help +
         "for layers and blocks alike. Default: all, direct for layers only, cuDNN's only where it "
         "runs";
}

// The known word that differs in the fewest letters.
std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  const auto distance = [&word](const std::string& other) {
    if (other.starts_with(word)) return std::size_t{0};
    std::vector<std::size_t> row(other.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 0; i < word.size(); ++i) {
      std::size_t diagonal = std::exchange(row[0], i + 1);
      for (std::size_t j = 0; j < other.size(); ++j) {
        const std::size_t replaced = diagonal + (word[i] == other[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
      }
    }
    return row.back();
  };
  return *std::ranges::min_element(known, {}, distance);
}

CLI::Validator above_zero() {
  return CLI::Validator(
      [](const std::string& text) {
        double value = 0;
        return CLI::detail::lexical_cast(text, value) && value > 0
                   ? std::string()
                   : "\"" + text + "\" is no number above 0";
      },
      "");
}

CLI::Option* repeatable(CLI::Option* option) {
  return option->take_all()->expected(1)->allow_extra_args(false);
}

void add_problem_options(CLI::App& command, Options& options, const std::string& lists) {
  harness::Settings& settings = options.settings;
  command.add_option("descriptors", options.descriptors, "Problems")->type_name("DESCRIPTOR");
  repeatable(
      command
          .add_option("--block", options.block_descriptors, "Problems: residual blocks and stages")
          ->type_name("BLOCK"));
  repeatable(
      command
          .add_option("--batch", options.batch_files,
                      "Problems from a benchdnn batch file, or from a shipped list: " + lists)
          ->type_name("FILE"));
  add_parsed(command, "--mb", options.batch_sizes, harness::parse_batch_sizes,
             "Images, instead of what the descriptors say; several: each problem with each")
      ->type_name("N[,N...]");
  add_parsed(
      command, "--dtype", settings.dtype,
      [](const std::string& name) { return value_of(parse_data_type(name)); },
      "Storage type: f16 (default), bf16, f32")
      ->type_name("TYPE");
  add_parsed(
      command, "--act", settings.activation,
      [](const std::string& name) { return value_of(parse_activation(name)); },
      "Activation: relu (default), none, relu6, leaky_relu, silu, sigmoid, tanh, hardswish, gelu")
      ->type_name("NAME");
  command.add_option("--alpha", settings.activation.alpha, "Slope of leaky_relu below 0")
      ->type_name("X")
      ->capture_default_str();
  command.add_flag("--residual", settings.residual, "Add a tensor before the activation (layers)");
  command.add_option("--kernel", settings.kernel, "Pin a kernel by name (layers; see explain)")
      ->type_name("NAME");
  command
      .add_option("--model", options.model,
                  "Without a GPU: emulate h100 or a100; bench prints its floor times")
      ->type_name("GPU")
      ->check(CLI::IsMember(model_names()).description(""));
  add_parsed(
      command, "--format", options.format,
      one_of<Format>("format",
                     {{"table", Format::table}, {"json", Format::json}, {"csv", Format::csv}}),
      "table (default), json, csv")
      ->type_name("FORMAT");
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
  repeatable(add("--prefix", weights.prefixes,
                 "Of a block's tensors, such as layer1.0; several: as many blocks")
                 ->type_name("NAME"));
  add("--stride", weights.traits.stride, "Of these blocks: 1 (default) or 2")
      ->type_name("N")
      ->check(CLI::Range(1, 2).description(""));
  add_parsed(command, "--stride-at", weights.traits.stride_at,
             one_of<StrideAt>("place of the stride",
                              {{"conv1", StrideAt::conv1}, {"conv2", StrideAt::conv2}}),
             "Their convolution with the stride: conv2 (default, v1.5) or conv1 (v1)")
      ->type_name("NAME")
      ->needs(file);
  add("--eps", weights.traits.eps.value, "Of their BatchNorms (default 1e-5)")->type_name("X");
  add("--ih", weights.h, "Height of their input (default 56)")->type_name("N")->check(positive);
  add("--iw", weights.w, "Width of their input (default: as the height)")
      ->type_name("N")
      ->check(positive);
}

void add_data_options(CLI::App& command, harness::DataOptions& data) {
  command.add_flag_callback(
      "--bn", [&data] { data.batch_norm = true; },
      "With BatchNorm behind the convolution (default)");
  command.add_flag_callback(
      "--no-bn", [&data] { data.batch_norm = false; }, "Without");
  command.add_flag("--conv-bias", data.conv_bias, "With a bias of the convolution itself");
  command.add_option("--seed", data.seed, "Of the random data")
      ->type_name("N")
      ->capture_default_str();
}

void add_bench_options(CLI::App& bench, Options& options) {
  add_parsed(bench, "--l2", options.l2,
             one_of<L2>("state of the L2 cache",
                        {{"cold", L2::cold}, {"warm", L2::warm}, {"both", L2::both}}),
             "On a GPU: time with the L2 cache cold, warm or both (default)")
      ->type_name("STATE");
  bench
      .add_option("--seconds", options.seconds,
                  "On a GPU: time each problem for so long at most (the fewest samples are "
                  "taken in any case)")
      ->type_name("X")
      ->check(above_zero())
      ->capture_default_str();
  add_parsed(bench, "--impl", options.ways, parse_ways, help_of_ways())->type_name("LIST");
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

const char* to_string(L2 l2) {
  switch (l2) {
    case L2::cold:
      return "cold";
    case L2::warm:
      return "warm";
    case L2::both:
      return "both";
  }
  return "unknown";
}

CommandLine parse_command_line(int argc, const char* const* argv, const std::string& version,
                               const std::string& lists, std::ostream& out, std::ostream& err) {
  Options options;
  CLI::App app(kDescription, "foldconv");
  app.set_version_flag("--version", "foldconv " + version);
  app.require_subcommand(1);

  CLI::App* validate = app.add_subcommand(
      "validate", "Check what plan() takes for each problem against an fp64 reference");
  CLI::App* bench = app.add_subcommand(
      "bench", "Compare the ways to compute each problem: fused, as separate kernels, by cuDNN");
  CLI::App* explain = app.add_subcommand(
      "explain", "Tell which kernels a problem gets, and why others are refused");
  for (CLI::App* command : {validate, bench, explain}) {
    command->footer(kFooter);
    add_problem_options(*command, options, lists);
    add_weights_options(*command, options.weights);
    if (command != explain) add_data_options(*command, options.data);
  }
  add_bench_options(*bench, options);
  CLI::App* record = app.add_subcommand(
      "record-cudnn",
      "Write what cuDNN computes for small problems, for the tests; needs a GPU and cuDNN");
  record->add_option("--out", options.out, "The folder to write to, such as tests/golden/cudnn")
      ->type_name("FOLDER")
      ->required();
  app.footer(kFooter);

  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    commands.push_back(command->get_name());
  }
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
  options.command = *bench     ? Command::bench
                    : *explain ? Command::explain
                    : *record  ? Command::record_cudnn
                               : Command::validate;
  const bool problems = !options.descriptors.empty() || !options.block_descriptors.empty() ||
                        !options.batch_files.empty() || !options.weights.file.empty();
  if (options.command != Command::record_cudnn && !problems) {
    err << "no problem given; add a descriptor such as mb1_ic64oc64_ih56kh3ph1, --block "
           "mb1_ih56_ic256mid64oc256, --weights FILE --prefix layer1.0, or --batch FILE (shipped: "
        << lists << ")\n";
    return {std::nullopt, kExitUsage};
  }
  return {options, kExitSuccess};
}

}  // namespace foldconv::tool
