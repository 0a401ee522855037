// SPDX-License-Identifier: MIT
#include "network.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "device.hpp"
#include "error.hpp"
#include "foldconv/foldconv.hpp"
#include "foldconv/onnx.hpp"
#include "gil.hpp"
#include "host_array.hpp"
#include "network_work.hpp"
#include "options.hpp"
#include "plan.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace foldconv::python {
namespace {

// What a file or its bytes say.
class Model {
 public:
  Model(foldconv::Graph graph) : graph_(std::move(graph)) {}
  const foldconv::Graph& graph() const { return graph_; }

 private:
  foldconv::Graph graph_;
};

class PyNetwork {
 public:
  PyNetwork(const Model& model, const NetworkOptions& options, nb::handle device)
      : ports_(ports_of(model.graph())), dtype_(options.dtype), device_(device_of(device)) {
    const DeviceScope scope(device_);
    check(scope.status());
    std::optional<Result<Network>> made;
    {
      const WithoutGil released;
      made = Network::create(model.graph(), options);
    }
    network_.emplace(take(std::move(*made)));
  }
  ~PyNetwork() {
    if (is_forked()) {  // the device's memory is the parent's
      static_cast<void>(new Network(*network_));
      return;
    }
    const WithoutGil released;  // cudaFree waits for what runs
    network_.reset();
  }
  PyNetwork(const PyNetwork&) = delete;
  PyNetwork& operator=(const PyNetwork&) = delete;

  std::unique_ptr<Plan> plan(const NetworkPlanOptions& options) const {
    enter_device();
    const DeviceScope scope(device_);
    check(scope.status());
    std::optional<Result<NetworkPlan>> made;
    {
      const WithoutGil released;
      made = network_->plan(options);
    }
    return std::make_unique<Plan>(
        network_work(take(std::move(*made)), ports_, options, dtype_, device_));
  }

  nb::object explain() const {
    nb::list remarks;
    for (const NetworkRemark& remark : network_->explanation().remarks)
      remarks.append(nb::make_tuple(remark.pass, remark.text));
    return nb::module_::import_("foldconv._explain")
        .attr("NetworkExplanation")(network_->explanation().to_string(), remarks);
  }

  DataType dtype() const { return dtype_; }
  int device() const { return device_; }

 private:
  std::optional<Network> network_;
  ModelPorts ports_;
  DataType dtype_;
  int device_;
};

using Arrays = std::map<std::string, Constant>;

Arrays constants_of(const nb::dict& given) {
  Arrays constants;
  for (const auto [key, value] : given) {
    if (PyUnicode_Check(key.ptr()) == 0)
      raise(invalid("a constant without a name", nb::repr(key).c_str(), "give names as str"));
    const std::string name = nb::cast<std::string>(key), who = "constant \"" + name + "\"";
    const HostArray array(value, who);
    array.require(kF32, who);
    const auto* const data = static_cast<const float*>(array.data());
    constants.emplace(name, Constant({array.shape().begin(), array.shape().end()},
                                     std::vector<float>(data, data + elements_of(array.shape()))));
  }
  return constants;
}

using Names = std::vector<std::string>;

onnx::ReadOptions read_options(Names inputs, Names outputs, const nb::dict& constants) {
  return {.inputs = std::move(inputs),
          .outputs = std::move(outputs),
          .constants = constants_of(constants)};
}

// Calls with a path or with bytes, without the GIL.
template <class Function>
auto with_source(nb::handle source, const Function& function) {
  if (PyBytes_Check(source.ptr())) {
    char* data = nullptr;
    Py_ssize_t size = 0;
    if (PyBytes_AsStringAndSize(source.ptr(), &data, &size) != 0) throw nb::python_error();
    const WithoutGil released;
    return function(std::as_bytes(std::span<const char>(data, static_cast<std::size_t>(size))));
  }
  const std::filesystem::path path(nb::cast<std::string>(source));
  const WithoutGil released;
  return function(path);
}

std::unique_ptr<Model> read_onnx(nb::handle source, Names inputs, Names outputs,
                                 const nb::dict& constants) {
  const onnx::ReadOptions options = read_options(std::move(inputs), std::move(outputs), constants);
  return std::make_unique<Model>(
      take(with_source(source, [&](const auto& from) { return onnx::read(from, options); })));
}

nb::list inspect_onnx(nb::handle source, Names inputs, Names outputs, const nb::dict& constants) {
  const onnx::ReadOptions options = read_options(std::move(inputs), std::move(outputs), constants);
  const std::vector<onnx::Problem> problems =
      take(with_source(source, [&](const auto& from) { return onnx::inspect(from, options); }));
  const nb::object make = nb::module_::import_("foldconv._ports").attr("Problem");
  nb::list result;
  for (const onnx::Problem& problem : problems) {
    result.append(make(to_string(problem.code), problem.node, problem.op, problem.opset,
                       problem.rule, problem.value, problem.shape, problem.remedy,
                       problem.to_string()));
  }
  return result;
}

std::unique_ptr<Model> read_resnet(const std::string& path) {
  std::optional<Result<foldconv::Graph>> graph;
  {
    const WithoutGil released;
    const auto weights = safetensors::StateDict::read(path);
    graph = weights.ok() ? models::resnet(*weights) : Result<foldconv::Graph>(weights.status());
  }
  return std::make_unique<Model>(take(std::move(*graph)));
}

std::unique_ptr<PyNetwork> make_network(const Model& model, const std::string& dtype, bool fuse,
                                        bool blocks, nb::handle device) {
  return std::make_unique<PyNetwork>(
      model, NetworkOptions{.dtype = take(parse_data_type(dtype)), .fuse = fuse, .blocks = blocks},
      device);
}

// A number for each channel is one for each: what is missing would be 0.
void require_channels(nb::handle value, const char* name, const Work& work) {
  if (PySequence_Check(value.ptr()) == 0) return;
  const std::size_t given = nb::len(value);
  for (const Port& port : work.inputs) {
    if (given == 1 || port.shape.size() != 4) continue;
    const std::int64_t channels = port.shape[port.channels_last ? 3 : 1];
    if (std::cmp_equal(given, channels)) continue;
    raise(invalid(std::string(name) + " has another number of values than input \"" + port.name +
                      "\" has channels",
                  std::to_string(given) + ", not " + std::to_string(channels),
                  "give a number, or one for each channel"));
  }
}

std::unique_ptr<Plan> make_plan(const PyNetwork& network, int n, int h, int w,
                                const std::optional<std::vector<Extents>>& inputs,
                                const std::string& input, nb::handle mean, nb::handle scale,
                                bool swap_red_blue, const std::string& output, Names keep,
                                bool keep_all, const std::string& cut,
                                const std::string& instructions) {
  NetworkPlanOptions options{.n = n, .h = h, .w = w, .input = pixel_format_of(input)};
  if (inputs) options.inputs = *inputs;
  options.input.mean = channels_of(mean, "mean");
  options.input.scale = channels_of(scale, "scale");
  options.input.swap_red_blue = swap_red_blue;
  const std::string stored = to_string(network.dtype());
  if (output == "storage" || (output == stored && output != "f32")) {
    options.output = NetworkPlanOptions::Output::storage;
  } else if (output != "f32") {
    raise(invalid("no such type of an output", "\"" + output + "\"",
                  "give f32, or storage: the network's " + stored));
  }
  options.keep = std::move(keep);
  options.keep_all = keep_all;
  options.cut = cut_of(cut);
  options.instructions = instructions_of(instructions);
  std::unique_ptr<Plan> plan = network.plan(options);
  require_channels(mean, "mean", plan->work());
  require_channels(scale, "scale", plan->work());
  return plan;
}

constexpr const char* kPlanSignature =
    "def plan(self, n: int = 0, h: int = 0, w: int = 0, *, inputs: "
    "collections.abc.Sequence[collections.abc.Sequence[int]] | None = None, input: str = 'f32', "
    "mean: float | collections.abc.Sequence[float] = 0.0, scale: float | "
    "collections.abc.Sequence[float] = 1.0, swap_red_blue: bool = False, output: str = 'f32', "
    "keep: collections.abc.Sequence[str] = (), keep_all: bool = False, cut: str = 'automatic', "
    "instructions: str = 'automatic') -> Plan";

}  // namespace

void register_network(nb::module_& module) {
  nb::class_<Model>(module, "_Model");
  module.def("_read_onnx", read_onnx, "source"_a, "inputs"_a, "outputs"_a, "constants"_a);
  module.def("_inspect_onnx", inspect_onnx, "source"_a, "inputs"_a, "outputs"_a, "constants"_a);
  module.def("_read_resnet", read_resnet, "path"_a);
  module.def(
      "_why_no_model", [](const std::string& path) { return why_no_model(path).message(); },
      "path"_a);
  module.def("_make_network", make_network, "model"_a, "dtype"_a, "fuse"_a, "blocks"_a,
             "device"_a = nb::none());

  nb::class_<PyNetwork>(module, "Network", nb::is_weak_referenceable(),
                        "A network, folded and fused, with its weights on a device; "
                        "foldconv.load() makes one.")
      .def("plan", make_plan, "n"_a = 0, "h"_a = 0, "w"_a = 0, nb::kw_only(),
           "inputs"_a = nb::none(), "input"_a = "f32", "mean"_a = 0.0, "scale"_a = 1.0,
           "swap_red_blue"_a = false, "output"_a = "f32", "keep"_a = nb::make_tuple(),
           "keep_all"_a = false, "cut"_a = "automatic", "instructions"_a = "automatic",
           nb::sig(kPlanSignature),
           "Chooses kernels for a shape; some milliseconds: keep a plan for each shape.\n"
           "\n"
           "n, h, w: of images; 0: as the model has it. inputs: the shapes of all inputs instead.\n"
           "input: how images come: \"f32\", \"f16\" or \"u8\", then \"nchw\" or \"nhwc\" "
           "(without: the\n"
           "model's), and then (pixel - mean) * scale, each a number or one for each channel;\n"
           "swap_red_blue: the first channel and the third change places.\n"
           "output: \"f32\", or \"storage\": the network's dtype.\n"
           "keep, keep_all: tensors for Plan.tensor(). cut: of residual blocks: automatic, whole,\n"
           "tails or chain; the bits are the same. instructions: of convolutions: automatic (sm80 "
           "until a\n"
           "chip has confirmed sm90), sm80, or sm90 wherever it takes one; each has its own bits.")
      .def("explain", &PyNetwork::explain,
           nb::sig("def explain(self) -> foldconv.NetworkExplanation"),
           "What was folded and fused, and what was not, and why.")
      .def_prop_ro("dtype", [](const PyNetwork& network) { return to_string(network.dtype()); })
      .def_prop_ro("device", &PyNetwork::device);
}

}  // namespace foldconv::python
