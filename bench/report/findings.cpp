#include "report/findings.hpp"

namespace foldconv::tool {

void compare_runs(const Runs& runs, int images, Finding& finding) {
  finding.repeatable = runs.first.y == runs.second.y;
  finding.batch_invariant = followed_by_first_image(runs.first.y, images) == runs.larger.y;
  finding.in_bounds = runs.first.in_bounds && runs.second.in_bounds && runs.larger.in_bounds;
  if (finding.verdict.reason.empty() && !finding.in_bounds) {
    finding.verdict.reason = "the kernel wrote outside of y";
  }
}

}  // namespace foldconv::tool
