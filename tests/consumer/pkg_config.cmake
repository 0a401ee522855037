# SPDX-License-Identifier: MIT
# What pkg-config says of packages that are installed in a folder with spaces, and of a CUDA toolkit in another one.
#   cmake -DTEMPLATES=host -DSCRATCH_FOLDER=folder -P pkg_config.cmake
find_program(PKG_CONFIG pkg-config)
if(NOT PKG_CONFIG)
  return()
endif()

set(prefix_from_pkgconfig ../..)
set(CMAKE_INSTALL_LIBDIR lib)
set(CMAKE_INSTALL_INCLUDEDIR include)
set(PROJECT_DESCRIPTION test)
set(PROJECT_VERSION 1)
set(cuda_include_folder "/the CUDA toolkit/include")
set(CUDAToolkit_LIBRARY_DIR "/the CUDA toolkit/lib")
set(packages "${SCRATCH_FOLDER}/pkg config")
set(ENV{PKG_CONFIG_PATH} ${packages})

foreach(package foldconv foldconv_c)
  configure_file(${TEMPLATES}/${package}.pc.in ${packages}/${package}.pc @ONLY)
  execute_process(COMMAND ${PKG_CONFIG} --cflags --libs ${package}
    OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  set(wanted "-I${packages}/../../include" "-L${packages}/../../lib" -l${package} "-L${CUDAToolkit_LIBRARY_DIR}" -lcudart)
  if(package STREQUAL foldconv)
    list(APPEND wanted "-I${cuda_include_folder}")
  endif()
  list(SORT wanted)
  list(SORT flags)
  if(NOT flags STREQUAL wanted)
    message(FATAL_ERROR "${package}: ${flags}\nwanted: ${wanted}")
  endif()
endforeach()
