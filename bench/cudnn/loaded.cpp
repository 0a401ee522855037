// SPDX-License-Identifier: MIT
#include "cudnn/loaded.hpp"

#include <dlfcn.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include "harness/error.hpp"

namespace foldconv::cudnn {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "libcudnn.so.9";
// cuDNN compiles fused kernels with NVRTC and calls cuBLASLt. Both may lie where only this program's
// search path leads, or beside cuDNN; loaded already, they are found by their names.
constexpr std::array kWanted = {"libnvrtc.so.13", "libcublasLt.so.13"};

// The folder of the package nvidia.cudnn of the active environment's python3; "" where it has none.
fs::path python_package() {
  constexpr const char* kAsk =
      "PATH=\"${VIRTUAL_ENV:+$VIRTUAL_ENV/bin:}${CONDA_PREFIX:+$CONDA_PREFIX/bin:}$PATH\" "
      "python3 -c 'import nvidia.cudnn as c; print(list(c.__path__)[0])' 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(kAsk, "r"), pclose);
  std::array<char, 4096> line{};
  if (!pipe || std::fgets(line.data(), static_cast<int>(line.size()), pipe.get()) == nullptr)
    return "";
  const std::string text = line.data();
  return text.substr(0, text.find('\n'));
}

// Where the loader does not look by itself: conda's libraries, and those of Python's NVIDIA packages.
std::vector<fs::path> environment_folders() {
  std::vector<fs::path> folders;
  if (const char* conda = std::getenv("CONDA_PREFIX")) folders.push_back(fs::path(conda) / "lib");
  std::error_code none;
  for (const auto& package : fs::directory_iterator(python_package().parent_path(), none)) {
    folders.push_back(package.path() / "lib");
  }
  return folders;
}

// null: the loader does not find it, and it is in none of those folders.
void* load(const char* file) {
  if (void* loaded = dlopen(file, RTLD_NOW | RTLD_GLOBAL)) return loaded;
  static const std::vector<fs::path> folders = environment_folders();
  for (const fs::path& folder : folders) {
    if (void* loaded = dlopen((folder / file).c_str(), RTLD_NOW | RTLD_GLOBAL)) return loaded;
  }
  return nullptr;
}

}  // namespace

void* library() {
  static void* const loaded = [] {
    for (const char* file : kWanted) load(file);
    return load(kFile);
  }();
  if (loaded != nullptr) return loaded;
  throw harness::Error(
      ErrorCode::unsupported,
      std::string("cuDNN is not on this machine: neither the loader nor the Python "
                  "environment has ") +
          kFile + "; install it, or name its folder in LD_LIBRARY_PATH");
}

void* symbol(const char* name) {
  if (void* found = dlsym(library(), name)) return found;
  throw harness::Error(ErrorCode::unsupported, std::string("this cuDNN has no ") + name);
}

void check(cudnnStatus_t status, const std::string& tried) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  std::string text = tried + ": " + FOLDCONV_CUDNN(cudnnGetErrorString)(status);
  std::array<char, 512> details{};
  FOLDCONV_CUDNN(cudnnGetLastErrorString)(details.data(), details.size() - 1);
  if (details.front() != '\0') text += std::string(" (") + details.data() + ")";
  const bool refused = CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED;
  throw harness::Error(refused ? ErrorCode::unsupported : ErrorCode::cuda_error, text);
}

cudnnHandle_t set_stream(cudnnHandle_t handle, cudaStream_t stream) {
  static const auto set = FOLDCONV_CUDNN(cudnnSetStream);
  if (handle == nullptr) {
    throw harness::Error(ErrorCode::unsupported,
                         "cuDNN cannot run on a GPU that is only described");
  }
  check(set(handle, stream), "cudnnSetStream");
  return handle;
}

}  // namespace foldconv::cudnn
