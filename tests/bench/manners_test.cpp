// SPDX-License-Identifier: MIT
// What the tool does at a terminal, into a pipe, and where what it prints cannot be written.
#include <gtest/gtest.h>

#include <cuda_runtime_api.h>

#include <algorithm>
#include <regex>
#include <string>

#include "foldconv/kernel_list.hpp"
#include "foldconv/version.hpp"
#include "started_tool.hpp"

namespace foldconv {
namespace {

using test::expect_a_failure_when_not_written;
using test::foldconv;
using test::foldconv_on_terminal;
using test::has;
using test::Outcome;

const std::string kProblems = "mb1_ic8oc8_ih6kh1 mb1_ic8oc8_ih5kh1";
constexpr const char* kStartOfLine = "\r\033[K";

std::string replaced(const std::string& text, const std::string& pattern, const std::string& by) {
  return std::regex_replace(text, std::regex(pattern), by);
}

TEST(Manners, WhatCannotBeWrittenIsAFailure) {
  for (const char* command : {"validate ", "bench --impl planned --seconds 0.05 ", "explain "}) {
    for (const char* format : {" --format table", " --format json", " --format csv"}) {
      expect_a_failure_when_not_written(command + kProblems + format);
    }
  }
  for (const char* command : {"--help", "bench --help", "--version", "completion bash",
                              "completion zsh", "completion fish", "manual"}) {
    expect_a_failure_when_not_written(command);
  }
  // A mistake stays one.
  EXPECT_EQ(foldconv("validate --frobnicate 2>/dev/null >/dev/full").exit_code, 2);
}

TEST(Manners, ExitCodesAreInEveryHelp) {
  for (const char* command : {"", "classify", "run", "inspect", "validate", "bench", "explain",
                              "record-cudnn", "completion", "manual"}) {
    const Outcome help = foldconv(std::string(command) + " --help");
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_TRUE(has(help.out, "Exit status:\n  0  success\n  1  a result is wrong"))
        << command << help.out;
    EXPECT_TRUE(has(help.out, "\n  2  a malformed command line")) << command << help.out;
  }
}

TEST(Manners, ColorOnlyOnATerminal) {
  const std::string validate = "validate " + kProblems;
  const std::string report = foldconv(validate).out;
  EXPECT_FALSE(has(report, "\033")) << report;
  const std::string quiet = validate + " 2>/dev/null";
  const Outcome colored = foldconv_on_terminal(quiet);
  EXPECT_EQ(colored.exit_code, 0);
  EXPECT_TRUE(has(colored.out, "\033[32mPASS\033[0m")) << colored.out;
  EXPECT_TRUE(has(colored.out, "\033[1mfoldconv ")) << colored.out;
  // The date and, on a GPU, the clocks are of the moment.
  const auto timeless = [](const std::string& text) {
    return replaced(text, "\n[0-9]+ SMs[^Z]*Z\n", "\n");
  };
  EXPECT_NE(timeless(report), report);
  EXPECT_EQ(timeless(replaced(colored.out, "\033\\[[0-9;]*m|\r", "")), timeless(report));

  for (const auto& [arguments, variables] : {std::pair{quiet, "export NO_COLOR=1;"},
                                             {quiet, "export TERM=dumb;"},
                                             {quiet + " --color never", ""},
                                             {"--color never " + quiet, ""},
                                             {quiet + " --format json", ""},
                                             {quiet + " --format csv --color always", ""}}) {
    EXPECT_FALSE(has(foldconv_on_terminal(arguments, variables).out, "\033"))
        << arguments << variables;
  }
  EXPECT_TRUE(has(foldconv_on_terminal(quiet, "export NO_COLOR=;").out, "\033[32mPASS"));
  EXPECT_TRUE(has(foldconv_on_terminal(quiet + " --color auto").out, "\033[32mPASS"));
  EXPECT_TRUE(has(foldconv(validate + " --color always").out, "\033[32mPASS"));
  const Outcome always =
      test::shell("NO_COLOR=1 " + test::tool() + " " + validate + " --color=always");
  EXPECT_TRUE(has(always.out, "\033[32mPASS")) << always.out;
}

TEST(Manners, ComplaintsHaveTheColorOfStderr) {
  for (const char* mistake : {"validate --frobnicate", "validate --batch no_such_list", "bnech",
                              "inspect no_such.onnx"}) {
    const std::string arguments = mistake;
    const Outcome colored = foldconv_on_terminal(arguments + " >/dev/null");
    EXPECT_EQ(colored.exit_code, 2) << mistake;
    EXPECT_TRUE(colored.out.starts_with("\033[1;31mfoldconv:\033[0m ")) << colored.out;
    const Outcome plain = foldconv(arguments + " 2>&1 >/dev/null");
    EXPECT_EQ(plain.exit_code, 2) << mistake;
    EXPECT_TRUE(plain.out.starts_with("foldconv: ")) << plain.out;
    EXPECT_EQ(replaced(colored.out, "\033\\[[0-9;]*m|\r", ""), plain.out);
  }
  const Outcome never = foldconv_on_terminal("validate --frobnicate --color never");
  EXPECT_TRUE(never.out.starts_with("foldconv: ")) << never.out;
  const Outcome always = foldconv("validate --color always --frobnicate 2>&1");
  EXPECT_TRUE(always.out.starts_with("\033[1;31mfoldconv:")) << always.out;
}

TEST(Manners, ProgressIsOneLineOnATerminal) {
  for (const char* command : {"validate ", "bench --impl planned --seconds 0.05 "}) {
    const std::string arguments = command + kProblems;
    constexpr unsigned short kColumns = 40;
    const std::string line = foldconv_on_terminal(arguments + " >/dev/null", "", kColumns).out;
    EXPECT_TRUE(line.starts_with(std::string(kStartOfLine) + "[1/2] ")) << line;
    EXPECT_TRUE(
        std::regex_search(line, std::regex("\\[2/2, [0-9.]+(/s| s each), [0-9]+ s left\\] ")))
        << line;
    EXPECT_TRUE(line.ends_with(kStartOfLine)) << line;
    EXPECT_FALSE(has(line, "\n")) << line;
    for (std::size_t begin = 0, next = 0; begin < line.size(); begin = next) {
      next = std::min(line.find(kStartOfLine, begin + 1), line.size());
      EXPECT_LT(next - begin, std::string(kStartOfLine).size() + kColumns) << line;
    }
    EXPECT_EQ(foldconv(arguments + " 2>&1 >/dev/null").out, "");
    EXPECT_EQ(foldconv_on_terminal(arguments + " >/dev/null", "export TERM=dumb;").out, "");
    EXPECT_EQ(foldconv_on_terminal(arguments + " >/dev/null 2>/dev/null").out, "");
  }
}

TEST(Manners, VersionSaysWhatWasBuilt) {
  const Outcome outcome = foldconv("--version");
  EXPECT_EQ(outcome.exit_code, 0);
  const std::string number = std::to_string(FOLDCONV_VERSION_MAJOR) + "." +
                             std::to_string(FOLDCONV_VERSION_MINOR) + "." +
                             std::to_string(FOLDCONV_VERSION_PATCH);
  EXPECT_TRUE(outcome.out.starts_with("foldconv " + number + "\ngit: ")) << outcome.out;
  int runtime = 0;
  ASSERT_EQ(cudaRuntimeGetVersion(&runtime), cudaSuccess);
  EXPECT_TRUE(has(outcome.out, "\nCUDA runtime: " + std::to_string(runtime / 1000) + "."))
      << outcome.out;
  std::size_t all = 0, listed = kernel_list().size();
  const std::regex kernels("kernels for sm_(?:80 and later|90 alone): ([0-9]+), of them");
  for (std::sregex_iterator at(outcome.out.begin(), outcome.out.end(), kernels), end; at != end;
       ++at) {
    all += std::stoul((*at)[1]);
  }
  EXPECT_EQ(all, listed) << outcome.out;
  for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
    for (const int capability : {80, 90}) {
      const auto of_type = std::ranges::count_if(kernel_list(), [&](const KernelInfo& kernel) {
        return kernel.dtype == dtype && kernel.capability == capability;
      });
      if (of_type == 0) continue;
      EXPECT_TRUE(has(outcome.out, std::to_string(of_type) + " " + to_string(dtype)))
          << outcome.out;
    }
  }
  EXPECT_TRUE(has(outcome.out, "\nembedded: sm_80 ")) << outcome.out;
  EXPECT_TRUE(has(outcome.out, "\ncuDNN: ")) << outcome.out;
  EXPECT_EQ(foldconv("--version").out, outcome.out);  // no date
}

TEST(Manners, MistypedWordsNameTheNearest) {
  for (const auto& [arguments, part] :
       {std::pair{"bnech",
                  "there is no command \"bnech\"; did you mean bench?\nSee foldconv --help"},
        {"--color never valdiate x", "did you mean validate?"},
        {"measure", "there are classify, run, "},
        {"", "no command given; there are classify, run, "},
        {"validate --dtpye f16 ic8oc8_ih8kh1",
         "validate has no option --dtpye; did you mean --dtype?"},
        {"validate --dtpye=f16 ic8oc8_ih8kh1",
         "did you mean --dtype?\nSee foldconv validate --help"},
        {"run m.onnx --inptu a.npy", "did you mean --input?"},
        {"validate --seconds 1 ic8oc8_ih8kh1", "no option --seconds; it is an option of bench\n"},
        {"--dtype f16 validate ic8oc8_ih8kh1", "write it behind the command"},
        {"inspect a.onnx b.onnx", "inspect takes no \"b.onnx\""},
        {"validate --dtype f61 x", "\"f61\"; use f16, bf16 or f32; did you mean f16?"},
        {"validate --act slu x", "did you mean silu?"},
        {"bench --impl planned,tials x", "did you mean tails?"},
        {"bench --l2 hot x", "known are cold, warm, both\n"},
        {"bench --model h10 x", "known are h100, a100; did you mean h100?"},
        {"bench --format jsno x", "did you mean json?"},
        {"bench --color alway x", "did you mean always?"},
        {"completion bahs", "did you mean bash?"},
        {"validate --batch resnet_50", "did you mean resnet50?"},
        {"validate --batch tail", "did you mean tails?"},
        {"validate --kernel direct_f16_sm8 ic8oc8_ih8kh1", "did you mean direct_f16_sm80?"},
        {"bench --kernel direct_f16_sm80,direct_bf16_sm8 ic8oc8_ih8kh1",
         "did you mean direct_bf16_sm80?"},
        {"inspect no_such.onnx", "no_such.onnx: no such file"}}) {
    const Outcome outcome = foldconv(std::string(arguments) + " 2>&1 >/dev/null");
    EXPECT_EQ(outcome.exit_code, 2) << arguments;
    EXPECT_TRUE(has(outcome.out, part)) << arguments << '\n' << outcome.out;
  }
  const Outcome controls = foldconv("validate --a$(printf '\\033')b x 2>&1");
  EXPECT_TRUE(has(controls.out, "--a?b")) << controls.out;
}

}  // namespace
}  // namespace foldconv
