// SPDX-License-Identifier: MIT
// Engines by cudnn-frontend, NVIDIA's C++ face of cuDNN's graphs. The only file that includes it: its
// headers take longer to compile than all others of the tool together.
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <cuda.h>
#include <cuemu.h>

#define NV_CUDNN_FRONTEND_USE_DYNAMIC_LOADING
#define CUDNN_FRONTEND_SKIP_JSON_LIB  // a third of the compile time
#include <cudnn_frontend.h>

#include "cudnn/engines.hpp"
#include "cudnn/loaded.hpp"
#include "harness/device/machine.hpp"
#include "harness/error.hpp"

namespace cudnn_frontend {
void* cudnn_dlhandle = nullptr;  // what the headers want of a program that does not link cuDNN
}

namespace foldconv::cudnn {
namespace {

namespace fe = cudnn_frontend;
using Extents = std::vector<std::int64_t>;  // as cuDNN orders them: n, c, h, w
using Tensor = std::shared_ptr<fe::graph::Tensor_attributes>;

// The names that tensors have in the graph.
enum TensorId : std::int64_t { kX = 1, kWeights, kScale, kBias, kResidual, kY };
constexpr std::int64_t kAlignment = 16;

// The front end says of most refusals only that they are one; what fails later fails at cuDNN.
void accept(fe::error_t error, const std::string& tried) {
  if (error.is_good()) return;
  const bool failed = error.get_code() == fe::error_code_t::CUDA_API_FAILED ||
                      error.get_code() == fe::error_code_t::HANDLE_ERROR;
  throw harness::Error(failed ? ErrorCode::cuda_error : ErrorCode::unsupported,
                       tried + ": " + error.get_message());
}

// The strides of dense tensors with channels innermost.
Extents channels_last(const Extents& size) {
  return {size[1] * size[2] * size[3], 1, size[3] * size[1], size[1]};
}

fe::DataType_t type_of(DataType dtype) {
  using Type = fe::DataType_t;
  return of_dtype(dtype, Type::HALF, Type::BFLOAT16, Type::FLOAT);
}

// The GPU: a handle on it, or a description.
struct Gpu {
  std::shared_ptr<cudnnContext> handle;
  std::shared_ptr<const fe::DeviceProperties> described;
};

fe::graph::Pointwise_attributes activation_of(const Activation& activation) {
  using Kind = Activation::Kind;
  using Mode = fe::PointwiseMode_t;
  static const std::map<Kind, Mode> modes = {
      {Kind::relu, Mode::RELU_FWD},       {Kind::relu6, Mode::RELU_FWD},
      {Kind::leaky_relu, Mode::RELU_FWD}, {Kind::silu, Mode::SWISH_FWD},
      {Kind::sigmoid, Mode::SIGMOID_FWD}, {Kind::tanh, Mode::TANH_FWD},
      {Kind::gelu, Mode::GELU_FWD},
  };
  fe::graph::Pointwise_attributes attributes;
  attributes.set_mode(modes.at(activation.kind));  // refuse() lets no other pass
  if (activation.kind == Kind::silu) attributes.set_swish_beta(1);
  if (activation.kind == Kind::relu6) attributes.set_relu_lower_clip(0).set_relu_upper_clip(6);
  if (activation.kind == Kind::leaky_relu) attributes.set_relu_lower_clip_slope(activation.alpha);
  return attributes;
}

class ConvGraph : public fe::graph::Graph {
 public:
  ConvGraph(Gpu on, const ConvProblem& p, const Epilogue& epilogue) : gpu_(std::move(on)) {
    set_io_data_type(type_of(p.dtype));
    set_intermediate_data_type(fe::DataType_t::FLOAT);  // what is never stored
    set_compute_data_type(fe::DataType_t::FLOAT);
    if (gpu_.described) set_device_properties(gpu_.described);
    const Extents y_size = {p.n, p.k, p.p(), p.q()};
    const auto shaped = [&y_size](Tensor tensor) {
      tensor->set_dim(y_size).set_stride(channels_last(y_size));
      return tensor;
    };
    Tensor at = shaped(conv_fprop(input(kX, {p.n, p.c, p.h, p.w}, p.dtype),
                                  input(kWeights, {p.k, p.c / p.groups, p.r, p.s}, p.dtype),
                                  fe::graph::Conv_fprop_attributes()
                                      .set_pre_padding({p.pad.top, p.pad.left})
                                      .set_post_padding({p.pad.bottom, p.pad.right})
                                      .set_stride({p.stride.h, p.stride.w})
                                      .set_dilation({p.dilation.h, p.dilation.w})));
    using Mode = fe::PointwiseMode_t;
    const auto combine = [&](Mode mode, const Tensor& with) {
      at = shaped(pointwise(at, with, fe::graph::Pointwise_attributes().set_mode(mode)));
    };
    const Extents vector = {1, p.k, 1, 1};
    if (epilogue.scale) combine(Mode::MUL, input(kScale, vector, epilogue.vectors));
    if (epilogue.bias) combine(Mode::ADD, input(kBias, vector, epilogue.vectors));
    if (p.residual) combine(Mode::ADD, input(kResidual, y_size, p.dtype));
    if (p.activation != Activation::none) at = shaped(pointwise(at, activation_of(p.activation)));
    at->set_output(true).set_uid(kY).set_alignment(kAlignment).set_data_type(type_of(p.dtype));
    accept(validate(), "cuDNN's graph");
    accept(build_operation_graph(gpu_.handle.get()), "cuDNN's graph");
  }

  // Configurations whose names are not known yet are listed. What a heuristic refuses, others take.
  void list() {
    using Mode = fe::HeurMode_t;
    for (const Mode mode : {Mode::A, Mode::B, Mode::FALLBACK}) {
      keep_failure(create_execution_plans({mode}));
    }
    std::int64_t engines = 0;
    if (get_engine_count(engines).is_bad()) engines = 0;
    for (std::int64_t i = 0; i < engines; ++i) {
      (void)create_execution_plan(i, {});  // or it takes other graphs only
    }
  }

  std::string objection_to(std::int64_t plan, DataType dtype) const {
    for (const fe::NumericalNote_t note : plans.numeric_notes.at(static_cast<std::size_t>(plan))) {
      if (note == fe::NumericalNote_t::REDUCED_PRECISION_REDUCTION) return "sums in less than fp32";
      if (note == fe::NumericalNote_t::DOWN_CONVERT_INPUTS) return "rounds its inputs";
      if (note == fe::NumericalNote_t::TENSOR_CORE && dtype == DataType::f32) {
        return "rounds fp32 inputs to TF32";
      }
    }
    return "";
  }

  void execute(std::int64_t plan, const std::string& name, const ConvTensors& tensors,
               cudaStream_t stream) const {
    cudnn::set_stream(gpu_.handle.get(), stream);
    std::unordered_map<std::int64_t, void*> pointers;
    for (const auto& [id, pointer] : {std::pair<std::int64_t, const void*>{kX, tensors.x},
                                      {kWeights, tensors.weights},
                                      {kScale, tensors.scale},
                                      {kBias, tensors.bias},
                                      {kResidual, tensors.residual},
                                      {kY, tensors.y}}) {
      if (pointer != nullptr) pointers[id] = const_cast<void*>(pointer);
    }
    accept(execute_plan_at_index(gpu_.handle.get(), pointers, tensors.workspace, plan),
           "running " + name);
  }

  void keep_failure(fe::error_t error) {
    if (error.is_bad() && first_failure.empty()) first_failure = error.get_message();
  }

  std::string first_failure;

 private:
  Tensor input(TensorId id, const Extents& size, DataType dtype) {
    return tensor(fe::graph::Tensor_attributes()
                      .set_uid(id)
                      .set_dim(size)
                      .set_stride(channels_last(size))
                      .set_alignment(kAlignment)
                      .set_data_type(type_of(dtype)));
  }

  Gpu gpu_;
};

ConvEngines engines_of(const Gpu& gpu, const ConvProblem& problem, const Epilogue& epilogue,
                       const Choice& choice) {
  refuse(problem);
  const auto graph = std::make_shared<ConvGraph>(gpu, problem, epilogue);
  graph->list();
  ConvEngines engines;
  std::set<std::string> seen;
  for (std::int64_t plan = 0; plan < graph->get_execution_plan_count(); ++plan) {
    std::string name;
    if (graph->get_plan_name_at_index(plan, name).is_bad() || !seen.insert(name).second) continue;
    ++engines.offered;
    std::int64_t bytes = 0;
    const auto left_out = [&]() -> std::optional<std::string> {
      if (const std::string why = graph->objection_to(plan, problem.dtype); !why.empty()) {
        return why;
      }
      const std::size_t number = engines.numbered++;
      const auto spoilt = choice.spoilt.find(number);
      if (spoilt != choice.spoilt.end()) return spoilt->second;
      if (!choice.takes(number)) return "not among those asked for";
      fe::error_t built = graph->build_plan_at_index(plan);
      if (built.is_good()) built = graph->get_workspace_size_plan_at_index(plan, bytes);
      if (built.is_good()) return std::nullopt;
      graph->keep_failure(built);
      return built.get_message();
    };
    if (const auto why = left_out()) {
      engines.left_out.push_back(name + ": " + *why);
      continue;
    }
    engines.ready.push_back(
        {.name = name,
         .workspace_bytes = static_cast<std::size_t>(std::max<std::int64_t>(bytes, 0)),
         .run = [graph, plan, name](const ConvTensors& tensors, cudaStream_t stream) {
           graph->execute(plan, name, tensors, stream);
         }});
  }
  if (!engines.ready.empty() || choice.first > 0) return engines;
  const std::string& first = graph->first_failure;
  throw harness::Error(
      ErrorCode::unsupported,
      engines.offered == 0
          ? "cuDNN offers no engine for this as one graph" + (first.empty() ? "" : ": " + first)
          : "none of the " + std::to_string(engines.offered) +
                " engines that cuDNN offers takes this: " +
                (first.empty() ? engines.left_out.front() : first));
}

std::shared_ptr<const Cudnn> cudnn_on(const Gpu& gpu) {
  return std::make_shared<const Cudnn>(Cudnn{
      .version = harness::cudnn_version_text(fe::detail::get_backend_version()),
      .engines = [gpu](const ConvProblem& problem, const Epilogue& epilogue,
                       const Choice& choice) { return engines_of(gpu, problem, epilogue, choice); },
      .calls =
          [gpu](DataType dtype, const Shape& shape, const Activation& activation) {
            return tensor_calls(gpu.handle.get(), dtype, shape, activation);
          }});
}

void load() {
  // Of several CUDA runtimes the front end would take the oldest.
  setenv("CUDNN_FRONTEND_CUDART_LIB_NAME", "libcudart.so.13", 0);
  fe::cudnn_dlhandle = library();
}

}  // namespace

std::shared_ptr<const Cudnn> open() {
  if (cuemu_present() != 0) {
    throw harness::Error(ErrorCode::unsupported,
                         "cuDNN needs a GPU: the emulator of the CUDA runtime cannot run it");
  }
  load();
  cudnnHandle_t handle = nullptr;
  try {
    check(fe::detail::create_handle(&handle), "cuDNN finds no GPU");
  } catch (const std::runtime_error& error) {
    throw harness::Error(ErrorCode::unsupported, error.what());
  }
  return cudnn_on({.handle = {handle, fe::detail::destroy_handle}, .described = {}});
}

std::shared_ptr<const Cudnn> described(const std::string& properties) {
  load();
  const auto described = std::make_shared<fe::DeviceProperties>();
  accept(described->deserialize({properties.begin(), properties.end()}),
         "cuDNN takes no description of a GPU");
  return cudnn_on({.handle = {}, .described = described});
}

}  // namespace foldconv::cudnn
