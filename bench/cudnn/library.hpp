// cuDNN 9 as a table of functions, loaded when it is first asked for: nothing links it, so that all
// builds and starts without it.
#pragma once

#include <cudnn.h>

#include <string>

#include "foldconv/status.hpp"

namespace foldconv::cudnn {

// Each member has the name of cuDNN's function without its prefix.
struct Library {
#define FOLDCONV_CUDNN_FUNCTION(name) decltype(&::cudnn##name) name = nullptr;
#include "cudnn/functions.inc"
#undef FOLDCONV_CUDNN_FUNCTION

  std::string version() const;  // "9.19.0"
  // ok, or cuDNN's own words behind what was tried. CUDNN_STATUS_NOT_SUPPORTED_*: unsupported.
  Status status(cudnnStatus_t status, const std::string& tried) const;
};

// Loaded once; lives as long as the program. Errors (unsupported): not on this machine, another
// major version.
Result<const Library*> library();

}  // namespace foldconv::cudnn
