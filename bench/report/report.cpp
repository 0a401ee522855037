// SPDX-License-Identifier: MIT
#include "report/report.hpp"

#include <algorithm>
#include <utility>

#include "harness/problem/text.hpp"
#include "report/text.hpp"

namespace foldconv::tool {
namespace {

std::string cell_of(const Field& field) {
  if (field.cell) return without_controls(*field.cell);
  const Value& value = field.value;
  if (value.is_string()) return without_controls(value.get<std::string>());
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "NO";
  if (value.is_number_float()) return fixed(value.get<double>(), field.place.digits);
  if (value.is_number()) return grouped(value.get<std::uint64_t>());
  return field.place.left ? "" : "-";
}

class TableWriter final : public Writer {
 public:
  TableWriter(std::ostream& out, const Paint& paint) : out_(out), paint_(paint) {}

  void begin(const Heading& heading) override {
    for (bool first = true; const std::string& line : heading.preamble) {
      out_ << (std::exchange(first, false) ? paint_.heading(line) : line) << '\n';
    }
    out_.flush();
    has_preamble_ = !heading.preamble.empty();
  }

  void row(const Fields& fields, const std::string& note, const std::string& instead) override {
    std::string titles, cells;
    for (std::size_t columns = 0; const Field& field : fields) {
      if (field.place.width == 0) continue;
      append(field.place, field.place.title, Paint(), titles);
      if (++columns > kNamed && !instead.empty()) continue;
      append(field.place, cell_of(field), field.value.is_boolean() ? paint_ : Paint(), cells);
    }
    if (!titles.empty()) {
      if (!std::exchange(has_titles_, true)) {
        out_ << (has_preamble_ ? "\n" : "") << paint_.heading(trimmed(titles)) << '\n';
      }
      if (!instead.empty()) cells += "  " + paint_.verdict(wrapped(instead, cells.size() + 2));
      out_ << trimmed(cells) << '\n';
    }
    if (!note.empty()) out_ << paint_.verdict(note) << '\n';
    out_.flush();
  }

  void end(const Fields&, const std::vector<std::string>& lines) override {
    for (const std::string& line : lines) out_ << paint_.verdict(line) << '\n';
    out_.flush();
  }

 private:
  static constexpr std::size_t kNamed = 2;  // columns that say what a row is about

  static void append(const Place& place, const std::string& cell, const Paint& paint,
                     std::string& line) {
    const std::size_t width = std::max(static_cast<std::size_t>(place.width), place.title.size());
    const std::string padding(width - std::min(width, cell.size()), ' ');
    const std::string painted = paint.verdict(cell);
    line += (line.empty() ? "" : "  ") + (place.left ? painted + padding : padding + painted);
  }
  static std::string trimmed(std::string line) {
    return line.erase(line.find_last_not_of(' ') + 1);
  }

  std::ostream& out_;
  Paint paint_;
  bool has_preamble_ = false, has_titles_ = false;
};

std::string to_json(const Fields& fields) {
  Value object = Value::object();
  for (const Field& field : fields) object[field.key] = field.value;
  return object.dump(-1, ' ', false, Value::error_handler_t::replace);
}

// One document: {"header": {...}, "rows": [...], "summary": {...}}, written piece by piece.
class JsonWriter final : public Writer {
 public:
  explicit JsonWriter(std::ostream& out) : out_(out) {}

  void begin(const Heading& heading) override {
    out_ << "{\"header\": " << to_json(heading.fields) << ",\n\"rows\": [" << std::flush;
  }
  void row(const Fields& fields, const std::string&, const std::string&) override {
    out_ << std::exchange(before_row_, ",\n") << to_json(fields) << std::flush;
  }
  void end(const Fields& fields, const std::vector<std::string>&) override {
    out_ << "\n],\n\"summary\": " << to_json(fields) << "}\n" << std::flush;
  }

 private:
  std::ostream& out_;
  const char* before_row_ = "\n";
};

// A line of keys, then a line a row; the heading's fields close each row, so that every line says
// what it was measured on.
class CsvWriter final : public Writer {
 public:
  explicit CsvWriter(std::ostream& out) : out_(out) {}

  void begin(const Heading& heading) override { heading_ = heading.fields; }

  void row(const Fields& fields, const std::string&, const std::string&) override {
    std::string keys, values;
    for (const Fields& some : {fields, heading_}) {
      for (const Field& field : some) {
        keys += "," + quoted_if_needed(field.key);
        values += "," + quoted_if_needed(field.value);
      }
    }
    if (!std::exchange(keys_written_, true)) out_ << keys.substr(1) << '\n';
    out_ << values.substr(1) << '\n' << std::flush;
  }

  void end(const Fields&, const std::vector<std::string>&) override {}

 private:
  static std::string quoted_if_needed(const Value& value) {
    // Infinities and NaN are null, too.
    if (!value.is_string()) return value.dump() == "null" ? "" : value.dump();
    const auto text = value.get<std::string>();
    if (text.find_first_of(",\"\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
    return quoted + '"';
  }

  std::ostream& out_;
  Fields heading_;
  bool keys_written_ = false;
};

}  // namespace

std::unique_ptr<Writer> make_writer(Format format, std::ostream& out, const Paint& paint) {
  if (format == Format::json) return std::make_unique<JsonWriter>(out);
  if (format == Format::csv) return std::make_unique<CsvWriter>(out);
  return std::make_unique<TableWriter>(out, paint);
}

Fields problem_fields(const harness::Problem& problem, bool first, int label_width,
                      const Fields& more) {
  Fields fields = {{"name", problem.name},
                   {"descriptor",
                    descriptor_of(problem),
                    {"problem", label_width, true},
                    first ? clipped(problem.label, label_width) : ""}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

}  // namespace foldconv::tool
