// cuDNN's names of the storage types.
#pragma once

#include <cudnn.h>

#include "foldconv/tensor.hpp"

namespace foldconv::cudnn {

inline cudnnDataType_t data_type(DataType dtype) {
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

}  // namespace foldconv::cudnn
