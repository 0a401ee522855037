// SPDX-License-Identifier: MIT
#include "onnx/import.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/text.hpp"
#include "onnx/node.hpp"
#include "onnx/operators.hpp"
#include "onnx/refusal.hpp"
#include "onnx/scope.hpp"
#include "onnx/wire/elements.hpp"
#include "onnx/wire/printable.hpp"

namespace foldconv::onnx {
namespace {

using host::text;
using wire::printable;

constexpr int kOldestOpset = 7, kNewestOpset = 28;

bool is_default_domain(std::string_view domain) {
  return domain.empty() || domain == "ai.onnx";
}

int opset_of(const wire::ModelProto& model) {
  std::optional<std::int64_t> version;
  for (const wire::OperatorSetIdProto& set : model.opset_import) {
    if (!is_default_domain(set.domain)) continue;
    if (version && *version != set.version) {
      reject("one opset of ONNX's own operators", text(*version, " and ", set.version));
    }
    version = set.version;
  }
  if (!version) reject("the opset is given", "it is not");
  if (*version < kOldestOpset || *version > kNewestOpset) {
    refuse(text("opset ", kOldestOpset, " to ", kNewestOpset), text(*version),
           "convert the model to another opset");
  }
  return static_cast<int>(*version);
}

Problem problem_of(Refusal refusal) {
  return {.code = refusal.code,
          .node = {},
          .op = {},
          .opset = 0,
          .rule = std::move(refusal.rule),
          .value = std::move(refusal.value),
          .shape = {},
          .remedy = std::move(refusal.remedy)};
}

// One walk over the nodes.
class Walk {
 public:
  // Nodes of `bad` are taken for refused. Problems go to `problems`, by their place in the file.
  Walk(const wire::ModelProto& model, wire::TensorFiles& files, const ReadOptions& options,
       std::int64_t most_computed, const std::set<std::size_t>& bad,
       std::map<std::size_t, Problem>& problems, std::size_t most_problems)
      : model_(model),
        files_(files),
        most_computed_(most_computed),
        bad_(bad),
        problems_(problems),
        most_problems_(most_problems),
        opset_(opset_of(model)),
        scope_(*model.graph, files, options),
        budget_(most_computed) {}

  // The node at which the graph failed, for whatever follows fails then.
  std::optional<std::size_t> run() {
    const std::size_t nodes = model_.graph->node.size();
    for (std::size_t i = 0; i < scope_.inputs().size(); ++i) {
      const bool right = guarded(kInputs + i, [&] { input(scope_.inputs()[i]); });
      if (!right) scope_.set(scope_.inputs()[i], Unknown{});
    }
    for (const std::size_t i : scope_.nodes()) {
      if (problems_.size() >= most_problems_) return std::nullopt;
      if (!node(i)) return i;
    }
    for (std::size_t i = 0; i < scope_.outputs().size(); ++i) {
      guarded(kNodes + nodes + i, [&] { output(scope_.outputs()[i]); });
    }
    return std::nullopt;
  }

  const Graph& graph() const { return graph_; }

 private:
  // Places of problems: inputs, nodes, outputs.
  static constexpr std::size_t kInputs = 0, kNodes = std::size_t{1} << 32;

  // Whether `body` succeeds; if not, a problem at that place.
  template <class Body>
  bool guarded(std::size_t place, Body&& body) {
    try {
      body();
      if (!graph_.status().ok()) throw refusal_of(graph_.status());
      return true;
    } catch (Refusal& refusal) {
      problems_.emplace(place, problem_of(std::move(refusal)));
      return false;
    }
  }

  void input(std::string_view name) {
    const wire::TypeProto* type = scope_.type_of(name);
    if (type != nullptr && (!type->is_tensor || !wire::is_float(type->elem_type))) {
      if (!scope_.is_used(name)) return;
      refuse("inputs are tensors of floats",
             text(printable(name), " is ",
                  type->is_tensor ? wire::element_name(type->elem_type) : "no tensor"),
             "give its values by the option constants");
    }
    const Extents extents = type != nullptr && type->shape ? extents_of_type(name, *type->shape)
                                                           : inferred_extents(name);
    scope_.set(name, graph_.input(name, extents));
  }

  static Extents extents_of_type(std::string_view name, const wire::TensorShapeProto& shape) {
    Extents extents;
    for (const wire::Dimension& dimension : shape.dim) {
      const std::int64_t extent = dimension.dim_value.value_or(kOpen);
      if (extent == 0 || extent < kOpen) {
        refuse("extents of 1 or more", text(extent, " of input ", printable(name)),
               "leave the extent open");
      }
      extents.push_back(extent);
    }
    return extents;
  }

  // Of a tensor where the file is cut: those that it has in the whole file.
  Extents inferred_extents(std::string_view name) {
    const bool given = std::ranges::any_of(model_.graph->input,
                                           [&](const auto& info) { return info.name == name; });
    if (!given) {
      const ReadOptions whole = {.inputs = {}, .outputs = {std::string(name)}, .constants = {}};
      const Imported before = import_model(model_, files_, whole, 1, most_computed_);
      const Value x = before.graph.find(name);
      if (before.problems.empty() && x != Value{}) return before.graph.extents(x);
    }
    refuse("inputs whose extents the file tells", printable(name),
           "run ONNX's shape inference on the model");
  }

  // False where the graph failed.
  bool node(std::size_t index) {
    const wire::NodeProto& proto = model_.graph->node[index];
    const bool right = !bad_.contains(index) && import_node(index, proto);
    if (!right) {
      for (const std::string_view name : proto.output) scope_.set(name, Unknown{});
    }
    return graph_.status().ok();
  }

  bool import_node(std::size_t index, const wire::NodeProto& proto) {
    Node node(proto, opset_, graph_, scope_, budget_);
    try {
      const Importer importer =
          is_default_domain(proto.domain) ? importer_of(proto.op_type) : nullptr;
      if (importer == nullptr) {
        const std::string domain =
            is_default_domain(proto.domain) ? "" : text(" of ", printable(proto.domain));
        refuse("operator not taken", text(printable(proto.op_type), domain),
               "express it by others");
      }
      const std::string_view of_gelu = scope_.operand_of_gelu(index);
      for (std::size_t i = 0; of_gelu.empty() && i < node.operands(); ++i) {
        if (node.has(i) && std::holds_alternative<Unknown>(node.operand(i))) return false;
      }
      const std::string origin = origin_of(proto);
      graph_.set_origin(origin);
      if (of_gelu.empty()) {
        importer(node);
      } else {
        if (std::holds_alternative<Unknown>(scope_.operand(of_gelu))) return false;
        node.set(graph_.activate(node.data(of_gelu), Activation::gelu, node.result_name()));
      }
      if (!graph_.status().ok()) throw refusal_of(graph_.status(), origin);
      node.check_attributes();
      return true;
    } catch (Refusal& refusal) {
      problems_.emplace(kNodes + index, located(problem_of(std::move(refusal)), proto));
      return false;
    }
  }

  static std::string name_of(const wire::NodeProto& proto) {
    const std::string_view first = proto.output.empty() ? std::string_view() : proto.output[0];
    return wire::escaped(proto.name.empty() ? first : proto.name);
  }

  // What messages call a node.
  std::string origin_of(const wire::NodeProto& proto) const {
    return text("node \"", name_of(proto), "\" (", wire::escaped(proto.op_type), ", opset ", opset_,
                ")");
  }

  Problem located(Problem problem, const wire::NodeProto& proto) {
    problem.node = name_of(proto);
    problem.op = wire::escaped(proto.op_type);
    problem.opset = opset_;
    if (proto.input.empty() || proto.input[0].empty()) return problem;
    const std::string_view operand = proto.input[0];
    try {
      problem.shape = shape_text(scope_.operand(operand), graph_);
    } catch (const Refusal&) {  // it is the problem
      return problem;
    }
    const bool is_input = std::ranges::find(scope_.inputs(), operand) != scope_.inputs().end();
    if (problem.code == ErrorCode::unsupported && !is_input &&
        std::holds_alternative<Value>(scope_.operand(operand))) {
      problem.remedy +=
          text(", or cut the graph before it: ", printable(operand), " in the option outputs");
    }
    return problem;
  }

  void output(std::string_view name) {
    const Operand& x = scope_.operand(name);
    if (std::holds_alternative<Unknown>(x)) return;
    if (std::holds_alternative<Integers>(x)) {
      refuse("outputs are floats", text(printable(name), " are integers"), "cast them to float");
    }
    Value value = graph_.find(name);
    if (const Value* made = std::get_if<Value>(&x)) value = *made;
    if (value == Value{}) value = graph_.constant(std::get<Constant>(x), name);
    graph_.output(value, name);
  }

  const wire::ModelProto& model_;
  wire::TensorFiles& files_;
  std::int64_t most_computed_;
  const std::set<std::size_t>& bad_;
  std::map<std::size_t, Problem>& problems_;
  std::size_t most_problems_;
  int opset_;
  Scope scope_;
  Budget budget_;
  Graph graph_;
};

}  // namespace

// The first ": " ends what is wrong, and the last "; " the value.
Refusal refusal_of(const Status& status, std::string_view origin) {
  std::string_view message = status.message();
  if (!origin.empty() && message.starts_with(origin)) {
    message.remove_prefix(std::min(message.size(), origin.size() + 2));
  }
  Refusal refusal{.code = status.code(), .rule = {}, .value = {}, .remedy = {}};
  if (const std::size_t at = message.rfind("; "); at != message.npos) {
    refusal.remedy = message.substr(at + 2);
    message = message.substr(0, at);
  }
  if (const std::size_t at = message.rfind(": "); at != message.npos) {
    refusal.value = message.substr(at + 2);
    message = message.substr(0, at);
  }
  refusal.rule = message;
  return refusal;
}

Imported import_model(const wire::ModelProto& model, wire::TensorFiles& files,
                      const ReadOptions& options, std::size_t most_problems,
                      std::int64_t most_computed) {
  std::map<std::size_t, Problem> problems;
  std::set<std::size_t> bad;
  Imported imported;
  try {
    for (;;) {
      Walk walk(model, files, options, most_computed, bad, problems, most_problems);
      const std::optional<std::size_t> failed = walk.run();
      imported.graph = walk.graph();
      if (!failed || problems.size() >= most_problems) break;
      bad.insert(*failed);
    }
  } catch (Refusal& refusal) {
    imported.problems.push_back(problem_of(std::move(refusal)));
  }
  for (auto& [place, problem] : problems) imported.problems.push_back(std::move(problem));
  return imported;
}

}  // namespace foldconv::onnx
