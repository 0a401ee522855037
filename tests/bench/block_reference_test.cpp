// On the device: what blocks are judged by, and that nothing wrong passes.
#include "compute/block_reference.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "block_workload_of.hpp"
#include "compute/block_convs.hpp"
#include "compute/expected_projection.hpp"
#include "report/findings.hpp"

namespace foldconv::tool {
namespace {

BlockReference reference_of(const BlockWorkload& workload) {
  const Result<std::vector<Block>> blocks = create_blocks(workload);
  EXPECT_TRUE(blocks.ok()) << blocks.status().message();
  Result<BlockReference> reference = tool::reference_of(workload, *blocks);
  EXPECT_TRUE(reference.ok()) << reference.status().message();
  return std::move(*reference);
}

class RightBlocks : public testing::TestWithParam<const char*> {};

TEST_P(RightBlocks, PassInEveryType) {
  for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
    Options options;
    options.dtype = dtype;
    const BlockWorkload workload = workload_of(GetParam(), options);
    const BlockReference reference = reference_of(workload);
    EXPECT_TRUE(reference.verdict.pass) << to_string(dtype) << ": " << reference.verdict.reason;
    EXPECT_LE(reference.verdict.worst_share, 1);
    EXPECT_TRUE(judge_cut(reference, reference.y).pass);
    // Values of a network's size, so that errors show.
    for (const float value : reference.images.distinct_values(reference.y)) {
      ASSERT_LT(std::fabs(value), 100) << to_string(dtype);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, RightBlocks,
                         testing::Values("mb2_ih5iw6_ic64mid16oc64", "ih5_ic24mid16oc64",
                                         "ih7_ic32mid16oc64_s2", "ih7_ic32mid16oc64_s2v1",
                                         "ih5_ic64mid32oc64_g4", "ih5_ic16oc16", "ih5_ic16oc32_s2",
                                         "ih4_ic32mid16oc64x3"));

TEST(BlockJudge, SeesAWrongBit) {
  const BlockReference reference = reference_of(workload_of("ih5_ic64mid16oc64"));
  std::vector<std::byte> y = reference.y;
  y[2 * (64 + 3)] ^= std::byte{1};  // the last bit of an element
  const Verdict verdict = judge_cut(reference, y);
  EXPECT_FALSE(verdict.pass);
  EXPECT_EQ(verdict.reason.find("other bits than the chain: 1 of 1600 elements, the first at image "
                                "0, row 0, column 1, channel 3"),
            0U)
      << verdict.reason;
}

TEST(BlockJudge, SeesWrongWeights) {
  const BlockWorkload workload = workload_of("ih5_ic64mid16oc64");
  Options options;
  options.seed = 7;
  const Result<std::vector<Block>> others =
      create_blocks(workload_of("ih5_ic64mid16oc64", options));
  ASSERT_TRUE(others.ok());
  const Result<BlockReference> reference = tool::reference_of(workload, *others);
  ASSERT_TRUE(reference.ok()) << reference.status().message();
  EXPECT_FALSE(reference->verdict.pass);
  EXPECT_EQ(reference->verdict.reason.find("chain: OUTSIDE THE BOUND"), 0U)
      << reference->verdict.reason;
  // No cut passes beside a chain that does not.
  EXPECT_FALSE(judge_cut(*reference, reference->y).pass);
}

TEST(BlockJudge, NamesTheBlockOfSeveral) {
  const BlockWorkload workload = workload_of("ih4_ic16oc16x2");
  Result<std::vector<Block>> blocks = create_blocks(workload);
  ASSERT_TRUE(blocks.ok());
  std::swap((*blocks)[0], (*blocks)[1]);
  const Result<BlockReference> reference = tool::reference_of(workload, *blocks);
  ASSERT_TRUE(reference.ok());
  EXPECT_EQ(reference->verdict.reason.find("block 0 of 2, chain: "), 0U)
      << reference->verdict.reason;
}

// The kernel for whole blocks always sums the projection as a longer K.
TEST(ExpectedProjection, IsWhatTheWholeBlockComputes) {
  const BlockWorkload workload = workload_of("mb2_ih9iw5_ic64mid64oc136");
  const Result<std::vector<Block>> blocks = create_blocks(workload);
  ASSERT_TRUE(blocks.ok());
  const Result<BlockPlan> whole = plan_blocks(*blocks, workload.problem, BlockCut::whole);
  ASSERT_TRUE(whole.ok()) << whole.status().message();
  const Images input = workload.input();
  const Result<DeviceBuffer> x = DeviceBuffer::upload(workload.encoded_x(input.shape.n));
  ASSERT_TRUE(x.ok());
  const Result<Output> output = run_once(*whole, workload.dtype, *x);
  ASSERT_TRUE(output.ok());

  const BlockConvs convs = convs_of(workload.blocks.front().weights, workload.dtype, input.shape);
  std::vector<std::byte> t = workload.encoded_x(input.shape.n);
  for (std::size_t i = 0; i < 2; ++i) {
    const BlockConv& conv = convs.line[i];
    const Result<FoldedConv> folded = fold(conv.layer->conv, conv.layer->batch_norm);
    ASSERT_TRUE(folded.ok());
    const Result<Conv> created = Conv::create(*folded);
    ASSERT_TRUE(created.ok());
    const Result<ConvPlan> plan = created->plan(conv.problem);
    ASSERT_TRUE(plan.ok());
    const Result<DeviceBuffer> from = DeviceBuffer::upload(t);
    ASSERT_TRUE(from.ok());
    Result<Output> to = run_once(*plan, *from, *from);
    ASSERT_TRUE(to.ok());
    t = std::move(to->y);
  }
  const Images middle{workload.dtype, convs.line[1].problem.output(), workload.distinct};
  const Result<oracle::Expected> expected =
      expected_projection(convs, workload.distinct, middle.distinct_values(t), workload.x);
  ASSERT_TRUE(expected.ok()) << expected.status().message();
  const Verdict verdict =
      judge({workload.dtype, convs.output(), workload.distinct}, *expected, output->y);
  EXPECT_TRUE(verdict.pass) << verdict.reason;
}

TEST(BlockFindings, HaveEveryCutOrItsReason) {
  Progress progress(1);
  const Result<std::vector<Finding>> findings =
      examine_blocks(workload_of("mb2_ih6_ic64mid64oc64"), progress);
  ASSERT_TRUE(findings.ok()) << findings.status().message();
  ASSERT_EQ(findings->size(), 4U);
  const std::vector<std::string> cuts = {"chain", "whole", "tails", "planned"};
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    const Finding& finding = (*findings)[i];
    EXPECT_EQ(finding.cut, cuts[i]);
    EXPECT_NE(finding.refusal.empty(), finding.kernels.empty()) << finding.cut;
    if (finding.refusal.empty()) {
      EXPECT_TRUE(finding.pass()) << finding.verdict.reason;
    }
  }
  EXPECT_EQ((*findings)[1].kernels.find("block_whole_f16_"), 0U);
  EXPECT_FALSE((*findings)[3].taken.empty());
}

TEST(BlockFindings, DifferentRunsAreSeen) {
  const Output right{.y = std::vector<std::byte>(4, std::byte{1}), .in_bounds = true};
  const Output twice{.y = std::vector<std::byte>(8, std::byte{1}), .in_bounds = true};
  Finding finding;
  finding.verdict.pass = true;
  compare_runs({right, right, twice}, 1, finding);
  EXPECT_TRUE(finding.pass());
  Output wrong = right, larger = twice, outside = right;
  wrong.y[2] = std::byte{2};
  larger.y[6] = std::byte{2};
  outside.in_bounds = false;
  compare_runs({right, wrong, twice}, 1, finding);
  EXPECT_FALSE(finding.repeatable);
  compare_runs({right, right, larger}, 1, finding);
  EXPECT_TRUE(finding.repeatable);
  EXPECT_FALSE(finding.batch_invariant);
  compare_runs({right, outside, twice}, 1, finding);
  EXPECT_FALSE(finding.pass());
  EXPECT_EQ(finding.verdict.reason, "the kernel wrote outside of y");
}

}  // namespace
}  // namespace foldconv::tool
