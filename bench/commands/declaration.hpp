// SPDX-License-Identifier: MIT
// What there is on the command line: CLI11's description, and of values what CLI11 does not know.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

#include "commands/options.hpp"
#include "manual/description.hpp"

namespace foldconv::tool {

// The network of classify, unless another one is named.
inline constexpr const char* kClassifier = "efficientnet-lite0.onnx";

class Declaration {
 public:
  // Parsing writes to `options`.
  Declaration(Options& options, const Names& names);

  CLI::App& app() { return app_; }
  // The shell of `foldconv completion`; "": another command.
  const std::string& shell() const { return shell_; }
  bool wants_manual() const { return manual_->parsed(); }

  ToolDescription description() const;

 private:
  CLI::App* add_command(Command command, const std::string& help);
  CLI::Option* takes(CLI::Option* option, const Values& values);

  void add_problem_options(CLI::App& command);
  void add_device_options(CLI::App& command);
  void add_format_option(CLI::App& command);
  void add_outputs_option(CLI::App& command);
  void add_networks_option(CLI::App& command);
  void add_size_option(CLI::App& command);
  void add_network_options(CLI::App& command);
  void add_classify_options(CLI::App& classify);
  void add_run_options(CLI::App& run);
  void add_weights_options(CLI::App& command);
  void add_data_options(CLI::App& command);
  void add_bench_options(CLI::App& bench);
  void add_color_option(CLI::App& command);

  std::vector<OptionDescription> options_of(const CLI::App& command) const;

  Options& options_;
  const Names& names_;
  std::string shell_;
  CLI::App app_;
  CLI::App* manual_ = nullptr;
  std::map<const CLI::Option*, Values> values_;
};

}  // namespace foldconv::tool
