// SPDX-License-Identifier: MIT
#include "onnx/wire/parse.hpp"

#include <cstring>
#include <protozero/pbf_reader.hpp>
#include <string>

#include "base/error.hpp"
#include "base/text.hpp"

namespace foldconv::onnx::wire {
namespace {

using host::text;
using protozero::pbf_reader;
using protozero::pbf_wire_type;

constexpr const char* kWriteAgain = "the file is damaged or no ONNX model: write it again";

// What ends the parsing; within this file only.
struct Damage {
  std::string what;
  const char* where;  // in the bytes
};
struct TooMany {
  std::string what;
  std::int64_t most;
};

std::string_view view(protozero::data_view data) {
  return {data.data(), data.size()};
}

// Fields by number and wire type: one of another type is a field that is not known.
constexpr std::uint32_t varint(std::uint32_t number) {
  return protozero::tag_and_type(number, pbf_wire_type::varint);
}
constexpr std::uint32_t bytes(std::uint32_t number) {
  return protozero::tag_and_type(number, pbf_wire_type::length_delimited);
}
constexpr std::uint32_t fixed32(std::uint32_t number) {
  return protozero::tag_and_type(number, pbf_wire_type::fixed32);
}
constexpr std::uint32_t fixed64(std::uint32_t number) {
  return protozero::tag_and_type(number, pbf_wire_type::fixed64);
}

// Calls `read` for each field of a message; it returns false for a field that it does not know.
template <class Read>
void each_field(std::string_view message, Read&& read) {
  pbf_reader reader(message.data(), message.size());
  try {
    while (reader.next()) {
      if (!read(reader)) reader.skip();
    }
  } catch (const protozero::exception& exception) {
    throw Damage{exception.what(), reader.data().data()};
  }
}

// The encoded field that is next: packed numbers, or one.
std::string_view run_of(pbf_reader& reader) {
  if (reader.wire_type() == pbf_wire_type::length_delimited) return view(reader.get_view());
  const char* begin = reader.data().data();
  reader.skip();
  return {begin, static_cast<std::size_t>(reader.data().data() - begin)};
}

template <class Each>
void each_varint(std::string_view run, Each&& each) {
  const char* at = run.data();
  const char* end = at + run.size();
  while (at != end) each(protozero::decode_varint(&at, end));
}

class Parser {
 public:
  ModelProto model(std::string_view message) {
    ModelProto model;
    each_field(message, [&](pbf_reader& reader) {
      switch (reader.tag_and_type()) {
        case varint(1):
          model.ir_version = reader.get_int64();
          return true;
        case bytes(8):
          model.opset_import.push_back(operator_set(part(reader)));
          return true;
        case bytes(2):
          model.producer_name = view(reader.get_view());
          return true;
        case bytes(3):
          model.producer_version = view(reader.get_view());
          return true;
        case bytes(4):
          model.domain = view(reader.get_view());
          return true;
        case varint(5):
          model.model_version = reader.get_int64();
          return true;
        case bytes(7):
          once(model.graph, reader, "graph");
          *model.graph = graph(view(reader.get_view()), 1);
          return true;
        case bytes(14):
          model.metadata_props.push_back(entry(part(reader)));
          return true;
      }
      return false;
    });
    return model;
  }

 private:
  // The bytes of one more part of the file.
  std::string_view part(pbf_reader& reader) {
    count(parts_, kMostParts, "names, attributes and dimensions");
    return view(reader.get_view());
  }

  static void count(std::int64_t& number, std::int64_t most, const char* what) {
    if (++number > most) throw TooMany{what, most};
  }

  // protobuf merges a message that comes twice; no writer of models does so.
  template <class Message>
  static void once(std::unique_ptr<Message>& message, pbf_reader& reader, const char* name) {
    if (message != nullptr) throw Damage{text("a second ", name), reader.data().data()};
    message = std::make_unique<Message>();
  }

  OperatorSetIdProto operator_set(std::string_view message) {
    OperatorSetIdProto set;
    each_field(message, [&](pbf_reader& reader) {
      switch (reader.tag_and_type()) {
        case bytes(1):
          set.domain = view(reader.get_view());
          return true;
        case varint(2):
          set.version = reader.get_int64();
          return true;
      }
      return false;
    });
    return set;
  }

  StringStringEntryProto entry(std::string_view message) {
    StringStringEntryProto entry;
    each_field(message, [&](pbf_reader& reader) {
      switch (reader.tag_and_type()) {
        case bytes(1):
          entry.key = view(reader.get_view());
          return true;
        case bytes(2):
          entry.value = view(reader.get_view());
          return true;
      }
      return false;
    });
    return entry;
  }

  Dimension dimension(std::string_view message) {
    Dimension dimension;
    each_field(message, [&](pbf_reader& reader) {
      switch (reader.tag_and_type()) {
        case varint(1):
          dimension = {.dim_value = reader.get_int64(), .dim_param = {}};
          return true;
        case bytes(2):
          dimension = {.dim_value = {}, .dim_param = view(reader.get_view())};
          return true;
      }
      return false;
    });
    return dimension;
  }

  TensorShapeProto shape(std::string_view message) {
    TensorShapeProto shape;
    each_field(message, [&](pbf_reader& reader) {
      if (reader.tag_and_type() != bytes(1)) return false;
      shape.dim.push_back(dimension(part(reader)));
      return true;
    });
    return shape;
  }

  TypeProto tensor_type(std::string_view message) {
    TypeProto type{.is_tensor = true, .elem_type = 0, .shape = {}};
    each_field(message, [&](pbf_reader& reader) {
      switch (reader.tag_and_type()) {
        case varint(1):
          type.elem_type = reader.get_int32();
          return true;
        case bytes(2):
          type.shape = shape(part(reader));
          return true;
      }
      return false;
    });
    return type;
  }

  TypeProto type(std::string_view message) {
    TypeProto type;
    each_field(message, [&](pbf_reader& reader) {
      if (reader.tag_and_type() != bytes(1)) return false;
      type = tensor_type(part(reader));
      return true;
    });
    return type;
  }

  ValueInfoProto value_info(std::string_view message) {
    ValueInfoProto info;
    each_field(message, [&](pbf_reader& reader) {
      switch (reader.tag_and_type()) {
        case bytes(1):
          info.name = view(reader.get_view());
          return true;
        case bytes(2):
          info.type = type(part(reader));
          return true;
      }
      return false;
    });
    return info;
  }

  TensorProto tensor(std::string_view message) {
    count(tensors_, kMostTensors, "tensors");
    TensorProto tensor;
    each_field(message, [&](pbf_reader& reader) {
      switch (reader.tag_and_type()) {
        case varint(1):
        case bytes(1):
          each_varint(run_of(reader), [&](std::uint64_t value) {
            count(parts_, kMostParts, "names, attributes and dimensions");
            tensor.dims.push_back(static_cast<std::int64_t>(value));
          });
          return true;
        case varint(2):
          tensor.data_type = reader.get_int32();
          return true;
        case fixed32(4):
        case bytes(4):
          tensor.float_data.runs.push_back(run_of(reader));
          return true;
        case varint(5):
        case bytes(5):
          tensor.int32_data.runs.push_back(run_of(reader));
          return true;
        case bytes(6):
          tensor.string_data.push_back(part(reader));
          return true;
        case varint(7):
        case bytes(7):
          tensor.int64_data.runs.push_back(run_of(reader));
          return true;
        case bytes(8):
          tensor.name = view(reader.get_view());
          return true;
        case bytes(9):
          tensor.raw_data = view(reader.get_view());
          return true;
        case fixed64(10):
        case bytes(10):
          tensor.double_data.runs.push_back(run_of(reader));
          return true;
        case varint(11):
        case bytes(11):
          tensor.uint64_data.runs.push_back(run_of(reader));
          return true;
        case bytes(13):
          tensor.external_data.push_back(entry(part(reader)));
          return true;
        case varint(14):
          tensor.data_location = reader.get_int32();
          return true;
      }
      return false;
    });
    return tensor;
  }

  AttributeProto attribute(std::string_view message, int depth) {
    AttributeProto attribute;
    each_field(message, [&](pbf_reader& reader) {
      switch (reader.tag_and_type()) {
        case bytes(1):
          attribute.name = view(reader.get_view());
          return true;
        case bytes(21):
          attribute.ref_attr_name = view(reader.get_view());
          return true;
        case varint(20):
          attribute.type = reader.get_int32();
          return true;
        case fixed32(2):
          attribute.f = reader.get_float();
          return true;
        case varint(3):
          attribute.i = reader.get_int64();
          return true;
        case bytes(4):
          attribute.s = view(reader.get_view());
          return true;
        case bytes(5):
          once(attribute.t, reader, "tensor of an attribute");
          *attribute.t = tensor(part(reader));
          return true;
        case bytes(6):
          once(attribute.g, reader, "graph of an attribute");
          *attribute.g = graph(part(reader), depth + 1);
          return true;
        case fixed32(7):
        case bytes(7):
          append_floats(attribute.floats, reader);
          return true;
        case varint(8):
        case bytes(8):
          each_varint(run_of(reader), [&](std::uint64_t value) {
            attribute.ints.push_back(static_cast<std::int64_t>(value));
          });
          return true;
        case bytes(9):
          attribute.strings.push_back(part(reader));
          return true;
        case bytes(10):
          attribute.tensors.push_back(tensor(part(reader)));
          return true;
        case bytes(11):
          attribute.graphs.push_back(graph(part(reader), depth + 1));
          return true;
      }
      return false;
    });
    return attribute;
  }

  static void append_floats(std::vector<float>& floats, pbf_reader& reader) {
    const char* where = reader.data().data();
    const std::string_view run = run_of(reader);
    if (run.size() % sizeof(float) != 0) throw Damage{"a broken list of floats", where};
    const std::size_t before = floats.size();
    floats.resize(before + run.size() / sizeof(float));
    if (!run.empty()) std::memcpy(floats.data() + before, run.data(), run.size());
  }

  NodeProto node(std::string_view message, int depth) {
    count(nodes_, kMostNodes, "nodes");
    NodeProto node;
    each_field(message, [&](pbf_reader& reader) {
      switch (reader.tag_and_type()) {
        case bytes(1):
          node.input.push_back(part(reader));
          return true;
        case bytes(2):
          node.output.push_back(part(reader));
          return true;
        case bytes(3):
          node.name = view(reader.get_view());
          return true;
        case bytes(4):
          node.op_type = view(reader.get_view());
          return true;
        case bytes(7):
          node.domain = view(reader.get_view());
          return true;
        case bytes(5):
          node.attribute.push_back(attribute(part(reader), depth));
          return true;
      }
      return false;
    });
    return node;
  }

  GraphProto graph(std::string_view message, int depth) {
    if (depth > kMostDepth) throw TooMany{"graphs within each other", kMostDepth};
    GraphProto graph;
    each_field(message, [&](pbf_reader& reader) {
      switch (reader.tag_and_type()) {
        case bytes(1):
          graph.node.push_back(node(view(reader.get_view()), depth));
          return true;
        case bytes(2):
          graph.name = view(reader.get_view());
          return true;
        case bytes(5):
          graph.initializer.push_back(tensor(view(reader.get_view())));
          return true;
        case bytes(11):
          graph.input.push_back(value_info(part(reader)));
          return true;
        case bytes(12):
          graph.output.push_back(value_info(part(reader)));
          return true;
        case bytes(13):
          graph.value_info.push_back(value_info(part(reader)));
          return true;
      }
      return false;
    });
    return graph;
  }

  std::int64_t nodes_ = 0, tensors_ = 0, parts_ = 0;
};

}  // namespace

Result<ModelProto> parse(std::span<const std::byte> given) {
  const std::string_view message(reinterpret_cast<const char*>(given.data()), given.size());
  if (message.empty()) {
    return host::invalid("no ONNX model", "0 bytes", "give a file that was written whole");
  }
  try {
    ModelProto model = Parser().model(message);
    if (model.graph == nullptr) {
      return host::invalid("no ONNX model", text("no graph in ", message.size(), " bytes"),
                           kWriteAgain);
    }
    return model;
  } catch (const Damage& damage) {
    return host::invalid(
        "no ONNX model",
        text(damage.what, " at byte ", damage.where - message.data(), " of ", message.size()),
        kWriteAgain);
  } catch (const TooMany& many) {
    return host::error(ErrorCode::unsupported, "an ONNX model beyond the limits",
                       text("more than ", many.most, " ", many.what),
                       "give a model of fewer, or split it");
  } catch (const protozero::exception& exception) {
    return host::invalid("no ONNX model", exception.what(), kWriteAgain);
  }
}

Result<std::vector<std::int64_t>> varints(const Numbers& numbers) {
  std::vector<std::int64_t> values;
  try {
    for (const std::string_view run : numbers.runs) {
      each_varint(run,
                  [&](std::uint64_t value) { values.push_back(static_cast<std::int64_t>(value)); });
    }
  } catch (const protozero::exception& exception) {
    return host::invalid("a broken list of integers", exception.what(), kWriteAgain);
  }
  return values;
}

Result<std::string_view> fixed(const Numbers& numbers, std::size_t size, std::vector<char>& owned) {
  owned.clear();
  for (const std::string_view run : numbers.runs) {
    if (run.size() % size != 0) {
      return host::invalid("a broken list of numbers",
                           text(run.size(), " bytes for numbers of ", size), kWriteAgain);
    }
    if (numbers.runs.size() == 1) return run;
    owned.insert(owned.end(), run.begin(), run.end());
  }
  return std::string_view(owned.data(), owned.size());
}

}  // namespace foldconv::onnx::wire
