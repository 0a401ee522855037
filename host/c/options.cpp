// SPDX-License-Identifier: MIT
#include "c/options.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "c/structs.hpp"

namespace foldconv::c {
namespace {

using host::invalid;
using host::text;

template <class Enum>
struct Choice {
  std::int32_t given;
  Enum value;
};

// The value that a number of foldconv.h stands for. `all`: them, for the message.
template <class Enum, std::size_t kCount>
Result<Enum> chosen(std::int32_t given, const Choice<Enum> (&choices)[kCount], const char* what,
                    const char* all) {
  const auto found = std::ranges::find(choices, given, &Choice<Enum>::given);
  if (found != std::end(choices)) return found->value;
  return invalid(text(what, " is no value that it may have"), text(given), text("use ", all));
}

Status check_flags(std::uint32_t flags, std::uint32_t known, const char* what) {
  if ((flags & ~known) == 0) return {};
  return invalid(text(what, " has bits that are no flag"), text(flags),
                 text("use those of foldconv.h, below ", known + 1));
}

Result<std::vector<Extents>> extents_of_inputs(const fc_plan_options& given) {
  if (Status status = check_list(given.inputs, given.input_count, "fc_plan_options::inputs",
                                 "give the extents of all inputs");
      !status.ok()) {
    return status;
  }
  std::vector<Extents> result;
  for (const fc_extents& each : std::span(given.inputs, given.input_count)) {
    Result<Extents> extents =
        extents_of(each, text("fc_plan_options::inputs[", result.size(), ']'));
    if (!extents.ok()) return extents.status();
    result.push_back(std::move(*extents));
  }
  return result;
}

Result<PixelFormat> pixel_format(const fc_plan_options& given) {
  PixelFormat format;
  const Result<PixelType> type =
      chosen<PixelType>(given.input_type,
                        {{FC_TYPE_DEFAULT, PixelType::f32},
                         {FC_TYPE_F32, PixelType::f32},
                         {FC_TYPE_F16, PixelType::f16},
                         {FC_TYPE_U8, PixelType::u8}},
                        "fc_plan_options::input_type", "FC_TYPE_F32, FC_TYPE_F16 or FC_TYPE_U8");
  if (!type.ok()) return type.status();
  const Result<PixelLayout> layout = chosen<PixelLayout>(
      given.input_layout,
      {{FC_LAYOUT_MODEL, PixelLayout::model},
       {FC_LAYOUT_NCHW, PixelLayout::nchw},
       {FC_LAYOUT_NHWC, PixelLayout::nhwc}},
      "fc_plan_options::input_layout", "FC_LAYOUT_MODEL, FC_LAYOUT_NCHW or FC_LAYOUT_NHWC");
  if (!layout.ok()) return layout.status();
  format.type = *type;
  format.layout = *layout;
  std::ranges::copy(given.mean, format.mean.begin());
  std::ranges::transform(given.scale, format.scale.begin(),
                         [](float scale) { return scale == 0 ? 1 : scale; });
  format.swap_red_blue = (given.flags & FC_PLAN_SWAP_RED_BLUE) != 0;
  return format;
}

}  // namespace

Status check_list(const void* list, std::size_t count, std::string_view what,
                  std::string_view remedy) {
  constexpr std::size_t kMost = 1'000'000;  // more is no count, but a number that nobody set
  if (list == nullptr && count > 0)
    return invalid("a null pointer", text(what, " of ", count), remedy);
  if (count <= kMost) return {};
  return invalid(text(what, " has more elements than any network needs"), text(count), remedy);
}

Result<Extents> extents_of(const fc_extents& given, std::string_view what) {
  if (Status status =
          check_list(given.values, given.rank, text(what, ".values"), "give its extents");
      !status.ok()) {
    return status;
  }
  return Extents(given.values, given.values + given.rank);
}

Result<std::vector<std::string>> names(const char* const* strings, std::size_t count,
                                       const char* what) {
  std::vector<std::string> result;
  if (Status status = check_list(strings, count, what, "give the names, or 0 of them");
      !status.ok()) {
    return status;
  }
  for (const char* name : std::span(strings, count)) {
    if (name == nullptr) {
      return invalid("a null pointer", text(what, '[', result.size(), ']'), "give a name");
    }
    result.emplace_back(name);
  }
  return result;
}

Status check_reserved(std::uint32_t reserved, const char* what) {
  if (reserved == 0) return {};
  return invalid(text(what, "::reserved is not 0"), text(reserved),
                 "set all members that are not used to 0");
}

Result<models::ResNetOptions> resnet_options(const fc_resnet_options* given) {
  const Result<fc_resnet_options> read = read_struct(given);
  if (!read.ok()) return read.status();
  if (Status status = check_reserved(read->reserved, "fc_resnet_options"); !status.ok()) {
    return status;
  }
  const Result<StrideAt> stride_at = chosen<StrideAt>(
      read->stride_at,
      {{FC_STRIDE_AT_CONV2, StrideAt::conv2}, {FC_STRIDE_AT_CONV1, StrideAt::conv1}},
      "fc_resnet_options::stride_at", "FC_STRIDE_AT_CONV2 or FC_STRIDE_AT_CONV1");
  if (!stride_at.ok()) return stride_at.status();
  models::ResNetOptions options;
  if (read->eps != 0) options.eps = Epsilon(read->eps);
  if (read->prefix != nullptr) options.prefix = read->prefix;
  options.stride_at = *stride_at;
  return options;
}

Result<NetworkOptions> network_options(const fc_network_options* given) {
  const Result<fc_network_options> read = read_struct(given);
  if (!read.ok()) return read.status();
  const Result<DataType> dtype =
      chosen<DataType>(read->type,
                       {{FC_TYPE_DEFAULT, DataType::f16},
                        {FC_TYPE_F16, DataType::f16},
                        {FC_TYPE_BF16, DataType::bf16},
                        {FC_TYPE_F32, DataType::f32}},
                       "fc_network_options::type", "FC_TYPE_F16, FC_TYPE_BF16 or FC_TYPE_F32");
  if (!dtype.ok()) return dtype.status();
  if (Status status = check_flags(read->flags, FC_NETWORK_NO_FUSION | FC_NETWORK_NO_BLOCKS,
                                  "fc_network_options::flags");
      !status.ok()) {
    return status;
  }
  return NetworkOptions{.dtype = *dtype,
                        .fuse = (read->flags & FC_NETWORK_NO_FUSION) == 0,
                        .blocks = (read->flags & FC_NETWORK_NO_BLOCKS) == 0};
}

Result<NetworkPlanOptions> plan_options(const fc_plan_options* given) {
  using Output = NetworkPlanOptions::Output;
  const Result<fc_plan_options> read = read_struct(given);
  if (!read.ok()) return read.status();
  if (Status status = check_flags(read->flags, FC_PLAN_KEEP_ALL | FC_PLAN_SWAP_RED_BLUE,
                                  "fc_plan_options::flags");
      !status.ok()) {
    return status;
  }
  const Result<PixelFormat> input = pixel_format(*read);
  if (!input.ok()) return input.status();
  const Result<Output> output = chosen<Output>(
      read->output, {{FC_OUTPUT_F32, Output::f32}, {FC_OUTPUT_STORAGE, Output::storage}},
      "fc_plan_options::output", "FC_OUTPUT_F32 or FC_OUTPUT_STORAGE");
  if (!output.ok()) return output.status();
  const Result<BlockCut> cut = chosen<BlockCut>(
      read->cut,
      {{FC_CUT_AUTOMATIC, BlockCut::automatic},
       {FC_CUT_WHOLE, BlockCut::whole},
       {FC_CUT_TAILS, BlockCut::tails},
       {FC_CUT_CHAIN, BlockCut::chain}},
      "fc_plan_options::cut", "FC_CUT_AUTOMATIC, FC_CUT_WHOLE, FC_CUT_TAILS or FC_CUT_CHAIN");
  if (!cut.ok()) return cut.status();
  if (Status status = check_reserved(read->reserved, "fc_plan_options"); !status.ok())
    return status;
  const Result<Instructions> instructions =
      chosen<Instructions>(read->instructions,
                           {{FC_INSTRUCTIONS_AUTOMATIC, Instructions::automatic},
                            {FC_INSTRUCTIONS_SM80, Instructions::sm80},
                            {FC_INSTRUCTIONS_SM90, Instructions::sm90}},
                           "fc_plan_options::instructions",
                           "FC_INSTRUCTIONS_AUTOMATIC, FC_INSTRUCTIONS_SM80 or "
                           "FC_INSTRUCTIONS_SM90");
  if (!instructions.ok()) return instructions.status();
  Result<std::vector<Extents>> inputs = extents_of_inputs(*read);
  if (!inputs.ok()) return inputs.status();
  Result<std::vector<std::string>> keep =
      names(read->keep, read->keep_count, "fc_plan_options::keep");
  if (!keep.ok()) return keep.status();
  return NetworkPlanOptions{.n = read->n,
                            .h = read->h,
                            .w = read->w,
                            .inputs = std::move(*inputs),
                            .input = *input,
                            .output = *output,
                            .keep = std::move(*keep),
                            .keep_all = (read->flags & FC_PLAN_KEEP_ALL) != 0,
                            .cut = *cut,
                            .instructions = *instructions};
}

fc_type type_of(DataType dtype) noexcept {
  return dtype == DataType::f16    ? FC_TYPE_F16
         : dtype == DataType::bf16 ? FC_TYPE_BF16
                                   : FC_TYPE_F32;
}

}  // namespace foldconv::c
