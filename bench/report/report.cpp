#include "report/report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace foldconv::tool {
namespace {

class TableReport final : public Report {
 public:
  explicit TableReport(std::ostream& out) : out_(out) {}

  void begin(const Heading& heading) override {
    for (const std::string& line : heading.preamble) out_ << line << '\n';
    begin_columns(heading.columns, !heading.preamble.empty());
  }

  void section(const std::vector<std::string>& lines, const std::vector<Column>& columns) override {
    const bool first = columns_.empty();
    if (!first) out_ << '\n';
    for (const std::string& line : lines) out_ << line << '\n';
    begin_columns(columns, first || !lines.empty());
  }

  void row(const Row& row) override {
    if (!columns_.empty()) write_cells(row.cells);
    if (!row.note.empty()) out_ << row.note << '\n';
    out_.flush();
  }

  void end(const Fields&, const std::vector<std::string>& lines) override {
    for (const std::string& line : lines) out_ << line << '\n';
    out_.flush();
  }

 private:
  void begin_columns(const std::vector<Column>& columns, bool behind_lines) {
    columns_ = columns;
    if (columns_.empty()) return;
    if (behind_lines) out_ << '\n';
    std::vector<std::string> titles;
    for (Column& column : columns_) {
      column.width = std::max(column.width, static_cast<int>(column.title.size()));
      titles.push_back(column.title);
    }
    write_cells(titles);
  }

  void write_cells(const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size() && i < cells.size(); ++i) {
      const auto width = static_cast<std::size_t>(columns_[i].width);
      const std::string padding(width - std::min(width, cells[i].size()), ' ');
      if (i > 0) line += "  ";
      line += columns_[i].left ? cells[i] + padding : padding + cells[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out_ << line << '\n';
  }

  std::ostream& out_;
  std::vector<Column> columns_;
};

nlohmann::ordered_json to_json(const Fields& fields) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const auto& [key, value] : fields) {
    std::visit(
        [&object, &key = key](const auto& held) {
          using Held = std::decay_t<decltype(held)>;
          if constexpr (std::is_same_v<Held, std::monostate>) {
            object[key] = nullptr;
          } else {
            object[key] = held;
          }
        },
        value);
  }
  return object;
}

// One document: {"header": {...}, "rows": [...], "summary": {...}}, written piece by piece.
class JsonReport final : public Report {
 public:
  explicit JsonReport(std::ostream& out) : out_(out) {}

  void begin(const Heading& heading) override {
    out_ << "{\"header\": " << to_json(heading.fields).dump() << ",\n\"rows\": [";
    out_.flush();
  }

  void row(const Row& row) override {
    out_ << (first_ ? "\n" : ",\n") << to_json(row.fields).dump();
    first_ = false;
    out_.flush();
  }

  void end(const Fields& fields, const std::vector<std::string>&) override {
    out_ << "\n],\n\"summary\": " << to_json(fields).dump() << "}\n";
    out_.flush();
  }

 private:
  std::ostream& out_;
  bool first_ = true;
};

// A line of keys, then a line a row; the heading's fields close each row, so that every line says
// what it was measured on.
class CsvReport final : public Report {
 public:
  explicit CsvReport(std::ostream& out) : out_(out) {}

  void begin(const Heading& heading) override { heading_ = heading.fields; }

  void row(const Row& row) override {
    Fields fields = row.fields;
    fields.insert(fields.end(), heading_.begin(), heading_.end());
    if (!keys_written_) {
      write(fields, [](const auto& field) { return escaped(field.first); });
      keys_written_ = true;
    }
    write(fields, [](const auto& field) { return text(field.second); });
    out_.flush();
  }

  void end(const Fields&, const std::vector<std::string>&) override { out_.flush(); }

 private:
  template <class ToText>
  void write(const Fields& fields, ToText to_text) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      out_ << (i == 0 ? "" : ",") << to_text(fields[i]);
    }
    out_ << '\n';
  }

  static std::string escaped(const std::string& value) {
    if (value.find_first_of(",\"\n") == std::string::npos) return value;
    std::string quoted = "\"";
    for (const char c : value) {
      if (c == '"') quoted += '"';
      quoted += c;
    }
    return quoted + '"';
  }

  static std::string text(const Value& value) {
    if (const auto* string = std::get_if<std::string>(&value)) return escaped(*string);
    if (std::holds_alternative<std::monostate>(value)) return "";
    return to_json({{"value", value}})["value"].dump();
  }

  std::ostream& out_;
  Fields heading_;
  bool keys_written_ = false;
};

std::string formatted(const char* format, int digits, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, digits, value);
  return text.data();
}

}  // namespace

std::unique_ptr<Report> make_report(Format format, std::ostream& out) {
  switch (format) {
    case Format::json:
      return std::make_unique<JsonReport>(out);
    case Format::csv:
      return std::make_unique<CsvReport>(out);
    case Format::table:
      break;
  }
  return std::make_unique<TableReport>(out);
}

Value value_if(bool known, Value value) {
  if (known) return value;
  return {};
}

Value text_or_none(const std::string& text) {
  return value_if(!text.empty(), text);
}

std::string fixed(double value, int digits) {
  return std::isfinite(value) ? formatted("%.*f", digits, value) : "-";
}

std::string short_number(double value) {
  return std::isfinite(value) ? formatted("%.*g", 3, value) : "-";
}

std::string grouped(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string wrapped(const std::string& text, std::size_t indent) {
  constexpr std::size_t kLineWidth = 118;
  std::string lines;
  std::size_t begin = 0;
  while (text.size() - begin > kLineWidth - indent) {
    const std::size_t end = text.rfind(' ', begin + kLineWidth - indent);
    if (end == std::string::npos || end <= begin) break;
    lines += text.substr(begin, end - begin) + "\n" + std::string(indent, ' ');
    begin = end + 1;
  }
  return lines + text.substr(begin);
}

std::string clipped(const std::string& text, int width) {
  const auto limit = static_cast<std::size_t>(std::max(width, 4));
  if (text.size() <= limit) return text;
  const std::size_t front = (limit - 2) / 2;
  return text.substr(0, front) + ".." + text.substr(text.size() - (limit - 2 - front));
}

}  // namespace foldconv::tool
