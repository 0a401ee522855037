// SPDX-License-Identifier: MIT
// foldconv_probe: small kernels, one for each behaviour of a GPU that foldconv or its emulator
// relies on, whose outputs are compared bit by bit: emulator with GPU, GPU with a recorded GPU.
//
//   foldconv_probe --out FILE         runs all, writes FILE (JSON; "-": stdout)
//   foldconv_probe --compare A B      two files, or folders of files; status 1 where they differ
//   foldconv_probe --golden FOLDER    runs all, writes FOLDER/probes/GROUP.json for what any GPU
//                                     has, FOLDER/sm90/GROUP.json for what only Hopper has
//   foldconv_probe --against FOLDER   runs what was recorded there and compares; status 77 where
//                                     there is nothing, or nothing that can run here
//   foldconv_probe --answers FILE     what a recorded run says about the questions that the kernels hang on
//   foldconv_probe --check            runs all; status 1 where one failed, or is not what the PTX
//                                     ISA says
//
// To record the truth of an H100, where the emulator is not in LD_LIBRARY_PATH:
//   foldconv_probe --out all.json
//   foldconv_probe --from all.json --golden tests/golden --check    (on any machine)
// and commit what has appeared there. Three kinds of probes: "exact"; "approximate" (ex2 and the
// like, compared in units of the last place); "tensor_core_rounding" (how sums round, which the
// emulator does not model). Differences of the last two are told and are no failure.
//
// On a GPU probes run in child processes, which end after the first probe that fails or hangs, so
// that it costs that probe only (--batch 1: a process for each probe); the file is rewritten after
// each process. "mismatches" of a probe says how far its author's understanding was from the
// hardware: the words themselves are the truth either way. What the words of a probe mean stands in
// its source: sm80/ for what any GPU has, sm90/ for what only Hopper has.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>

#include "answers.hpp"
#include "compare.hpp"
#include "list.hpp"
#include "run.hpp"

namespace foldconv::probes {
namespace {

constexpr const char* kFooter =
    "Exit status: 0 success; 1 a difference, or with --check a failed probe or one that is not as\n"
    "the PTX ISA says; 2 a malformed command line or file; 77 nothing recorded that can run here.\n"
    "Hopper probes need a GPU of compute capability 9.0, or CUEMU_ARCH=90; elsewhere they say so.\n"
    "Words are hexadecimal, 16 a line. --compare ignores timings and notes.";

constexpr int kExitDifferent = 1, kExitUsage = 2, kExitNothing = 77;

struct Options {
  bool list = false, hopper = false, check = false, quiet = false, processes = false,
       self_test = false;
  std::vector<std::string> only, compare, in_child;
  std::string out, golden, against, from, answers;
  int seconds = 10, batch = 16;
};

void add_options(CLI::App& app, Options& o) {
  app.footer(kFooter);
  app.add_flag("--list", o.list, "Prints group, name and kind of each probe");
  app.add_option("--only", o.only, "Only probes whose name contains SUBSTRING; may be repeated")
      ->type_name("SUBSTRING");
  app.add_flag("--hopper", o.hopper, "Only what needs compute capability 9.0");
  app.add_option("--out", o.out, "Writes all results as JSON; \"-\" is stdout")->type_name("FILE");
  app.add_option("--golden", o.golden, "Writes a file for each group, of the probes that succeeded")
      ->type_name("FOLDER");
  app.add_option("--compare", o.compare, "Compares two results; runs nothing")
      ->type_name("FILE|FOLDER")
      ->expected(2);
  app.add_option("--against", o.against, "Runs the probes recorded there and compares")
      ->type_name("FILE|FOLDER");
  app.add_option("--answers", o.answers,
                 "Prints what that recorded run answers, question by question; runs nothing")
      ->type_name("FILE|FOLDER");
  app.add_option("--from", o.from, "Takes the results of an earlier --out instead of running")
      ->type_name("FILE");
  app.add_flag("--check", o.check, "Fails where a probe failed or is not what the PTX ISA says");
  app.add_flag("--quiet", o.quiet, "No line for each probe on stderr");
  app.add_option("--seconds", o.seconds, "Time limit of a probe on a GPU")
      ->check(CLI::Range(1, 600));
  app.add_option("--batch", o.batch, "Probes for each process, as long as none fails")
      ->check(CLI::Range(1, 1000));
  app.add_flag("--processes", o.processes, "Processes of their own on the emulator, too");
  // Of this program's own use and its tests'.
  app.add_option("--in-child", o.in_child)->group("");
  app.add_flag("--self-test", o.self_test)->group("");
}

bool is_chosen(const Probe& probe, const Options& o, const std::set<std::string>& recorded) {
  if (!o.against.empty() && !recorded.contains(probe.name)) return false;
  if (o.hopper && probe.needs != Needs::sm90) return false;
  if (o.only.empty()) return true;
  return std::ranges::any_of(
      o.only, [&](const std::string& part) { return probe.name.find(part) != std::string::npos; });
}

int list_probes(const std::vector<Probe>& probes) {
  for (const Probe& probe : probes) {
    const char* const needs = probe.needs == Needs::sm90 ? "sm_90" : "sm_80";
    std::cout << needs << ' ' << probe.group << ' ' << probe.name << '\n';
  }
  return 0;
}

void tell(const Outcome& outcome, std::size_t number, std::size_t total) {
  std::cerr << number << '/' << total << ' ' << outcome.name << ": " << outcome.status;
  if (outcome.result.mismatches.value_or(0) != 0) {
    std::cerr << ", " << *outcome.result.mismatches << " not as expected";
  }
  std::cerr << '\n';
}

Results run_all(const std::vector<Probe>& probes, const Options& o) {
  Results results;
  results.device = current_device();
  const bool in_children = o.processes || !results.device.emulated;
  while (results.outcomes.size() < probes.size()) {
    const auto first = probes.begin() + static_cast<std::ptrdiff_t>(results.outcomes.size());
    const auto left = probes.end() - first;
    const std::vector<Probe> batch(
        first, first + std::min<std::ptrdiff_t>(left, in_children ? o.batch : 1));
    std::vector<Outcome> outcomes;
    if (in_children) {
      outcomes = run_in_child(batch, o.seconds);
    } else {
      outcomes = {run_here(batch[0], results.device)};
    }
    for (Outcome& outcome : outcomes) {
      results.outcomes.push_back(std::move(outcome));
      if (!o.quiet) tell(results.outcomes.back(), results.outcomes.size(), probes.size());
    }
    if (in_children && !o.out.empty() && o.out != "-") write_file(o.out, results);
  }
  return results;
}

// Of each group, what succeeded, in the folder of its kind of GPU.
void write_golden(const std::vector<Probe>& probes, const Results& results,
                  const std::string& folder) {
  std::map<std::string, Results> files;
  for (const Outcome& outcome : results.outcomes) {
    const auto probe = std::ranges::find(probes, outcome.name, &Probe::name);
    if (!outcome.ok() || probe == probes.end()) continue;
    const char* const kind = probe->needs == Needs::sm90 ? "sm90" : "probes";
    files[std::string(kind) + "/" + probe->group].outcomes.push_back(outcome);
  }
  for (auto& [name, file] : files) {
    file.device = results.device;
    const std::filesystem::path path = std::filesystem::path(folder) / (name + ".json");
    std::filesystem::create_directories(path.parent_path());
    write_file(path.string(), file);
  }
}

// Prints what is not as it should be; returns how many.
int check_outcomes(const Results& results) {
  int bad = 0, supported = 0, expected = 0, unprobed = 0, unknown = 0, forbidden = 0;
  for (const Outcome& outcome : results.outcomes) {
    const std::uint32_t mismatches = outcome.result.mismatches.value_or(0);
    supported += outcome.ok() ? 1 : 0;
    unprobed += outcome.status.starts_with("unprobed") ? 1 : 0;
    unknown += outcome.status.starts_with("unknown-opcode") ? 1 : 0;
    forbidden += outcome.status.starts_with("forbidden") ? 1 : 0;
    expected += outcome.result.mismatches.has_value() ? 1 : 0;
    if (outcome.status.starts_with("failed") || mismatches != 0) {
      ++bad;
      std::cout << outcome.name << ": " << outcome.status << ", " << mismatches
                << " values are not what the PTX ISA says\n";
    }
  }
  std::cout << results.outcomes.size() << " probes, " << supported << " ran, " << expected
            << " compared with the PTX ISA, " << unprobed << " unprobed, " << unknown
            << " of unknown instructions, " << forbidden << " forbidden, " << bad << " wrong\n";
  return supported == 0 ? 1 : bad;
}

// `none`: the exit status where nothing could be compared.
int compare_and_judge(const Results& a, const Results& b, int none) {
  const Comparison comparison = compare(a, b, std::cout);
  if (comparison.same + comparison.different + comparison.may_differ == 0) {
    std::cout << "nothing was compared\n";
    return none;
  }
  return comparison.different != 0 ? kExitDifferent : 0;
}

int run(const Options& o) {
  if (!o.compare.empty()) {
    return compare_and_judge(read_results(o.compare[0]), read_results(o.compare[1]),
                             kExitDifferent);
  }
  if (!o.answers.empty()) {
    print_answers(std::filesystem::exists(o.answers) ? read_results(o.answers) : Results(),
                  std::cout);
    return 0;
  }
  std::vector<Probe> all = o.self_test ? self_test_probes() : all_probes();
  if (!o.in_child.empty()) {
    std::ranges::move(self_test_probes(), std::back_inserter(all));
    run_as_child(all, o.in_child);
    return 0;
  }

  std::set<std::string> recorded;
  Results truth;
  if (!o.against.empty()) {
    if (std::filesystem::exists(o.against)) truth = read_results(o.against);
    if (truth.outcomes.empty()) {
      std::cout << "skipped: nothing was recorded in " << o.against << " yet\n";
      return kExitNothing;
    }
    for (const Outcome& outcome : truth.outcomes) recorded.insert(outcome.name);
  }
  std::vector<Probe> chosen;
  std::ranges::copy_if(all, std::back_inserter(chosen),
                       [&](const Probe& probe) { return is_chosen(probe, o, recorded); });
  if (o.list) return list_probes(chosen);

  const Results results = o.from.empty() ? run_all(chosen, o) : read_results(o.from);
  if (o.out == "-") {
    write_json(std::cout, results);
  } else if (!o.out.empty()) {
    write_file(o.out, results);
  }
  if (!o.golden.empty()) write_golden(chosen, results, o.golden);
  int exit_status = 0;
  if (!o.against.empty()) exit_status = compare_and_judge(truth, results, kExitNothing);
  if (o.check && check_outcomes(results) != 0) exit_status = kExitDifferent;
  return exit_status;
}

}  // namespace
}  // namespace foldconv::probes

int main(int argc, char** argv) {
  CLI::App app("foldconv_probe: what a GPU, or the emulator, does, bit by bit.");
  foldconv::probes::Options options;
  foldconv::probes::add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : foldconv::probes::kExitUsage;
  }
  try {
    return foldconv::probes::run(options);
  } catch (const std::exception& error) {
    std::cerr << "foldconv_probe: " << error.what() << '\n';
    return foldconv::probes::kExitUsage;
  }
}
