// SPDX-License-Identifier: MIT
/// @file
/// foldconv for C, and for what calls C: trained CNNs made fast on NVIDIA GPUs. A file is read into a graph, a graph is
/// made a network (folded and fused, its weights on the device), a network is planned for a shape, a plan runs.
///
///     const void* images = ..;   // device memory, as are void *logits, *workspace
///     fc_error error;
///     fc_graph* graph = NULL;
///     fc_network* network = NULL;
///     fc_plan* plan = NULL;
///     fc_plan_options shape = {.size = sizeof shape, .n = 8, .h = 224, .w = 224};
///     if (fc_onnx_read_file("resnet50.onnx", NULL, &graph, &error) != FC_OK) return report(&error);
///     if (fc_network_create(graph, NULL, &network, &error) != FC_OK) return report(&error);
///     if (fc_network_plan(network, &shape, &plan, &error) != FC_OK) return report(&error);
///     fc_buffers buffers = {.size = sizeof buffers, .inputs = &images, .input_count = 1, .outputs = &logits,
///                           .output_count = 1, .workspace = workspace,
///                           .workspace_bytes = fc_plan_workspace_bytes(plan)};
///     if (fc_plan_run(plan, &buffers, stream, &error) != FC_OK) return report(&error);
///
/// **Errors.** What can fail returns an ::fc_code. Where `error` is given, not NULL, it is filled in either case: it is
/// the caller's, and of this call alone. A call that fails leaves NULL where it would have put an object, all else as
/// it was. Messages say what is wrong, which value, and what to do about it. No C++ exception comes through, nothing is
/// kept for a thread, and no state is shared but what objects hold, and fc_check_runs().
///
/// **Arguments.** NULL where a pointer is needed, and numbers that are no value of their enum, are FC_INVALID_ARGUMENT.
/// Strings are UTF-8 and end in NUL. What a call is given may go when it has returned, but for what lies on the device.
///
/// **Structs.** The first member, `size`, is set by the caller: sizeof the struct. Later versions have further members
/// at the end. A struct of an earlier version is taken, and lacks them; one of a later version is taken if the members
/// that this library does not know are 0, and is FC_UNSUPPORTED otherwise. A size that no version had is
/// FC_INVALID_ARGUMENT. Of options, 0 is the default in every member, and NULL instead of a struct is all defaults.
/// Members `reserved` are 0.
///
/// **Ownership.** Each object is freed by its own function, once, in any order: a network needs no graph, a plan keeps
/// the weights, a captured run the plan. To free NULL does nothing. Pointers inside of an object live as long as it.
/// Nothing may be freed while its kernels run: wait for the stream first.
///
/// **Threads.** Graphs, networks and plans do not change once they are made: any number of threads may use one. A
/// captured run is launched by one at a time. None may free what another uses.
///
/// **Devices.** Networks and plans are of the device that cudaSetDevice() chose when they were made; where they are
/// used it has to be the current one again. The library allocates weights there, and nothing else: inputs, outputs and
/// workspaces come from cudaMalloc() or what stands for it, of the CUDA runtime that the library is linked to.
///
/// **Streams.** `stream` is a cudaStream_t of the current device as a pointer; NULL is the legacy default stream.
#ifndef FOLDCONV_H
#define FOLDCONV_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define FC_API __attribute__((visibility("default")))
#else
#define FC_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/// @name Errors
/// @{

/// Outcome of a call.
typedef enum fc_code {
  FC_OK = 0,
  FC_INVALID_ARGUMENT = 1,  ///< a value that no device and no version could take
  FC_UNSUPPORTED = 2,  ///< a legal request that no kernel here takes, or no part of this library
  FC_MISALIGNED = 3,   ///< a device pointer that is no multiple of 16 bytes
  FC_ALIASING = 4,     ///< buffers that overlap where they must not
  FC_WORKSPACE_TOO_SMALL = 5,  ///< fewer bytes than fc_plan_workspace_bytes()
  FC_DEVICE_TOO_OLD = 6,       ///< no kernel was compiled for this GPU
  FC_OUT_OF_MEMORY = 7,        ///< host or device memory
  FC_CUDA_ERROR = 8            ///< the CUDA runtime refused; the message has its name and text
} fc_code;

/// What a call says of itself. The caller's, and never larger than this.
typedef struct fc_error {
  int32_t code;        ///< an ::fc_code: what the call returned
  char message[1024];  ///< one line, "" where the code is FC_OK; ends in "..." where it was longer
} fc_error;

/// The name of a code: "ok", "invalid_argument", ..; "unknown" of a number that is none. Lives forever.
FC_API const char* fc_code_name(int32_t code);

/// The version of the library: "0.2.0". Lives forever.
FC_API const char* fc_version(void);

/// @}
/// @name Graphs: networks out of files, on the host
/// @{

/// A network as a description: operations, and weights on the host or in a mapped file. Needs no device.
typedef struct fc_graph fc_graph;

/// Extents of a tensor, outermost first. This struct stays as it is.
typedef struct fc_extents {
  const int64_t* values;  ///< `rank` of them; NULL where that is 0
  size_t rank;            ///< how many; 0: one number
} fc_extents;

/// A tensor of a file that is these values: a weight or a shape that is an input of its graph. This struct stays as it
/// is.
typedef struct fc_constant {
  const char* name;     ///< the tensor's
  fc_extents extents;   ///< of the values
  const float* values;  ///< dense; whole numbers where the file has integers
} fc_constant;

/// What an ONNX file does not tell, and where it is cut.
typedef struct fc_onnx_options {
  size_t size;                   ///< sizeof(fc_onnx_options)
  const char* const* inputs;     ///< tensors that become the graph's inputs; NULL: the file's own
  size_t input_count;            ///< of `inputs`
  const char* const* outputs;    ///< tensors that become the graph's outputs; NULL: the file's own
  size_t output_count;           ///< of `outputs`
  const fc_constant* constants;  ///< or NULL
  size_t constant_count;         ///< of `constants`
} fc_onnx_options;

/// Reads an ONNX file of opset 7 to 28. The file stays mapped while the graph is there: leave it alone until then.
/// Errors: FC_INVALID_ARGUMENT (no file, damage, no valid model, names that it does not have), FC_UNSUPPORTED: the
/// first of what fc_onnx_inspect_file() finds; or the library was built without ONNX.
FC_API fc_code fc_onnx_read_file(const char* path, const fc_onnx_options* options, fc_graph** graph,
                                 fc_error* error);

/// The same of a file's `size` bytes in memory. Weights outside of them are refused.
FC_API fc_code fc_onnx_read(const void* bytes, size_t size, const fc_onnx_options* options,
                            fc_graph** graph, fc_error* error);

/// All that is not taken of a file, up to 100.
typedef struct fc_problems fc_problems;

/// Something of a model that is not taken. The strings live as long as the list; those that do not apply are "".
typedef struct fc_problem {
  size_t size;         ///< sizeof(fc_problem), set by the caller
  int32_t code;        ///< FC_UNSUPPORTED; FC_INVALID_ARGUMENT: no valid model
  int32_t opset;       ///< of the node
  const char* node;    ///< its name, or its first output's
  const char* op;      ///< "Resize"
  const char* rule;    ///< what is asked of the node: "mode"
  const char* value;   ///< what it has instead: "cubic"
  const char* shape;   ///< of its first operand, as far as it is known: "1x256x20x20"
  const char* remedy;  ///< what to do about it
  const char* text;    ///< all of it in one line
} fc_problem;

/// Lists what is not taken of an ONNX file; none: fc_onnx_read_file() succeeds. What takes a refused tensor is looked
/// at less closely: once the problems are gone, a second call may find more. Errors: of files that cannot be parsed.
FC_API fc_code fc_onnx_inspect_file(const char* path, const fc_onnx_options* options,
                                    fc_problems** problems, fc_error* error);

/// The same of a file's `size` bytes in memory.
FC_API fc_code fc_onnx_inspect(const void* bytes, size_t size, const fc_onnx_options* options,
                               fc_problems** problems, fc_error* error);

/// How many; 0 of NULL.
FC_API size_t fc_problems_count(const fc_problems* problems);

/// Fills in `problem`. Errors: FC_INVALID_ARGUMENT: an index outside of the list.
FC_API fc_code fc_problems_get(const fc_problems* problems, size_t index, fc_problem* problem,
                               fc_error* error);

FC_API void fc_problems_free(fc_problems* problems);  ///< The strings of its problems go with it.

/// Which convolution of a bottleneck carries the stride.
typedef enum fc_stride_at {
  FC_STRIDE_AT_CONV2 = 0,  ///< the 3x3: ResNet v1.5, torchvision
  FC_STRIDE_AT_CONV1 = 1   ///< the first 1x1: ResNet v1, as first published
} fc_stride_at;

/// What a state dict does not tell about a ResNet.
typedef struct fc_resnet_options {
  size_t size;         ///< sizeof(fc_resnet_options)
  const char* prefix;  ///< before the names of the tensors: "module."; NULL or "": found
  double eps;          ///< that of every BatchNorm; 0: 1e-5
  int32_t stride_at;   ///< an ::fc_stride_at
  uint32_t reserved;   ///< 0
} fc_resnet_options;

/// Reads the weights of a ResNet (18 to 152, wide, ResNeXt; names of torchvision, timm or Hugging Face) from a
/// safetensors file. The file stays mapped while the graph is there. Errors: FC_INVALID_ARGUMENT (no file, damage, no
/// ResNet), FC_UNSUPPORTED (tensors that have no place in one).
FC_API fc_code fc_resnet_read_file(const char* path, const fc_resnet_options* options,
                                   fc_graph** graph, fc_error* error);

FC_API void fc_graph_free(fc_graph* graph);  ///< Networks that were made of it stay.

/// @}
/// @name Networks: weights on the device
/// @{

/// Types of elements. Sums and products are fp32 for all of them.
typedef enum fc_type {
  FC_TYPE_DEFAULT = 0,  ///< what the member says
  FC_TYPE_F16 = 1,      ///< IEEE binary16
  FC_TYPE_BF16 = 2,     ///< bfloat16
  FC_TYPE_F32 = 3,      ///< IEEE binary32
  FC_TYPE_U8 = 4        ///< bytes, 0 to 255: of pixels alone
} fc_type;

/// A graph, folded and fused, with its weights on a device.
typedef struct fc_network fc_network;

/// Of fc_network_options::flags.
enum {
  FC_NETWORK_NO_FUSION = 1,  ///< every operation by itself
  FC_NETWORK_NO_BLOCKS = 2   ///< residual blocks as a kernel a convolution
};

/// How a network is made of a graph.
typedef struct fc_network_options {
  size_t size;     ///< sizeof(fc_network_options)
  int32_t type;    ///< an ::fc_type, of weights and tensors; default: FC_TYPE_F16
  uint32_t flags;  ///< FC_NETWORK_ values, or-ed
} fc_network_options;

/// Folds and fuses a graph, and copies its weights to the current device; synchronous. Errors: FC_INVALID_ARGUMENT
/// (weights that are not finite, no output), FC_UNSUPPORTED (an operation of a form that no kernel takes),
/// FC_DEVICE_TOO_OLD, FC_OUT_OF_MEMORY, FC_CUDA_ERROR.
FC_API fc_code fc_network_create(const fc_graph* graph, const fc_network_options* options,
                                 fc_network** network, fc_error* error);

/// What was done to the graph, and what not, as text: a line each. Writes as much of it as `capacity` bytes hold, NUL
/// included, and to `length`, where given, the bytes of all of it without the NUL. `text` may be NULL where `capacity`
/// is 0, to ask for the length. What is cut ends between characters.
FC_API fc_code fc_network_explain(const fc_network* network, char* text, size_t capacity,
                                  size_t* length, fc_error* error);

FC_API void fc_network_free(fc_network* network);  ///< Plans that were made of it stay.

/// @}
/// @name Plans: a network for one shape
/// @{

/// A network bound to a shape, its kernels chosen.
typedef struct fc_plan fc_plan;

/// Where the channels of a pixel lie.
typedef enum fc_layout {
  FC_LAYOUT_MODEL = 0,  ///< as the network's own input has it
  FC_LAYOUT_NCHW = 1,   ///< a plane for each channel
  FC_LAYOUT_NHWC = 2    ///< the channels of a pixel are neighbours
} fc_layout;

/// How outputs are written: dense, in the model's order.
typedef enum fc_output {
  FC_OUTPUT_F32 = 0,     ///< as fp32
  FC_OUTPUT_STORAGE = 1  ///< in the network's own type
} fc_output;

/// How residual blocks are divided into kernels. Changes no bit of a result.
typedef enum fc_cut {
  FC_CUT_AUTOMATIC = 0,  ///< block by block, the least time by the planner's model
  FC_CUT_WHOLE = 1,      ///< one kernel for each block
  FC_CUT_TAILS = 2,      ///< conv1, then a kernel for conv2, conv3 and the next block's conv1, ..
  FC_CUT_CHAIN = 3       ///< one kernel for each convolution
} fc_cut;

/// The family of tensor-core instructions of a plan's convolutions. Inside of one all plans give the same bits.
typedef enum fc_instructions {
  FC_INSTRUCTIONS_AUTOMATIC = 0,  ///< sm80, until a chip has confirmed sm90
  FC_INSTRUCTIONS_SM80 = 1,       ///< mma.sync, and kernels without tensor cores: any device
  FC_INSTRUCTIONS_SM90 =
      2  ///< wgmma, wherever it takes a convolution: compute capability 9.0 alone
} fc_instructions;

/// Of fc_plan_options::flags.
enum {
  FC_PLAN_KEEP_ALL = 1,      ///< keep all tensors that are there after fusion
  FC_PLAN_SWAP_RED_BLUE = 2  ///< the first and the third channel of inputs change places
};

/// The shape of a plan, and how its inputs come and its outputs go. Inputs of extents n, c, h, w are images: their
/// channel c is (pixel - mean[c]) * scale[c], in fp32; mean and scale are in the order of the network's channels, after
/// the swap.
typedef struct fc_plan_options {
  size_t size;               ///< sizeof(fc_plan_options)
  int32_t n;                 ///< images; 0: as the model has it, 1 where it leaves it open
  int32_t h;                 ///< rows of images; 0: as the model has it
  int32_t w;                 ///< columns of images; 0: as the model has it
  int32_t cut;               ///< an ::fc_cut
  int32_t input_type;        ///< FC_TYPE_F32, the default, F16 or U8, which only images have
  int32_t input_layout;      ///< an ::fc_layout, of images
  int32_t output;            ///< an ::fc_output
  uint32_t flags;            ///< FC_PLAN_ values, or-ed
  float mean[4];             ///< of each channel
  float scale[4];            ///< 0 in a channel: 1
  const fc_extents* inputs;  ///< of all inputs, as the model has them, instead of n, h, w; or NULL
  size_t input_count;        ///< of `inputs`
  const char* const*
      keep;  ///< tensors to keep until the run ends, for fc_plan_tensor(): names of the model
  size_t keep_count;     ///< of `keep`
  int32_t instructions;  ///< an ::fc_instructions
  uint32_t reserved;     ///< 0
} fc_plan_options;

/// Chooses kernels, and lays tensors out in one workspace. The current device must be the network's. Costs the host
/// some milliseconds: keep a plan for each shape. Errors: FC_INVALID_ARGUMENT (extents that the model does not take, or
/// that nobody gives; a name to keep that is no tensor or was fused away; another device), FC_UNSUPPORTED,
/// FC_CUDA_ERROR.
FC_API fc_code fc_network_plan(const fc_network* network, const fc_plan_options* options,
                               fc_plan** plan, fc_error* error);

/// An input or output of a plan. The pointers live as long as the plan.
typedef struct fc_port {
  size_t size;         ///< sizeof(fc_port), set by the caller
  const char* name;    ///< the model's
  size_t bytes;        ///< of all the plan's images
  fc_extents extents;  ///< the model's; images in another layout lie as the plan's options say
  int32_t type;        ///< an ::fc_type
  uint32_t reserved;   ///< 0
} fc_port;

FC_API int32_t fc_plan_images(const fc_plan* plan);          ///< n; 0 of NULL
FC_API size_t fc_plan_input_count(const fc_plan* plan);      ///< 0 of NULL
FC_API size_t fc_plan_output_count(const fc_plan* plan);     ///< 0 of NULL
FC_API size_t fc_plan_workspace_bytes(const fc_plan* plan);  ///< on the device; 0 of NULL

/// Fills in `port`. Errors: FC_INVALID_ARGUMENT: an index that is not below fc_plan_input_count().
FC_API fc_code fc_plan_input(const fc_plan* plan, size_t index, fc_port* port, fc_error* error);

/// Fills in `port`. Errors: FC_INVALID_ARGUMENT: an index that is not below fc_plan_output_count().
FC_API fc_code fc_plan_output(const fc_plan* plan, size_t index, fc_port* port, fc_error* error);

/// A tensor that a plan keeps, dense, in the workspace of a run. The pointers live as long as the plan.
typedef struct fc_tensor {
  size_t size;           ///< sizeof(fc_tensor), set by the caller
  size_t offset;         ///< bytes from the beginning of the workspace
  size_t bytes;          ///< of all the plan's images
  fc_extents extents;    ///< the model's
  const int32_t* order;  ///< of the axes in memory, outermost first: 0, 2, 3, 1 is NHWC
  int32_t type;          ///< an ::fc_type: the network's
  uint32_t reserved;     ///< 0
} fc_tensor;

/// Where the tensor of this name lies. Errors: FC_INVALID_ARGUMENT: no tensor of the name was kept.
FC_API fc_code fc_plan_tensor(const fc_plan* plan, const char* name, fc_tensor* tensor,
                              fc_error* error);

/// The plan as text: a line a step, with kernels, bytes and times by the planner's model. As fc_network_explain().
FC_API fc_code fc_plan_explain(const fc_plan* plan, char* text, size_t capacity, size_t* length,
                               fc_error* error);

/// Its kernels must have run. Captured runs that were made of it stay.
FC_API void fc_plan_free(fc_plan* plan);

/// @}
/// @name Runs
/// @{

/// Device pointers of one run, each a multiple of 16 bytes. None may overlap an output or the workspace.
typedef struct fc_buffers {
  size_t size;                ///< sizeof(fc_buffers)
  const void* const* inputs;  ///< fc_port::bytes each, in the order of the model's inputs
  size_t input_count;         ///< of `inputs`
  void* const* outputs;       ///< fc_port::bytes each, in the order of the model's outputs
  size_t output_count;        ///< of `outputs`
  void* workspace;            ///< may be NULL when the plan needs none; one for each run at a time
  size_t workspace_bytes;     ///< fc_plan_workspace_bytes() or more
  int32_t images;             ///< the first so many of the plan's n, with the same bits; 0: all
  uint32_t reserved;          ///< 0
} fc_buffers;

/// Launches the plan's kernels on `stream`, and nothing else: no allocation on the device, no synchronisation; may be
/// captured. The current device must be the plan's. Several threads may run one plan, each with a workspace of its own.
/// Errors: FC_INVALID_ARGUMENT (another number of buffers, a null pointer, images outside 1 to n, another device),
/// FC_MISALIGNED, FC_ALIASING, FC_WORKSPACE_TOO_SMALL, FC_UNSUPPORTED (fewer images, of a network that mixes them):
/// nothing was launched. FC_CUDA_ERROR: of a launch; outputs and workspace are undefined.
FC_API fc_code fc_plan_run(const fc_plan* plan, const fc_buffers* buffers, void* stream,
                           fc_error* error);

/// A run as one CUDA graph. The buffers stay the caller's.
typedef struct fc_cuda_graph fc_cuda_graph;

/// The launches of fc_plan_run() for these buffers, to be launched as often as wanted. Errors: as fc_plan_run().
FC_API fc_code fc_plan_capture(const fc_plan* plan, const fc_buffers* buffers,
                               fc_cuda_graph** cuda_graph, fc_error* error);

/// Launches it on `stream`. Errors: FC_CUDA_ERROR; in checked runs FC_INVALID_ARGUMENT: buffers or weights are no
/// longer there.
FC_API fc_code fc_cuda_graph_launch(const fc_cuda_graph* cuda_graph, void* stream, fc_error* error);

FC_API void fc_cuda_graph_free(fc_cuda_graph* cuda_graph);  ///< Its launches must have run.

/// From now on each fc_plan_run(), fc_plan_capture() and fc_cuda_graph_launch() of the process asks CUDA for its
/// pointers first (`checked` is not 0), or none does. Without a call they do where the environment has
/// FOLDCONV_CHECK_RUNS=1 at the first run. FC_INVALID_ARGUMENT, and nothing is launched, where memory is the host's,
/// freed, too short or of another device, or cudaDeviceReset() has freed the weights; else a fault of some later call
/// would be all. Costs the host some microseconds for each pointer and layer. May be called from any thread at any
/// time.
FC_API void fc_check_runs(int32_t checked);

/// 1 where runs are checked, else 0.
FC_API int32_t fc_runs_are_checked(void);

/// @}

#ifdef __cplusplus
}
#endif

#endif
