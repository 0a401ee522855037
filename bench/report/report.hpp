// What the commands print: a table for people, JSON or CSV for programs. Every row is written and
// flushed as soon as it exists.
#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "commands/options.hpp"

namespace foldconv::tool {

// monostate: no value (null in JSON, empty in CSV).
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string>;
using Fields = std::vector<std::pair<std::string, Value>>;

Value value_if(bool known, Value value);      // or no value
Value text_or_none(const std::string& text);  // no value where empty

struct Column {
  std::string title;
  int width = 0;  // of the widest cell; the title may be wider
  bool left = false;
};

// What stands before the rows.
struct Heading {
  Fields fields;                      // for JSON and CSV: version, device, settings
  std::vector<std::string> preamble;  // lines above the table
  std::vector<Column> columns;
};

// One result. All rows of a report have the same keys, in the same order.
struct Row {
  Fields fields;                   // for JSON and CSV
  std::vector<std::string> cells;  // for the table, one a column
  std::string note;                // for the table, below the cells; empty: none
};

class Report {
 public:
  virtual ~Report() = default;
  virtual void begin(const Heading& heading) = 0;
  // For the table: from here on rows have these columns; `lines` stand above them. Keys stay.
  virtual void section(const std::vector<std::string>& /*lines*/,
                       const std::vector<Column>& /*columns*/) {}
  virtual void row(const Row& row) = 0;
  // `fields` for JSON, `lines` for the table.
  virtual void end(const Fields& fields, const std::vector<std::string>& lines) = 0;
};

std::unique_ptr<Report> make_report(Format format, std::ostream& out);

// Text of a table.
std::string fixed(double value, int digits);  // "12.30"; "-" where not finite
std::string short_number(double value);       // 3 significant digits: "0.0123", "1.23e-05"
std::string grouped(std::uint64_t value);     // "12,345,678"
// Lines of at most 118 characters, broken between words; all but the first begin with `indent`
// spaces.
std::string wrapped(const std::string& text, std::size_t indent);
std::string clipped(const std::string& text, int width);  // cut with ".." in the middle

}  // namespace foldconv::tool
