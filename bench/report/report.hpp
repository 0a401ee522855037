// SPDX-License-Identifier: MIT
// What the commands print: a table for people, JSON or CSV for programs, all from one schema of
// columns. Every row is written and flushed as soon as it exists.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "harness/problem/text.hpp"
#include "report/text.hpp"

namespace foldconv::tool {

enum class Format { table, json, csv };

// monostate: no value (null in JSON, empty in CSV).
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string>;
using Fields = std::vector<std::pair<std::string, Value>>;

// Integers of any kind are int64_t; an optional may have no value.
template <class T>
Value to_value(const T& value) {
  if constexpr (std::integral<T> && !std::same_as<T, bool>) {
    return static_cast<std::int64_t>(value);
  } else if constexpr (requires { value.has_value(); }) {
    return value ? to_value(*value) : Value();
  } else {
    return value;
  }
}
template <class T>
Value value_if(bool known, const T& value) {
  return known ? to_value(value) : Value();
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
// A value as it stands there, unless its column says otherwise.
std::string cell_of(const Value& value, const Place& place);

// One column of a report about Rows: a field of JSON and CSV, and perhaps a column of the table.
template <class Row>
struct Column {
  using ToCell = std::function<std::string(const Row&)>;

  // `get`: the value of a row; a member will do.
  template <class Get>
  Column(std::string with_key, Get get, Place in_table = {}, ToCell to_cell = {})
      : key(std::move(with_key)),
        value([get](const Row& row) { return to_value(std::invoke(get, row)); }),
        place(std::move(in_table)),
        cell(std::move(to_cell)) {}

  std::string key;
  std::function<Value(const Row&)> value;
  Place place;
  ToCell cell;
};

// The columns that every report begins with. Rows have a `problem`, and `first`: of that problem.
template <class Row>
std::vector<Column<Row>> problem_columns(int label_width) {
  return {{"name", [](const Row& row) { return row.problem.name; }},
          {"descriptor",
           [](const Row& row) { return descriptor_of(row.problem); },
           {"problem", label_width, true},
           [label_width](const Row& row) {
             return row.first ? clipped(row.problem.label, label_width) : "";
           }}};
}

// What stands before the rows.
struct Heading {
  Fields fields = {};                      // for JSON and CSV: version, device, settings
  std::vector<std::string> preamble = {};  // lines above the table
};

// Writes what the columns say; one for each Format.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual void begin(const Heading& heading, const std::vector<Place>& places) = 0;
  // `cells` for the table, fewer than there are places where the rest is blank; `note` below them.
  virtual void row(const Fields& fields, const std::vector<std::string>& cells,
                   const std::string& note) = 0;
  // `fields` for JSON, `lines` for the table.
  virtual void end(const Fields& fields, const std::vector<std::string>& lines) = 0;
};
std::unique_ptr<Writer> make_writer(Format format, std::ostream& out);

template <class Row>
class Report {
 public:
  Report(Writer& writer, const Heading& heading, std::vector<Column<Row>> columns)
      : writer_(writer), columns_(std::move(columns)) {
    std::vector<Place> places;
    for (const Column<Row>& column : columns_) {
      if (column.place.width > 0) places.push_back(column.place);
    }
    writer_.begin(heading, places);
  }

  // `instead`: stands in the table in place of the cells from the column `from` on.
  void row(const Row& row, const std::string& note = "", const std::string& instead = "",
           std::size_t from = 0) {
    Fields fields;
    std::vector<std::string> cells;
    for (const auto& [key, value, place, cell] : columns_) {
      fields.emplace_back(key, value(row));
      if (place.width == 0 || (!instead.empty() && cells.size() >= from)) continue;
      cells.push_back(cell ? cell(row) : cell_of(fields.back().second, place));
    }
    if (!instead.empty()) cells.push_back(instead);
    writer_.row(fields, cells, note);
  }

  void end(const Fields& fields, const std::vector<std::string>& lines) {
    writer_.end(fields, lines);
  }

 private:
  Writer& writer_;
  std::vector<Column<Row>> columns_;
};

}  // namespace foldconv::tool
