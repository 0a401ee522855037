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

// The folders of Python's NVIDIA packages below one of them: .../site-packages/nvidia.
void add_packages(const fs::path& nvidia, std::vector<fs::path>& folders) {
  std::error_code none;
  for (const auto& package : fs::directory_iterator(nvidia, none)) {
    const fs::path folder = package.path() / "lib";
    if (fs::is_directory(folder, none)) folders.push_back(folder);
  }
}

// The first line that python3 prints; "" where there is none.
std::string of_python() {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(
      popen("python3 -c 'import nvidia.cudnn as c; print(list(c.__path__)[0])' 2>/dev/null", "r"),
      pclose);
  std::array<char, 4096> line{};
  if (!pipe || std::fgets(line.data(), static_cast<int>(line.size()), pipe.get()) == nullptr)
    return "";
  const std::string text = line.data();
  return text.substr(0, text.find('\n'));
}

// Where the loader does not look by itself.
std::vector<fs::path> environment_folders() {
  std::vector<fs::path> folders;
  for (const char* variable : {"CONDA_PREFIX", "VIRTUAL_ENV"}) {
    const char* prefix = std::getenv(variable);
    if (prefix == nullptr || *prefix == '\0') continue;
    const fs::path lib = fs::path(prefix) / "lib";
    folders.push_back(lib);
    std::error_code none;
    for (const auto& python : fs::directory_iterator(lib, none)) {
      if (python.path().filename().string().starts_with("python3")) {
        add_packages(python.path() / "site-packages" / "nvidia", folders);
      }
    }
  }
  const std::string package = of_python();
  if (!package.empty()) add_packages(fs::path(package).parent_path(), folders);
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
