# SPDX-License-Identifier: MIT
# foldconv_cuda_cxx20(target): .cu files that link `target` are C++20, too. Installed with the package, and not exported: the
# CMake that counts is that of the project which uses the library.
function(foldconv_cuda_cxx20 target)
  if(CMAKE_VERSION VERSION_LESS 3.26)  # refuses cuda_std_20, and for nvcc passes over cxx_std_20 and CUDA_STANDARD 20
    target_compile_options(${target} INTERFACE $<BUILD_INTERFACE:$<$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>:-std=c++20>>)
  else()  # raises CUDA_STANDARD, which cxx_std_20 does not
    target_compile_features(${target} INTERFACE $<BUILD_INTERFACE:cuda_std_20>)
  endif()
endfunction()
