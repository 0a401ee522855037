#include "cudnn/conv_engines.hpp"

#include <algorithm>
#include <set>

#include "cudnn/conv_graph.hpp"
#include "cudnn/session_data.hpp"

namespace foldconv::cudnn {

namespace {

// What an engine is, and what it points to.
struct Plan {
  Session session;
  std::shared_ptr<const ConvGraph> graph;
  std::string name;
  Descriptor config, plan;

  Status run(const ConvTensors& tensors, cudaStream_t stream) const;
};

constexpr std::size_t kMostKnobs = CUDNN_KNOB_TYPE_COUNTS;
constexpr std::size_t kMostNotes = CUDNN_NUMERICAL_NOTE_TYPE_COUNT;

// The name, and what an engine's notes say about its arithmetic.
struct Described {
  std::string name;
  std::string objection;  // "": none
};

std::string objection_to(const Descriptor& engine, DataType dtype) {
  for (const auto note :
       engine.get<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, kMostNotes)) {
    if (note == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION) return "sums in less than fp32";
    if (note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS) return "rounds its inputs";
    if (note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE && dtype == DataType::f32) {
      return "rounds fp32 inputs to TF32";
    }
  }
  return "";
}

Described describe(const Library& library, const Descriptor& config, DataType dtype) {
  std::vector<Descriptor> engine;
  engine.emplace_back(library, CUDNN_BACKEND_ENGINE_DESCRIPTOR, "an engine");
  config.get(CUDNN_ATTR_ENGINECFG_ENGINE, engine);
  if (engine.empty()) return {"an engine", "it does not tell its number"};
  const auto index = engine.front().get<std::int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, 1);
  Described described{"eng" + (index.empty() ? "?" : std::to_string(index.front())),
                      objection_to(engine.front(), dtype)};

  std::vector<Descriptor> knobs;
  for (std::size_t i = 0; i < kMostKnobs; ++i) {
    knobs.emplace_back(library, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, "a knob");
  }
  config.get(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, knobs);
  for (const Descriptor& knob : knobs) {
    const auto type = knob.get<cudnnBackendKnobType_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, 1);
    const auto value = knob.get<std::int64_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, 1);
    if (type.empty() || value.empty()) continue;
    described.name +=
        "_k" + std::to_string(static_cast<int>(type.front())) + "=" + std::to_string(value.front());
  }
  return described;
}

class Search {
 public:
  Search(const Session& session, std::shared_ptr<const ConvGraph> graph, DataType dtype,
         std::size_t most)
      : session_(session),
        library_(*session.data().library),
        graph_(std::move(graph)),
        dtype_(dtype),
        most_(most) {}

  ConvEngines run() {
    for (const cudnnBackendHeurMode_t mode :
         {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_FALLBACK}) {
      ask(mode);
    }
    ask_every_engine();
    return std::move(engines_);
  }

  std::vector<std::string> names() {
    only_names_ = true;
    run();
    return std::move(names_);
  }

  const std::string& first_failure() const { return first_failure_; }

 private:
  void ask(cudnnBackendHeurMode_t mode) {
    Descriptor heuristics(library_, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, "cuDNN's heuristics");
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph_->graph.front())
        .set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
    for_described_gpu(heuristics, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP).finalize();
    if (!heuristics.status()) {
      note_failure(heuristics.status());
      return;
    }
    std::vector<Descriptor> configs;
    const std::int64_t count = heuristics.count(CUDNN_ATTR_ENGINEHEUR_RESULTS);
    for (std::int64_t i = 0; i < count; ++i) {
      configs.emplace_back(library_, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, "a configuration");
    }
    heuristics.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, configs);
    for (Descriptor& config : configs) add(std::move(config));
  }

  void ask_every_engine() {
    const auto count =
        graph_->graph.front().get<std::int64_t>(CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT, 1);
    for (std::int64_t i = 0; !count.empty() && i < count.front(); ++i) {
      Descriptor engine(library_, CUDNN_BACKEND_ENGINE_DESCRIPTOR, "engine " + std::to_string(i));
      engine.set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph_->graph.front())
          .set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, i);
      for_described_gpu(engine, CUDNN_ATTR_ENGINE_DEVICEPROP).finalize();
      if (!engine.status()) continue;  // takes other graphs only
      Descriptor config(library_, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR,
                        "engine " + std::to_string(i) + ", default knobs");
      config.set(CUDNN_ATTR_ENGINECFG_ENGINE, engine).finalize();
      if (config.status()) add(std::move(config));
    }
  }

  Descriptor& for_described_gpu(Descriptor& part, cudnnBackendAttributeName_t attribute) {
    const std::optional<Descriptor>& gpu = session_.data().described;
    return gpu ? part.set(attribute, *gpu) : part;
  }

  void add(Descriptor config) {
    Described described = describe(library_, config, dtype_);
    if (!seen_.insert(described.name).second) return;
    ++engines_.offered;
    if (!described.objection.empty()) {
      leave_out(described.name, described.objection);
      return;
    }
    if (only_names_) {
      names_.push_back(described.name);
      return;
    }
    if (most_ > 0 && tried_++ >= most_) {
      leave_out(described.name, "behind the first " + std::to_string(most_));
      return;
    }
    Descriptor plan(library_, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, described.name);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
    if (session_.data().handle != nullptr) {
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, session_.data().handle);
    }
    for_described_gpu(plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP).finalize();
    if (!plan.status()) {
      note_failure(plan.status());
      leave_out(described.name, plan.status().message());
      return;
    }
    const auto bytes = plan.get<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, 1);
    const auto kept = std::make_shared<const Plan>(
        Plan{session_, graph_, described.name, std::move(config), std::move(plan)});
    engines_.ready.push_back(
        {.name = described.name,
         .workspace_bytes =
             bytes.empty() ? 0 : static_cast<std::size_t>(std::max<std::int64_t>(bytes.front(), 0)),
         .run = [kept](const ConvTensors& tensors, cudaStream_t stream) {
           return kept->run(tensors, stream);
         }});
  }

  void leave_out(const std::string& name, const std::string& why) {
    engines_.left_out.push_back(name + ": " + why);
  }
  void note_failure(const Status& status) {
    if (first_failure_.empty()) first_failure_ = status.message();
  }

  const Session& session_;
  const Library& library_;
  std::shared_ptr<const ConvGraph> graph_;
  DataType dtype_;
  std::size_t most_;
  std::size_t tried_ = 0;
  bool only_names_ = false;
  std::vector<std::string> names_;
  std::set<std::string> seen_;
  ConvEngines engines_;
  std::string first_failure_;
};

Status Plan::run(const ConvTensors& tensors, cudaStream_t stream) const {
  const Library& library = *session.data().library;
  const cudnnHandle_t handle = session.data().handle;
  std::vector<std::int64_t> ids;
  std::vector<const void*> pointers;
  const auto add = [&](std::int64_t id, const void* pointer) {
    if (pointer == nullptr) return;
    ids.push_back(id);
    pointers.push_back(pointer);
  };
  add(kX, tensors.x);
  add(kWeights, tensors.weights);
  add(kScale, tensors.scale);
  add(kBias, tensors.bias);
  add(kResidual, tensors.residual);
  add(kY, tensors.y);

  Descriptor pack(library, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, name + ", its tensors");
  pack.set_raw(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, std::ssize(ids), ids.data())
      .set_raw(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, std::ssize(pointers),
               pointers.data())
      .set_raw(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &tensors.workspace)
      .finalize();
  if (!pack.status()) return pack.status();
  if (handle == nullptr) {
    return {ErrorCode::unsupported, "cuDNN cannot run on a GPU that is only described"};
  }
  Status status = library.status(library.SetStream(handle, stream), "cudnnSetStream");
  if (!status) return status;
  return library.status(library.BackendExecute(handle, plan.handle(), pack.handle()),
                        "running " + name);
}

}  // namespace

Result<std::vector<std::string>> conv_engine_names(const Session& session,
                                                   const ConvProblem& problem,
                                                   const Epilogue& epilogue) {
  const Session::Data& data = session.data();
  Result<ConvGraph> graph = conv_graph(*data.library, data.handle, problem, epilogue);
  if (!graph) return graph.status();
  return Search(session, std::make_shared<const ConvGraph>(std::move(*graph)), problem.dtype, 0)
      .names();
}

Result<ConvEngines> conv_engines(const Session& session, const ConvProblem& problem,
                                 const Epilogue& epilogue, std::size_t most) {
  const Session::Data& data = session.data();
  Result<ConvGraph> graph = conv_graph(*data.library, data.handle, problem, epilogue);
  if (!graph) return graph.status();
  Search search(session, std::make_shared<const ConvGraph>(std::move(*graph)), problem.dtype, most);
  ConvEngines engines = search.run();
  if (!engines.ready.empty()) return engines;
  if (engines.offered == 0) {
    return Status(ErrorCode::unsupported, "cuDNN offers no engine for this as one graph");
  }
  std::string reason = search.first_failure();
  if (reason.empty() && !engines.left_out.empty()) reason = engines.left_out.front();
  return Status(ErrorCode::unsupported, "none of the " + std::to_string(engines.offered) +
                                            " engines that cuDNN offers takes this: " + reason);
}

}  // namespace foldconv::cudnn
