#include <algorithm>

#include "commands/commands.hpp"
#include "tool_version.hpp"

namespace foldconv::tool {
namespace {

constexpr int kMaxLabelWidth = 32;

std::string layer(const Options& options) {
  std::string text = options.conv_bias ? "conv + bias" : "conv";
  if (options.batch_norm && options.command != Command::explain) text += " + BatchNorm";
  if (options.residual) text += " + residual";
  if (options.activation != Activation::none) {
    text += std::string(" + ") + to_string(options.activation);
  }
  return text;
}

}  // namespace

Fields heading_fields(const Options& options, const Device& device) {
  return {{"command", std::string(to_string(options.command))},
          {"version", std::string(kToolVersion)},
          {"git", *kGitDescription != '\0' ? Value(std::string(kGitDescription)) : Value()},
          {"device", device.name},
          {"emulated", device.emulated},
          {"dtype", std::string(to_string(options.dtype))},
          {"layer", layer(options)},
          {"seed", static_cast<std::int64_t>(options.seed)}};
}

std::vector<std::string> heading_lines(const Options& options, const Device& device) {
  return {std::string("foldconv ") + kToolVersion + " " + to_string(options.command) + ": " +
          to_string(options.dtype) + ", " + layer(options) + "; " + device.name};
}

std::string counted(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

int label_width(const ProblemList& list) {
  std::size_t width = std::string("problem").size();  // the column's title
  for (const Descriptor& problem : list.problems) width = std::max(width, label(problem).size());
  for (const BlockDescriptor& block : list.blocks) width = std::max(width, label(block).size());
  return std::min(static_cast<int>(width), kMaxLabelWidth);
}

}  // namespace foldconv::tool
