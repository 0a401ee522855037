// SPDX-License-Identifier: MIT
// What the commands print: a table for people, JSON or CSV for programs, all from one schema of
// fields. Every row is written and flushed as soon as it exists.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "harness/problem/problem.hpp"
#include "report/color.hpp"

namespace foldconv::tool {

enum class Format { table, json, csv };

// A truth, number or text, or null: no value (empty in CSV).
using Value = nlohmann::ordered_json;
inline Value value_if(bool known, const Value& value) {
  return known ? value : Value();
}
inline Value known(const Value& number) {  // 0: not known
  return value_if(number > 0, number);
}
inline Value text_or_none(const std::string& text) {
  return value_if(!text.empty(), text);
}

// Where a value stands in the table.
struct Place {
  std::string title = {};
  int width = 0;      // of the widest cell; the title may be wider; 0: not in the table
  bool left = false;  // for texts
  int digits = 2;     // of numbers that are no integers
};

// A field of JSON and CSV, and perhaps a cell of the table.
struct Field {
  std::string key;
  Value value;
  Place place = {};
  std::optional<std::string> cell = {};  // what stands in the table; nothing: the value itself
};
using Fields = std::vector<Field>;

// A row about a problem: its names, then `more`. The table names it in its `first` row.
Fields problem_fields(const harness::Problem& problem, bool first, int label_width,
                      const Fields& more);

// What stands before the rows.
struct Heading {
  Fields fields = {};                      // for JSON and CSV: version, device, settings
  std::vector<std::string> preamble = {};  // lines above the table
};

// One for each Format.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual void begin(const Heading& heading) = 0;
  // All rows have the same fields, at the same places. For the table: `note` stands below the row;
  // `instead`, broken between words, in place of all cells but the first two.
  virtual void row(const Fields& fields, const std::string& note = "",
                   const std::string& instead = "") = 0;
  // `fields` for JSON, `lines` for the table.
  virtual void end(const Fields& fields, const std::vector<std::string>& lines) = 0;
};
// `paint`: of the table.
std::unique_ptr<Writer> make_writer(Format format, std::ostream& out, const Paint& paint = {});

}  // namespace foldconv::tool
