// SPDX-License-Identifier: MIT
#include "commands/options.hpp"

#include <algorithm>

#include "commands/declaration.hpp"
#include "harness/words.hpp"
#include "manual/completion.hpp"
#include "manual/man_page.hpp"
#include "report/text.hpp"

namespace foldconv::tool {
namespace {

// The first option that was given and says nothing about a network; "": none.
std::string no_option_of_networks(const CLI::App& command) {
  constexpr const char* kOfNetworks[] = {"--network", "--size",         "--networks", "--mb",
                                         "--dtype",   "--instructions", "--model",    "--format",
                                         "--l2",      "--seconds",      "--impl",     "--color"};
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() > 0 && std::ranges::count(kOfNetworks, option->get_name()) == 0) {
      return option->get_name();
    }
  }
  return "";
}

std::vector<std::string> options_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

bool has_option(const CLI::App& command, const std::string& name) {
  return std::ranges::count(options_of(command), name) > 0;
}

// Of a word that `command` does not take: which it may be, or who takes it.
std::string complaint_about(const std::string& word, const CLI::App& app, const CLI::App& command) {
  const std::string title = command.get_name();
  if (!word.starts_with("-")) return title + " takes no \"" + word + "\"; leave it out";
  const std::string option = word.substr(0, word.find('='));
  const std::string meant = harness::did_you_mean(option, options_of(command));
  std::vector<std::string> others;
  for (const CLI::App* other : app.get_subcommands({})) {
    if (has_option(*other, option)) others.push_back(other->get_name());
  }
  const std::string text = title + " has no option " + option;
  if (others.empty()) return text + meant;
  if (&command == &app) return text + " of its own; write it behind the command";
  return text + "; it is an option of " + harness::joined(others);
}

// What is wrong, CLI11's words only where there are none of ours.
std::string complaint_about(const CLI::ParseError& error, const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  const CLI::App& command = parsed.empty() ? app : *parsed.front();
  for (const CLI::App* reader : {&app, &command}) {
    for (const std::string& word : reader->remaining()) {
      if (word.starts_with("-")) return complaint_about(word, app, *reader);
    }
  }
  const std::vector<std::string> rest = app.remaining(true);
  if (!parsed.empty())
    return rest.empty() ? error.what() : complaint_about(rest.front(), app, command);

  std::vector<std::string> commands;
  for (const CLI::App* one : app.get_subcommands({})) commands.push_back(one->get_name());
  const std::string known = "; there are " + harness::joined(commands);
  if (!rest.empty()) {
    const std::string meant = harness::did_you_mean(rest.front(), commands);
    return "there is no command \"" + rest.front() + "\"" + (meant.empty() ? known : meant);
  }
  const bool none = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  return none ? "no command given" + known : error.what();
}

// As far as it was read: a complaint has its colour, too.
Coloring coloring_of(const CLI::App& app, const Options& options) {
  std::vector<const CLI::App*> read = {&app};
  for (const CLI::App* command : app.get_subcommands()) read.push_back(command);
  Coloring coloring = options.coloring;
  for (const CLI::App* command : read) {
    const CLI::Option* option = command->get_option_no_throw("--color");
    if (option == nullptr || option->count() == 0) continue;
    const std::string& given = option->results().back();
    if (given == "always") coloring = Coloring::always;
    if (given == "never") coloring = Coloring::never;
  }
  return coloring;
}

std::string completion_for(const std::string& shell, const ToolDescription& tool) {
  if (shell == "bash") return bash_completion(tool);
  return shell == "zsh" ? zsh_completion(tool) : fish_completion(tool);
}

// What is missing, or does not go together; "": nothing.
std::string complaint_about(const Options& options, const CLI::App& command, const Names& names) {
  const bool takes_problems = options.command == Command::validate ||
                              options.command == Command::bench ||
                              options.command == Command::explain;
  if (!takes_problems) return "";
  const bool problems = !options.descriptors.empty() || !options.block_descriptors.empty() ||
                        !options.batch_files.empty() || !options.weights.file.empty();
  const bool network = !options.network.model.empty();
  if (!problems && !network) {
    return "no problem given; add a descriptor such as mb1_ic64oc64_ih56kh3ph1, --block "
           "mb1_ih56_ic256mid64oc256, --weights FILE --prefix layer1.0, --batch FILE (shipped: " +
           harness::joined(names.lists) + "), or --network MODEL";
  }
  const std::string other = network ? no_option_of_networks(command) : "";
  return other.empty() ? "" : other + " is about layers and blocks; leave it out, or --network";
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

CommandLine parse_command_line(int argc, const char* const* argv, const Names& names) {
  Options options;
  Declaration declaration(options, names);
  CLI::App& app = declaration.app();
  CommandLine result;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    result.coloring = coloring_of(app, options);
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      std::ostringstream out;
      app.exit(error, out, out);
      result.answer = out.str();
    } else {
      const auto parsed = app.get_subcommands();
      const std::string command = parsed.empty() ? "" : " " + parsed.front()->get_name();
      result.complaint =
          without_controls(complaint_about(error, app)) + "\nSee foldconv" + command + " --help";
    }
    return result;
  }
  result.coloring = options.coloring;
  if (!declaration.shell().empty()) {
    result.answer = completion_for(declaration.shell(), declaration.description());
  } else if (declaration.wants_manual()) {
    result.answer = man_page(declaration.description());
  } else {
    if (options.command == Command::classify && options.network.model.empty()) {
      options.network.model = kClassifier;
    }
    result.complaint = complaint_about(options, *app.get_subcommands().front(), names);
    if (result.complaint.empty()) result.options = options;
  }
  return result;
}

}  // namespace foldconv::tool
