// explain: which kernels a problem gets, and why not others.
#include "commands/commands.hpp"
#include "commands/explanations.hpp"

namespace foldconv::tool {
namespace {

class ExplainReport {
 public:
  explicit ExplainReport(Report& report) : report_(report) {}

  void add(const std::string& problem, const ExplainedKernel& nothing,
           const Result<std::vector<Row>>& rows) {
    ++problems_;
    if (rows) {
      for (const Row& row : *rows) report_.row(row);
      return;
    }
    ++failed_;
    ExplainedKernel none = nothing;
    none.reason = rows.status().message();
    report_.row({.fields = to_fields(none),
                 .cells = {},
                 .note = "\n" + problem + ": no kernel: " + none.reason});
  }

  int end() {
    report_.end({{"problems", static_cast<std::int64_t>(problems_)},
                 {"without_kernel", static_cast<std::int64_t>(failed_)}},
                {});
    return failed_ == 0 ? kExitSuccess : kExitFailure;
  }

 private:
  Report& report_;
  std::size_t problems_ = 0, failed_ = 0;
};

}  // namespace

Fields to_fields(const ExplainedKernel& kernel) {
  return {{"name", kernel.name},
          {"descriptor", kernel.descriptor},
          {"cut", text_or_none(kernel.cut)},
          {"kernel", text_or_none(kernel.kernel)},
          {"chosen", kernel.chosen},
          {"reason", text_or_none(kernel.reason)},
          {"grid", kernel.grid},
          {"threads", kernel.threads},
          {"shared_bytes", kernel.shared_bytes},
          {"registers", kernel.registers},
          {"ctas_per_sm", kernel.ctas_per_sm},
          {"waves", kernel.waves},
          {"launches", kernel.launches},
          {"dram_bytes", kernel.dram_bytes},
          {"flops", kernel.flops},
          {"recomputed", kernel.recomputed},
          {"floor_us", kernel.floor_us},
          {"workspace_bytes", kernel.workspace_bytes}};
}

int run_explain(const Options& options, const Device& device, const ProblemList& list,
                Report& report) {
  report.begin({.fields = heading_fields(options, device),
                .preamble = heading_lines(options, device),
                .columns = {}});
  ExplainReport out(report);
  for (const BlockDescriptor& descriptor : list.blocks) {
    const ExplainedKernel nothing{
        .name = descriptor.name,
        .descriptor = to_descriptor(descriptor.problem, descriptor.blocks),
        .cut = "",
        .kernel = "",
        .reason = ""};
    out.add(label(descriptor), nothing, explain_blocks(descriptor, options));
  }
  for (const Descriptor& descriptor : list.problems) {
    const ConvProblem problem = apply(options, descriptor.problem);
    const ExplainedKernel nothing{.name = descriptor.name,
                                  .descriptor = to_descriptor(problem),
                                  .cut = "",
                                  .kernel = options.kernel,
                                  .reason = ""};
    out.add(label(descriptor), nothing, explain_layer(descriptor, problem, options));
  }
  return out.end();
}

}  // namespace foldconv::tool
