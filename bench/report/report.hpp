// SPDX-License-Identifier: MIT
// What the commands print: a table for people, JSON or CSV for programs, all from one schema of
// columns. Every row is written and flushed as soon as it exists.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace foldconv::tool {

enum class Format { table, json, csv };

// monostate: no value (null in JSON, empty in CSV).
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string>;
using Fields = std::vector<std::pair<std::string, Value>>;

Value value_if(bool known, Value value);      // or no value
Value text_or_none(const std::string& text);  // no value where empty
Value count_of(std::uint64_t value);

// Where a value stands in the table.
struct Place {
  std::string title;
  int width = 0;  // of the widest cell; the title may be wider
  bool left = false;
};

// One column of a report about Rows: a field of JSON and CSV, and perhaps a column of the table.
template <class Row>
struct Column {
  using ToValue = std::function<Value(const Row&)>;
  using ToCell = std::function<std::string(const Row&)>;

  Column(std::string with_key, ToValue to_value, Place in_table = {}, ToCell to_cell = {})
      : key(std::move(with_key)),
        value(std::move(to_value)),
        place(std::move(in_table)),
        cell(std::move(to_cell)) {}

  std::string key;  // of the field
  ToValue value;
  Place place;  // width 0: not in the table
  ToCell cell;
};

// What stands before the rows.
struct Heading {
  Fields fields;                      // for JSON and CSV: version, device, settings
  std::vector<std::string> preamble;  // lines above the table
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
    for (const Column<Row>& column : columns_) {
      fields.emplace_back(column.key, column.value(row));
      if (column.place.width > 0 && (instead.empty() || cells.size() < from)) {
        cells.push_back(column.cell(row));
      }
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
