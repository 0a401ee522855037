// SPDX-License-Identifier: MIT
#include "options.hpp"

#include <nanobind/stl/vector.h>

#include <initializer_list>
#include <utility>
#include <vector>

#include "error.hpp"

namespace nb = nanobind;

namespace foldconv::python {
namespace {

[[noreturn]] void no_such(const char* what, std::string_view name, const std::string& known) {
  std::string wrong = "no such ", value = "\"";
  wrong += what;
  value.append(name).append("\"");
  raise(invalid(wrong, value, known));
}

template <class T>
T named(std::string_view name, const char* what,
        std::initializer_list<std::pair<std::string_view, T>> all) {
  std::string known;
  for (const auto& [text, value] : all) {
    if (text == name) return value;
    known.append(known.empty() ? "give " : ", ").append(text);
  }
  no_such(what, name, known);
}

template <class T>
std::vector<T> numbers(nb::handle value, const std::string& name, const char* remedy) {
  std::vector<T> result;
  try {
    T one{};
    if (nb::try_cast(value, one)) return {one};
    result = nb::cast<std::vector<T>>(value);
  } catch (const nb::cast_error&) {
    raise(invalid(name + " is no number and no list of them", nb::repr(value).c_str(), remedy));
  }
  return result;
}

[[noreturn]] void wrong_count(const std::string& name, std::size_t count, const char* remedy) {
  raise(invalid(name + " has another number of values", std::to_string(count), remedy));
}

}  // namespace

BlockCut cut_of(std::string_view name) {
  return named<BlockCut>(name, "cut",
                         {{"automatic", BlockCut::automatic},
                          {"whole", BlockCut::whole},
                          {"tails", BlockCut::tails},
                          {"chain", BlockCut::chain}});
}

Instructions instructions_of(std::string_view name) {
  return named<Instructions>(name, "family of instructions",
                             {{"automatic", Instructions::automatic},
                              {"sm80", Instructions::sm80},
                              {"sm90", Instructions::sm90}});
}

StrideAt stride_at_of(std::string_view name) {
  return named<StrideAt>(name, "place of a stride",
                         {{"conv1", StrideAt::conv1}, {"conv2", StrideAt::conv2}});
}

ScalePlacement placement_of(std::string_view name) {
  return named<ScalePlacement>(name, "placement of the scale",
                               {{"automatic", ScalePlacement::automatic},
                                {"weights", ScalePlacement::weights},
                                {"epilogue", ScalePlacement::epilogue}});
}

PixelFormat pixel_format_of(std::string_view name) {
  PixelFormat format;
  const std::size_t space = name.find(' ');
  format.type =
      named<PixelType>(name.substr(0, space), "type of an input",
                       {{"f32", PixelType::f32}, {"f16", PixelType::f16}, {"u8", PixelType::u8}});
  if (space != std::string_view::npos) {
    format.layout = named<PixelLayout>(name.substr(space + 1), "layout of an input",
                                       {{"nchw", PixelLayout::nchw}, {"nhwc", PixelLayout::nhwc}});
  }
  return format;
}

std::array<float, 4> channels_of(nb::handle value, const char* name) {
  static constexpr const char* kRemedy = "give a number, or one for each channel, 4 at most";
  const std::vector<float> given = numbers<float>(value, name, kRemedy);
  if (given.empty() || given.size() > 4) wrong_count(name, given.size(), kRemedy);
  std::array<float, 4> result;
  for (std::size_t i = 0; i < 4; ++i)
    result[i] = given.size() == 1 ? given[0] : i < given.size() ? given[i] : 0;
  return result;
}

Extent extent_of(nb::handle value, const char* name) {
  static constexpr const char* kRemedy = "give an int, or (h, w)";
  const std::vector<int> given = numbers<int>(value, name, kRemedy);
  if (given.size() == 1) return {given[0], given[0]};
  if (given.size() == 2) return {given[0], given[1]};
  wrong_count(name, given.size(), kRemedy);
}

Padding padding_of(nb::handle value) {
  static constexpr const char* kRemedy = "give an int, (h, w) or (top, bottom, left, right)";
  const std::vector<int> given = numbers<int>(value, "padding", kRemedy);
  if (given.size() == 1) return Padding::same(given[0]);
  if (given.size() == 2) return Padding::symmetric(given[0], given[1]);
  if (given.size() == 4) return {given[0], given[1], given[2], given[3]};
  wrong_count("padding", given.size(), kRemedy);
}

}  // namespace foldconv::python
