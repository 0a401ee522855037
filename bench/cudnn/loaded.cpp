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

// null: in none of them.
void* load_from(const std::vector<fs::path>& folders, const char* file) {
  for (const fs::path& folder : folders) {
    std::error_code none;
    if (!fs::exists(folder / file, none)) continue;
    if (void* loaded = dlopen((folder / file).c_str(), RTLD_NOW | RTLD_GLOBAL)) return loaded;
  }
  return nullptr;
}

void* load() {
  std::vector<fs::path> folders;
  bool asked = false;
  const auto find = [&](const char* file) {
    void* loaded = dlopen(file, RTLD_NOW | RTLD_GLOBAL);
    if (loaded != nullptr) return loaded;
    if (!asked) folders = environment_folders();
    asked = true;
    return load_from(folders, file);
  };
  for (const char* file : kWanted) find(file);
  void* file = find(kFile);
  if (file != nullptr) return file;
  throw harness::Error(
      ErrorCode::unsupported,
      std::string("cuDNN is not on this machine: neither the loader nor the Python "
                  "environment has ") +
          kFile + "; install it, or name its folder in LD_LIBRARY_PATH");
}

}  // namespace

void* library() {
  static void* const loaded = load();
  return loaded;
}

cudnnDataType_t data_type(DataType dtype) {
  switch (dtype) {
    case DataType::f16:
      return CUDNN_DATA_HALF;
    case DataType::bf16:
      return CUDNN_DATA_BFLOAT16;
    case DataType::f32:
      break;
  }
  return CUDNN_DATA_FLOAT;
}

void check(cudnnStatus_t status, const std::string& tried) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  std::string text = tried + ": status " + std::to_string(static_cast<int>(status));
  if (auto* words = reinterpret_cast<decltype(&cudnnGetErrorString)>(
          dlsym(library(), "cudnnGetErrorString"))) {
    text = tried + ": " + words(status);
  }
  if (auto* details = reinterpret_cast<decltype(&cudnnGetLastErrorString)>(
          dlsym(library(), "cudnnGetLastErrorString"))) {
    std::array<char, 512> more{};
    details(more.data(), more.size() - 1);
    if (more.front() != '\0') text += std::string(" (") + more.data() + ")";
  }
  const bool refused = CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED;
  throw harness::Error(refused ? ErrorCode::unsupported : ErrorCode::cuda_error, text);
}

}  // namespace foldconv::cudnn
