// What a session holds.
#pragma once

#include <optional>

#include "cudnn/descriptor.hpp"
#include "cudnn/library.hpp"
#include "cudnn/session.hpp"

namespace foldconv::cudnn {

struct Session::Data {
  const Library* library = nullptr;
  cudnnHandle_t handle = nullptr;       // of a GPU
  std::optional<Descriptor> described;  // without one

  Data() = default;
  Data(const Data&) = delete;
  Data& operator=(const Data&) = delete;
  ~Data() {
    if (handle != nullptr) library->Destroy(handle);
  }
};

}  // namespace foldconv::cudnn
