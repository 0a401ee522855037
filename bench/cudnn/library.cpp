#include "cudnn/library.hpp"

#include <dlfcn.h>

#include <array>

namespace foldconv::cudnn {
namespace {

constexpr const char* kFile = "libcudnn.so.9";
// cuDNN compiles fused kernels with NVRTC and calls cuBLASLt. Both may lie where only this program's
// search path leads; loaded already, they are found by their names.
constexpr const char* kWanted[] = {"libnvrtc.so.13", "libcublasLt.so.13"};

Result<Library> load() {
  for (const char* name : kWanted) dlopen(name, RTLD_LAZY | RTLD_GLOBAL);
  void* file = dlopen(kFile, RTLD_NOW | RTLD_GLOBAL);
  if (file == nullptr) {
    const char* reason = dlerror();
    return Status(ErrorCode::unsupported,
                  std::string("cuDNN is not on this machine: ") +
                      (reason != nullptr ? reason : kFile) +
                      "; install it, or name its folder in LD_LIBRARY_PATH");
  }
  Library library;
  std::string missing;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(file, name));
    if (function == nullptr && missing.empty()) missing = name;
  };
#define FOLDCONV_CUDNN_FUNCTION(name) find(library.name, "cudnn" #name);
#include "cudnn/functions.inc"
#undef FOLDCONV_CUDNN_FUNCTION
  if (!missing.empty()) {
    return Status(ErrorCode::unsupported,
                  std::string("the cuDNN on this machine cannot be used: ") + kFile + " has no " +
                      missing + "; install cuDNN " + std::to_string(CUDNN_MAJOR));
  }
  return library;
}

}  // namespace

std::string Library::version() const {
  const std::size_t number = GetVersion();  // 90100: 9.1.0
  return std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." +
         std::to_string(number % 100);
}

Status Library::status(cudnnStatus_t status, const std::string& tried) const {
  if (status == CUDNN_STATUS_SUCCESS) return {};
  std::array<char, 512> details{};
  GetLastErrorString(details.data(), details.size() - 1);
  const bool refused = CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED;
  std::string text = tried + ": " + GetErrorString(status);
  if (details.front() != '\0') text += std::string(" (") + details.data() + ")";
  return {refused ? ErrorCode::unsupported : ErrorCode::cuda_error, text};
}

Result<const Library*> library() {
  static const Result<Library> loaded = load();
  if (!loaded) return loaded.status();
  return &*loaded;
}

}  // namespace foldconv::cudnn
