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
    for (const std::string& line : heading.preamble) out_ << line << '\n';
    places_ = places;
    if (places_.empty()) return;
    if (!heading.preamble.empty()) out_ << '\n';
    std::vector<std::string> titles;
    for (Place& place : places_) {
      place.width = std::max(place.width, static_cast<int>(place.title.size()));
      titles.push_back(place.title);
    }
    write(titles);
  }

  void row(const Fields&, const std::vector<std::string>& cells, const std::string& note) override {
    if (!places_.empty()) write(cells);
    if (!note.empty()) out_ << note << '\n';
    out_.flush();
  }

  void end(const Fields&, const std::vector<std::string>& lines) override {
    for (const std::string& line : lines) out_ << line << '\n';
    out_.flush();
  }

 private:
  void write(const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t i = 0; i < places_.size() && i < cells.size(); ++i) {
      const auto width = static_cast<std::size_t>(places_[i].width);
      const std::string padding(width - std::min(width, cells[i].size()), ' ');
      if (i > 0) line += "  ";
      const bool left = places_[i].left || cells[i].size() > width;
      line += left ? cells[i] + padding : padding + cells[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out_ << line << '\n';
  }

  std::ostream& out_;
  std::vector<Place> places_;
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
class JsonWriter final : public Writer {
 public:
  explicit JsonWriter(std::ostream& out) : out_(out) {}

  void begin(const Heading& heading, const std::vector<Place>&) override {
    out_ << "{\"header\": " << to_json(heading.fields).dump() << ",\n\"rows\": [";
    out_.flush();
  }

  void row(const Fields& fields, const std::vector<std::string>&, const std::string&) override {
    out_ << (first_ ? "\n" : ",\n") << to_json(fields).dump();
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
class CsvWriter final : public Writer {
 public:
  explicit CsvWriter(std::ostream& out) : out_(out) {}

  void begin(const Heading& heading, const std::vector<Place>&) override {
    heading_ = heading.fields;
  }

  void row(const Fields& fields, const std::vector<std::string>&, const std::string&) override {
    Fields all = fields;
    all.insert(all.end(), heading_.begin(), heading_.end());
    if (!keys_written_) {
      write(all, [](const auto& field) { return escaped(field.first); });
      keys_written_ = true;
    }
    write(all, [](const auto& field) { return text(field.second); });
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

}  // namespace

std::unique_ptr<Writer> make_writer(Format format, std::ostream& out) {
  switch (format) {
    case Format::json:
      return std::make_unique<JsonWriter>(out);
    case Format::csv:
      return std::make_unique<CsvWriter>(out);
    case Format::table:
      break;
  }
  return std::make_unique<TableWriter>(out);
}

Value value_if(bool known, Value value) {
  if (known) return value;
  return {};
}

Value text_or_none(const std::string& text) {
  return value_if(!text.empty(), text);
}

Value count_of(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

}  // namespace foldconv::tool
