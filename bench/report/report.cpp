// SPDX-License-Identifier: MIT
#include "report/report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace foldconv::tool {
namespace {

class TableWriter final : public Writer {
 public:
  explicit TableWriter(std::ostream& out) : out_(out) {}

  void begin(const Heading& heading, const std::vector<Place>& places) override {
    write(heading.preamble);
    places_ = places;
    if (places_.empty()) return;
    if (!heading.preamble.empty()) out_ << '\n';
    std::vector<std::string> titles;
    for (Place& place : places_) {
      place.width = std::max(place.width, static_cast<int>(place.title.size()));
      titles.push_back(place.title);
    }
    out_ << aligned(titles) << '\n';
  }

  void row(const Fields&, const std::vector<std::string>& cells, const std::string& note) override {
    if (!places_.empty()) out_ << aligned(cells) << '\n';
    if (!note.empty()) out_ << note << '\n';
    out_.flush();
  }

  void end(const Fields&, const std::vector<std::string>& lines) override { write(lines); }

 private:
  std::string aligned(const std::vector<std::string>& cells) const {
    std::string line;
    for (std::size_t i = 0; i < places_.size() && i < cells.size(); ++i) {
      const auto width = static_cast<std::size_t>(places_[i].width);
      const std::string padding(width - std::min(width, cells[i].size()), ' ');
      line += (i > 0 ? "  " : "") + (places_[i].left ? cells[i] + padding : padding + cells[i]);
    }
    return line.erase(line.find_last_not_of(' ') + 1);
  }

  void write(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) out_ << line << '\n';
    out_.flush();
  }

  std::ostream& out_;
  std::vector<Place> places_;
};

nlohmann::ordered_json to_json(const Value& value) {
  return std::visit(
      [](const auto& held) -> nlohmann::ordered_json {
        if constexpr (std::is_same_v<decltype(held), const std::monostate&>)
          return nullptr;
        else
          return held;
      },
      value);
}

std::string to_json(const Fields& fields) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const auto& [key, value] : fields) object[key] = to_json(value);
  return object.dump();
}

// One document: {"header": {...}, "rows": [...], "summary": {...}}, written piece by piece.
class JsonWriter final : public Writer {
 public:
  explicit JsonWriter(std::ostream& out) : out_(out) {}

  void begin(const Heading& heading, const std::vector<Place>&) override {
    out_ << "{\"header\": " << to_json(heading.fields) << ",\n\"rows\": [" << std::flush;
  }
  void row(const Fields& fields, const std::vector<std::string>&, const std::string&) override {
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

  void begin(const Heading& heading, const std::vector<Place>&) override {
    heading_ = heading.fields;
  }

  void row(const Fields& fields, const std::vector<std::string>&, const std::string&) override {
    std::string keys, values;
    for (const Fields& some : {fields, heading_}) {
      for (const auto& [key, value] : some) {
        keys += "," + text(key);
        values += "," + text(value);
      }
    }
    if (!std::exchange(keys_written_, true)) out_ << keys.substr(1) << '\n';
    out_ << values.substr(1) << '\n' << std::flush;
  }

  void end(const Fields&, const std::vector<std::string>&) override {}

 private:
  static std::string text(const Value& value) {
    const auto* string = std::get_if<std::string>(&value);
    if (string == nullptr) {
      return std::holds_alternative<std::monostate>(value) ? "" : to_json(value).dump();
    }
    if (string->find_first_of(",\"\n") == std::string::npos) return *string;
    std::string quoted = "\"";
    for (const char c : *string) quoted += c == '"' ? "\"\"" : std::string(1, c);
    return quoted + '"';
  }

  std::ostream& out_;
  Fields heading_;
  bool keys_written_ = false;
};

}  // namespace

std::unique_ptr<Writer> make_writer(Format format, std::ostream& out) {
  if (format == Format::json) return std::make_unique<JsonWriter>(out);
  if (format == Format::csv) return std::make_unique<CsvWriter>(out);
  return std::make_unique<TableWriter>(out);
}

std::string cell_of(const Value& value, const Place& place) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "yes" : "NO";
  if (const auto* number = std::get_if<double>(&value)) return fixed(*number, place.digits);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return grouped(static_cast<std::uint64_t>(*integer));
  }
  return place.left ? "" : "-";
}

}  // namespace foldconv::tool
