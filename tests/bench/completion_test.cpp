// SPDX-License-Identifier: MIT
// What shells complete, asked of the shells; and the manual page, asked of groff. What there is to complete is read
// from the help, which is CLI11's.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "foldconv/kernel_list.hpp"
#include "harness/files.hpp"
#include "started_tool.hpp"

namespace foldconv {
namespace {

using test::foldconv;
using test::has;
using test::Outcome;
using test::quoted;
using test::shell;

using Words = std::set<std::string>;

const std::vector<std::string> kCommands = {"classify",     "run",        "inspect",
                                            "validate",     "bench",      "explain",
                                            "record-cudnn", "completion", "manual"};

// The options in a command's help, --help among them.
Words options_in_help(const std::string& command) {
  const std::string help = foldconv(command + " --help").out;
  Words options;
  const std::regex option("\n  (?:-h,)?(--[a-z0-9-]+)");
  for (std::sregex_iterator at(help.begin(), help.end(), option), end; at != end; ++at) {
    options.insert((*at)[1]);
  }
  return options;
}

bool is_there(const std::string& program) {
  return shell("command -v " + program + " >/dev/null").exit_code == 0;
}

// A folder with a script of the shell's, and files of all kinds in folder/files.
std::filesystem::path folder_with(const std::string& shell_name) {
  static const test::TestFolder all;
  const std::filesystem::path folder = all.path() / shell_name;
  std::filesystem::create_directories(folder / "files" / "sub");
  for (const char* file : {"a b.onnx", "c.safetensors", "d.txt", "e.npy", "e.txt", "resnet_mine"}) {
    harness::write_file(folder / "files" / file, "");
  }
  harness::write_file(folder / "script", foldconv("completion " + shell_name).out);
  return folder;
}

// The last of these words completed by bash, in a folder of files.
Words in_bash(const std::vector<std::string>& words) {
  static const std::filesystem::path folder = folder_with("bash");
  std::string line;
  for (const std::string& word : words) line += " '" + word + "'";
  const std::string program = "source ../script; COMP_WORDS=(foldconv" + line +
                              "); COMP_CWORD=" + std::to_string(words.size()) +
                              "; _foldconv; printf \"%s\\n\" \"${COMPREPLY[@]}\"";
  harness::write_file(folder / "program", program);
  const Outcome outcome = shell("cd " + quoted((folder / "files").string()) +
                                " && bash --norc --noprofile ../program 2>&1");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  Words found;
  std::istringstream lines(outcome.out);
  for (std::string word; std::getline(lines, word);) {
    if (!word.empty()) found.insert(word);
  }
  return found;
}

TEST(Completion, BashKnowsCommandsAndOptions) {
  Words commands(kCommands.begin(), kCommands.end());
  EXPECT_EQ(in_bash({""}), commands);
  EXPECT_EQ(in_bash({"--color", "never", ""}), commands);
  EXPECT_EQ(in_bash({"re"}), Words{"record-cudnn"});
  EXPECT_EQ(in_bash({"-"}), options_in_help(""));
  for (const std::string& command : kCommands) {
    const Words options = options_in_help(command);
    EXPECT_FALSE(options.empty());
    EXPECT_EQ(in_bash({command, "-"}), options) << command;
  }
  EXPECT_EQ(in_bash({"validate", "ic8oc8_ih8kh1", "--dt"}), Words{"--dtype"});
}

TEST(Completion, BashKnowsValues) {
  EXPECT_EQ(in_bash({"validate", "--dtype", ""}), (Words{"f16", "bf16", "f32"}));
  EXPECT_EQ(in_bash({"bench", "x", "--format", "=", "js"}), Words{"json"});
  EXPECT_EQ(in_bash({"bench", "x", "--format", "="}), (Words{"table", "json", "csv"}));
  EXPECT_EQ(in_bash({"bench", "--impl", "ta"}), Words{"tails"});
  EXPECT_EQ(in_bash({"bench", "--impl", "planned,c"}),
            (Words{"planned,chain", "planned,cudnn", "planned,cudnn-separate"}));
  EXPECT_EQ(in_bash({"validate", "--stride", "2,"}), (Words{"2,1", "2,2"}));
  EXPECT_EQ(in_bash({"completion", ""}), (Words{"bash", "zsh", "fish"}));
  EXPECT_EQ(in_bash({"bench", "--seed", ""}), Words{});
  EXPECT_EQ(in_bash({"bench", "--block", ""}), Words{});
  Words kernels;
  for (const KernelInfo& kernel : kernel_list()) {
    if (kernel.family == KernelFamily::conv || kernel.family == KernelFamily::depthwise ||
        kernel.family == KernelFamily::direct)
      kernels.emplace(kernel.name);
  }
  EXPECT_EQ(in_bash({"explain", "--kernel", ""}), kernels);
  EXPECT_EQ(in_bash({"bench", "--kernel", "direct_f16_sm80,direct_b"}),
            Words{"direct_f16_sm80,direct_bf16_sm80"});
}

TEST(Completion, BashKnowsFilesWhereTheyAreExpected) {
  EXPECT_EQ(in_bash({"inspect", ""}), (Words{"a b.onnx", "sub"}));
  EXPECT_EQ(in_bash({"run", "--input", ""}), (Words{"e.npy", "sub"}));
  EXPECT_EQ(in_bash({"bench", "--network", ""}),
            (Words{"a b.onnx", "c.safetensors", "densenet121", "efficientnet_lite0", "mobilenet_v2",
                   "resnet50", "resnext50_32x4d", "sub", "yolov8n"}));
  EXPECT_EQ(in_bash({"record-cudnn", "--out", ""}), Words{"sub"});
  EXPECT_EQ(in_bash({"validate", "--batch", "res"}),
            (Words{"resnet50", "resnet50_blocks", "resnet50_stages", "resnet_mine", "resnext50"}));
  EXPECT_EQ(in_bash({"validate", ""}), Words{});
}

// Each line as zsh leaves it when Tab is typed behind it, at a terminal of its own: its words with | between.
std::vector<std::string> in_zsh(const std::vector<std::string>& lines) {
  const std::filesystem::path folder = folder_with("zsh");
  harness::write_file(folder / "session", R"(
PROMPT= RPROMPT=
autoload -Uz compinit
compinit -D -u
source ../script
foldconv() { print -r -- "<<${(j:|:)@}>>" }
)");
  harness::write_file(folder / "program", R"(
zmodload zsh/zpty
zpty session zsh -f -i
zpty -w session "source ../session"
for line; do
  zpty -w -n session "$line"$'\t'$'\n'
  zpty -r -m session text '*<<*>>*'
  print -r -- $text
done
)");
  std::string words;
  for (const std::string& line : lines) words += " '" + line + "'";
  const Outcome outcome = shell("cd " + quoted((folder / "files").string()) +
                                " && timeout 60 zsh -f ../program" + words + " 2>&1");
  std::vector<std::string> found;
  const std::regex answer("<<([^>]*)>>");
  for (std::sregex_iterator at(outcome.out.begin(), outcome.out.end(), answer), end; at != end;
       ++at) {
    found.push_back((*at)[1]);
  }
  EXPECT_EQ(found.size(), lines.size()) << outcome.out;
  return found;
}

TEST(Completion, Zsh) {
  if (!is_there("zsh")) GTEST_SKIP() << "there is no zsh";
  const std::vector<std::string> completed =
      in_zsh({"foldconv expl", "foldconv bench --form", "foldconv bench ic8 --dtype b",
              "foldconv bench --format=js", "foldconv bench --impl planned,ta",
              "foldconv validate --batch gro", "foldconv run --input e", "foldconv inspect a",
              "foldconv --color al"});
  EXPECT_EQ(completed,
            (std::vector<std::string>{"explain", "bench|--format", "bench|ic8|--dtype|bf16",
                                      "bench|--format=json", "bench|--impl|planned,tails",
                                      "validate|--batch|groups", "run|--input|e.npy",
                                      "inspect|a b.onnx", "--color|always"}));
}

Words in_fish(const std::string& line) {
  static const std::filesystem::path folder = folder_with("fish");
  const Outcome outcome =
      shell("cd " + quoted((folder / "files").string()) + " && HOME=" + quoted(folder.string()) +
            " fish --no-config -c \"source ../script; complete -C '" + line + "'\" 2>&1");
  Words found;
  std::istringstream lines(outcome.out);
  for (std::string word; std::getline(lines, word);) found.insert(word.substr(0, word.find('\t')));
  return found;
}

TEST(Completion, Fish) {
  if (!is_there("fish")) GTEST_SKIP() << "there is no fish";
  EXPECT_EQ(in_fish("foldconv "), Words(kCommands.begin(), kCommands.end()));
  EXPECT_EQ(in_fish("foldconv bench --form"), Words{"--format"});
  EXPECT_EQ(in_fish("foldconv bench --dtype "), (Words{"f16", "bf16", "f32"}));
  EXPECT_EQ(in_fish("foldconv bench --impl planned,ta"), Words{"planned,tails"});
  EXPECT_EQ(in_fish("foldconv validate --batch res"),
            (Words{"resnet50", "resnet50_blocks", "resnet50_stages", "resnet_mine", "resnext50"}));
  EXPECT_EQ(in_fish("foldconv record-cudnn --out "), Words{"sub/"});
}

// Without these shells, too.
TEST(Completion, EveryScriptNamesEveryOption) {
  for (const std::string name : {"bash", "zsh", "fish"}) {
    const Outcome script = foldconv("completion " + name);
    EXPECT_EQ(script.exit_code, 0);
    for (const std::string& command : kCommands) {
      EXPECT_TRUE(has(script.out, command)) << name << command;
      for (const std::string& option : options_in_help(command)) {
        EXPECT_TRUE(has(script.out, name == "fish" ? "-l " + option.substr(2) : option))
            << name << option;
      }
    }
  }
  EXPECT_EQ(foldconv("completion 2>&1").exit_code, 2);
  EXPECT_EQ(foldconv("completion ksh 2>&1").exit_code, 2);
}

TEST(Manual, IsRenderedWithoutAWarningAndNamesEverything) {
  const Outcome page = foldconv("manual");
  EXPECT_EQ(page.exit_code, 0);
  EXPECT_TRUE(
      std::ranges::all_of(page.out, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
  EXPECT_EQ(foldconv("manual").out, page.out);
  for (const std::string& command : kCommands) {
    EXPECT_TRUE(has(page.out, "\n.SS \"" + std::regex_replace(command, std::regex("-"), "\\-")))
        << command;
    for (const std::string& option : options_in_help(command)) {
      EXPECT_TRUE(has(page.out, "\\fB" + std::regex_replace(option, std::regex("-"), "\\-")))
          << option;
    }
  }
  if (!is_there("groff")) GTEST_SKIP() << "there is no groff to render it";
  const std::string render = "LC_ALL=C groff -man -ww -Tascii -P-c -P-b -P-u -rLL=1000n";
  const Outcome warnings = foldconv("manual | " + render + " -z 2>&1");
  EXPECT_EQ(warnings.out, "");
  const std::string text = foldconv("manual | " + render + " 2>/dev/null").out;
  EXPECT_TRUE(has(text, "\nEXIT STATUS\n")) << text;
  for (const char* part : {"FOLDCONV(1)", "a malformed command line", "FOLDCONV_NETWORKS",
                           "mb1_ih56iw56_ic256mid128oc512_s2n\"name\""}) {
    EXPECT_TRUE(has(text, part)) << part;
  }
  // Each command's part, from its title to the next one.
  for (std::size_t at = 0; at < kCommands.size(); ++at) {
    const std::size_t begin = text.find("\n   " + kCommands[at] + "\n");
    ASSERT_NE(begin, std::string::npos) << kCommands[at];
    const std::string next = at + 1 < kCommands.size() ? "\n   " + kCommands[at + 1] : "\nPROBLEMS";
    const std::string part = text.substr(begin, text.find(next + "\n", begin) - begin);
    for (const std::string& option : options_in_help(kCommands[at])) {
      EXPECT_TRUE(std::regex_search(part, std::regex("\n       " + option + "[ \n]")))
          << kCommands[at] << option;
    }
  }
}

}  // namespace
}  // namespace foldconv
