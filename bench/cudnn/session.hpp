// cuDNN on the current device, if there is any: where everything about cuDNN begins.
#pragma once

#include <cuda_runtime_api.h>

#include <memory>
#include <string>

#include "foldconv/status.hpp"

namespace foldconv::cudnn {

// One thread at a time; cheap to copy.
class Session {
 public:
  // Errors (unsupported) say why there is no cuDNN: this build has none, it is not on this machine,
  // the CUDA runtime is the emulator, it finds no GPU.
  static Result<Session> open();
  // An H100 in words only: cuDNN lists its engines and compiles for it; nothing can be run. How the
  // graphs are tested without a GPU. Errors (unsupported): no cuDNN, or one that cannot do this.
  static Result<Session> described_h100();

  std::string version() const;  // "9.19.0"

  // For the other parts of this folder.
  struct Data;
  explicit Session(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  const Data& data() const { return *data_; }

 private:
  std::shared_ptr<const Data> data_;
};

}  // namespace foldconv::cudnn
