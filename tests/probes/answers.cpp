// SPDX-License-Identifier: MIT
#include "answers.hpp"

#include <algorithm>
#include <array>
#include <ostream>
#include <set>
#include <sstream>

#include "compare.hpp"

namespace foldconv::probes {
namespace {

constexpr const char* kNotRecorded = "not recorded";

class Recorded {
 public:
  explicit Recorded(const Results& results) : results_(results) {}

  // Null where it did not run.
  const Result* find(const std::string& name) const {
    const auto outcome = std::ranges::find(results_.outcomes, name, &Outcome::name);
    return outcome == results_.outcomes.end() || !outcome->ok() ? nullptr : &outcome->result;
  }
  std::vector<const Outcome*> starting_with(const std::string& prefix) const {
    std::vector<const Outcome*> found;
    for (const Outcome& outcome : results_.outcomes) {
      if (outcome.name.starts_with(prefix)) found.push_back(&outcome);
    }
    return found;
  }

 private:
  const Results& results_;
};

// "a, b and 3 more"
std::string list_of(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 6;
  std::string text;
  for (std::size_t i = 0; i < std::min(kMost, names.size()); ++i) {
    text += (i > 0 ? ", " : "") + names[i];
  }
  if (names.size() > kMost) text += " and " + std::to_string(names.size() - kMost) + " more";
  return text;
}

// --- Questions of equal words ---

struct Pair {
  std::string a, b;
};

std::string answer_of_pairs(const Recorded& recorded, const std::vector<Pair>& pairs,
                            const std::string& yes, const std::string& no) {
  std::vector<std::string> different;
  std::size_t compared = 0;
  for (const Pair& pair : pairs) {
    const Result* const a = recorded.find(pair.a);
    const Result* const b = recorded.find(pair.b);
    if (a == nullptr || b == nullptr) continue;
    ++compared;
    const std::size_t count = differing_words(a->words, b->words);
    if (count == 0) continue;
    different.push_back(pair.a + " and " + pair.b + " (" + std::to_string(count) + " of " +
                        std::to_string(std::max(a->words.size(), b->words.size())) + " words)");
  }
  if (compared == 0) return kNotRecorded;
  const std::string of =
      std::to_string(compared) + " of " + std::to_string(pairs.size()) + " pairs recorded";
  if (!different.empty()) return "no, " + no + ": " + list_of(different) + " differ; " + of;
  return (compared == pairs.size() ? "yes, " : "yes, as far as recorded, ") + yes + "; " + of;
}

std::string mma_and_wgmma(const Recorded& recorded) {
  std::vector<Pair> pairs;
  for (const std::string type : {"f16", "bf16"}) {
    for (const char* const family : {"kept_bits", "accumulator", "rounding", "order", "subnormals",
                                     "signs", "special", "random"}) {
      pairs.push_back(
          {"mma_rounding_" + type + "_" + family, "wgmma_rounding_rs_" + type + "_" + family});
    }
  }
  return answer_of_pairs(recorded, pairs, "every sum has the same bits",
                         "kernels of both families give different bits");
}

std::string registers_and_shared(const Recorded& recorded) {
  std::vector<Pair> pairs;
  for (const std::string type : {"f16", "bf16"}) {
    pairs.push_back(
        {"wgmma_rounding_rs_" + type + "_random", "wgmma_rounding_ss_" + type + "_random"});
  }
  return answer_of_pairs(recorded, pairs, "A from registers gives the bits of A from shared memory",
                         "it matters where A comes from");
}

// Each instruction that was compiled, against n8 of the same type.
std::string shape_and_place(const Recorded& recorded) {
  std::vector<Pair> pairs;
  const std::pair<const char*, std::vector<int>> forms[] = {{"ss_f16", {64, 128, 256}},
                                                            {"rs_f16", {64, 256}},
                                                            {"ss_bf16", {64, 128, 256}},
                                                            {"rs_bf16", {64}}};
  for (const auto& [form, widths] : forms) {
    const std::string name = std::string("wgmma_rounding_") + form + "_random";
    for (const int n : widths) {
      pairs.push_back({name, name + "_n" + std::to_string(n)});
      pairs.push_back({name, name + "_n" + std::to_string(n) + "_exchanged"});
    }
  }
  return answer_of_pairs(recorded, pairs,
                         "neither N, nor row and column, nor the exchange of A and B changes a bit",
                         "bits depend on N, the place or the operand");
}

// --- Questions of the understanding that a probe came with ---

struct Verdicts {
  std::vector<std::string> as_understood, otherwise, failed, without;  // `without` an expectation
  bool none() const {
    return as_understood.empty() && otherwise.empty() && without.empty() && failed.empty();
  }
};

Verdicts judge(const std::vector<const Outcome*>& outcomes, const std::string& prefix) {
  Verdicts verdicts;
  for (const Outcome* const outcome : outcomes) {
    const std::string name = outcome->name.substr(prefix.size());
    if (outcome->status.starts_with("failed")) verdicts.failed.push_back(name);
    if (!outcome->ok()) continue;
    const auto& mismatches = outcome->result.mismatches;
    (!mismatches        ? verdicts.without
     : *mismatches == 0 ? verdicts.as_understood
                        : verdicts.otherwise)
        .push_back(name);
  }
  return verdicts;
}

std::string tell(const Verdicts& verdicts) {
  if (verdicts.none()) return kNotRecorded;
  const std::size_t judged = verdicts.as_understood.size() + verdicts.otherwise.size();
  std::string text = std::to_string(verdicts.as_understood.size()) + " of " +
                     std::to_string(judged) + " as understood";
  if (!verdicts.otherwise.empty()) text += "; otherwise: " + list_of(verdicts.otherwise);
  if (!verdicts.failed.empty()) text += "; failed: " + list_of(verdicts.failed);
  if (!verdicts.without.empty()) text += "; no expectation: " + list_of(verdicts.without);
  return text;
}

std::string understanding_of(const Recorded& recorded, const std::string& prefix) {
  const Verdicts verdicts = judge(recorded.starting_with(prefix), prefix);
  if (verdicts.none()) return kNotRecorded;
  return (verdicts.otherwise.empty() && verdicts.failed.empty() ? "yes, " : "no, ") +
         tell(verdicts);
}

// Which of the two ways to name a start inside a swizzle's pattern reads what it should.
std::string starts_in_the_pattern(const Recorded& recorded) {
  std::vector<const Outcome*> plain, based;
  for (const char* const operand : {"wgmma_map_a_", "wgmma_map_b_"}) {
    for (const Outcome* const outcome : recorded.starting_with(operand)) {
      if (outcome->name.find("_row_") == std::string::npos) continue;
      (outcome->name.ends_with("_based") ? based : plain).push_back(outcome);
    }
  }
  const Verdicts of_plain = judge(plain, "wgmma_map_"), of_based = judge(based, "wgmma_map_");
  if (of_plain.none() && of_based.none()) return kNotRecorded;
  return "base offset 0: " + tell(of_plain) + "; base offset of the row: " + tell(of_based);
}

// --- Questions of figures ---

// The notes of all probes whose names start so, a line each.
std::string notes_of(const Recorded& recorded, const std::vector<std::string>& prefixes) {
  std::string text;
  for (const std::string& prefix : prefixes) {
    for (const Outcome* const outcome : recorded.starting_with(prefix)) {
      for (const std::string& note : outcome->result.notes) {
        text += outcome->name + ": " + note + "\n";
      }
      if (outcome->ok() && outcome->result.notes.empty() && outcome->result.cycles != 0) {
        text += outcome->name + ": " + std::to_string(outcome->result.cycles) + " cycles\n";
      }
    }
  }
  return text.empty() ? kNotRecorded : text;
}

std::string refusals(const Recorded& recorded) {
  const std::string verdicts = understanding_of(recorded, "tensor_map_");
  std::string text;
  for (const Outcome* const outcome : recorded.starting_with("tensor_map_")) {
    for (const std::string& note : outcome->result.notes) {
      if (note.ends_with("not as in cuda.h") || note.ends_with("open in cuda.h")) {
        text += "\n" + outcome->name + ": " + note;
      }
    }
  }
  return verdicts + text;
}

std::string to_hex(std::uint32_t high, std::uint32_t low) {
  std::ostringstream text;
  text << std::hex << "0x" << ((std::uint64_t{high} << 32) | low);
  return text.str();
}

std::string cosmetics(const Recorded& recorded) {
  std::string text;
  // Words 0 to 31: the leader that each lane was told; 32 to 63: whether it is that.
  if (const Result* const elect = recorded.find("execution_elect");
      elect != nullptr && elect->words.size() == 64) {
    const std::set<std::uint32_t> leaders(elect->words.begin(), elect->words.begin() + 32);
    text = leaders.size() == 1 ? "elect.sync takes lane " + std::to_string(*leaders.begin())
                               : "elect.sync tells lanes different leaders";
  }
  // Three words a command, the last two the barrier's bits; the first command is init with 3 arrivals, the fourth an arrival.
  if (const Result* const barrier = recorded.find("mbarrier_phases");
      barrier != nullptr && barrier->words.size() >= 12) {
    const Words& w = barrier->words;
    text += (text.empty() ? "" : "; ") + std::string("an mbarrier of 3 arrivals is ") +
            to_hex(w[2], w[1]) + ", after one of them " + to_hex(w[11], w[10]);
  }
  return text.empty() ? kNotRecorded : text;
}

struct Question {
  const char* name;
  const char* text;
  std::string (*answer)(const Recorded&);
};

constexpr std::array kQuestions = {
    Question{"Q1", "Do mma.sync k16 and wgmma k16 round alike?", mma_and_wgmma},
    Question{"Q2", "Does wgmma give the same bits with A from registers and from shared memory?",
             registers_and_shared},
    Question{"Q3", "Are sums the same for every N, row and column, and with A and B exchanged?",
             shape_and_place},
    Question{"Q4", "May a matrix start inside the pattern of a swizzle?", starts_in_the_pattern},
    Question{"Q5", "Does im2col walk as modelled?",
             [](const Recorded& r) { return understanding_of(r, "tma_im2col_"); }},
    Question{"Q6", "Is a swizzle a function of the shared address alone?",
             [](const Recorded& r) { return understanding_of(r, "tma_tile_swizzle_"); }},
    Question{"Q7", "Do copies slow wgmma, and a second warpgroup?",
             [](const Recorded& r) {
               return notes_of(r, {"wgmma_timing_", "timing_wgmma_"});
             }},
    Question{"Q8", "How fast are copies from L2, tiled, im2col and multicast?",
             [](const Recorded& r) { return notes_of(r, {"timing_copy_"}); }},
    Question{"Q9", "What does the next launch cost, and a barrier?",
             [](const Recorded& r) {
               return notes_of(r, {"timing_launch_", "timing_grid_barrier", "mbarrier_rounds_"});
             }},
    Question{"Q10", "How many clusters fit?",
             [](const Recorded& r) { return notes_of(r, {"cluster_limits_"}); }},
    Question{"Q11", "Does the driver refuse what cuda.h says it refuses?", refusals},
    Question{"Q12", "Which lane does elect take, and what are the bits of an mbarrier?", cosmetics},
};

}  // namespace

void print_answers(const Results& results, std::ostream& out) {
  const Recorded recorded(results);
  if (!results.outcomes.empty()) {
    out << "recorded on " << results.device.name
        << (results.device.emulated ? ", emulated: no answers of a chip" : "") << '\n';
  }
  for (const Question& question : kQuestions) {
    out << question.name << ' ' << question.text << '\n';
    std::istringstream answer(question.answer(recorded));
    for (std::string line; std::getline(answer, line);) out << "    " << line << '\n';
  }
}

}  // namespace foldconv::probes
