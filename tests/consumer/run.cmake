# SPDX-License-Identifier: MIT
# Installs the build to a scratch prefix, then builds and runs the consumers against it, in C++, CUDA and C: by the CMake
# package, by pkg-config, and against the shared library. Then what a consumer with an older C++ is told.
function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# What a program or library asks for itself: the CUDA runtime, what every C++ program does, and `also`.
function(check_needs file also)
  execute_process(COMMAND readelf -d ${file} OUTPUT_VARIABLE dynamic COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "NEEDED[^\n]+\\[lib[^]]+" needed "${dynamic}")
  list(FILTER needed EXCLUDE REGEX "lib(cudart\\.so\\.13|stdc\\+\\+|m|gcc_s|c|${also})[.]")
  if(needed)
    message(FATAL_ERROR "${file} needs more than the CUDA runtime: ${needed}")
  endif()
endfunction()

# The CUDA runtime of `program` is the one that the library uses: it has none inside.
function(check_one_runtime program)
  execute_process(COMMAND nm ${program} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  if(symbols MATCHES " [tT] cudaMalloc\n")
    message(FATAL_ERROR "${program} has a static CUDA runtime beside the library's")
  endif()
endfunction()

# The C program reads ONNX; where the library does not, it says so.
function(run_c program)
  if(EXISTS ${SCRATCH_FOLDER}/build/network)
    run(${program} ${CMAKE_CURRENT_LIST_DIR}/network.onnx)
    return()
  endif()
  execute_process(COMMAND ${program} ${CMAKE_CURRENT_LIST_DIR}/network.onnx ERROR_VARIABLE refusal RESULT_VARIABLE code)
  if(NOT code EQUAL 1 OR NOT refusal MATCHES "unsupported: .*protozero")
    message(FATAL_ERROR "network.c without ONNX: ${code}, ${refusal}")
  endif()
endfunction()

set(source ${CMAKE_CURRENT_LIST_DIR}/main.cpp)
set(prefix ${SCRATCH_FOLDER}/prefix)
set(compilers
  -DCMAKE_CXX_COMPILER=${CXX_COMPILER} -DCMAKE_CUDA_COMPILER=${CUDA_COMPILER} -DCMAKE_CUDA_ARCHITECTURES=80-virtual)
file(REMOVE_RECURSE ${SCRATCH_FOLDER})
run(${CMAKE_COMMAND} --install ${BUILD_FOLDER} --prefix ${prefix} --config "${CONFIG}")
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${SCRATCH_FOLDER}/build -G ${GENERATOR}
  ${compilers} -DCMAKE_C_COMPILER=${C_COMPILER} -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_BUILD_TYPE=${CONFIG})
run(${CMAKE_COMMAND} --build ${SCRATCH_FOLDER}/build)
run(${SCRATCH_FOLDER}/build/consumer)
if(EXISTS ${SCRATCH_FOLDER}/build/network)
  run(${SCRATCH_FOLDER}/build/network ${CMAKE_CURRENT_LIST_DIR}/network.onnx)
  check_needs(${SCRATCH_FOLDER}/build/network "")
endif()

run(${SCRATCH_FOLDER}/build/own_kernels)
check_one_runtime(${SCRATCH_FOLDER}/build/own_kernels)

run_c(${SCRATCH_FOLDER}/build/network_c)
run_c(${SCRATCH_FOLDER}/build/network_c_by_nvcc)
check_one_runtime(${SCRATCH_FOLDER}/build/network_c_by_nvcc)
check_needs(${SCRATCH_FOLDER}/build/network_c foldconv_c)
file(GLOB_RECURSE c_library ${prefix}/*/libfoldconv_c.so)
check_needs(${c_library} "")

# Without a GPU, on the emulator that is installed when asked for: the tests' own is out of the way.
if(EMULATE_COMMAND)
  run(${CMAKE_COMMAND} --install ${BUILD_FOLDER} --prefix ${prefix} --config "${CONFIG}" --component emulator)
  run(${CMAKE_COMMAND} -E env --unset=LD_LIBRARY_PATH ${prefix}/bin/${EMULATE_COMMAND} ${SCRATCH_FOLDER}/build/consumer)
endif()

find_program(PKG_CONFIG pkg-config)
if(PKG_CONFIG)
  file(GLOB_RECURSE packages ${prefix}/*/foldconv.pc)
  get_filename_component(package_folder "${packages}" DIRECTORY)
  set(ENV{PKG_CONFIG_PATH} ${package_folder})
  execute_process(COMMAND ${PKG_CONFIG} --cflags --libs foldconv
    OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  run(${CXX_COMPILER} -std=c++20 ${source} ${flags} -o ${SCRATCH_FOLDER}/by_pkg_config)
  run(${SCRATCH_FOLDER}/by_pkg_config)

  execute_process(COMMAND ${PKG_CONFIG} --cflags --libs foldconv_c
    OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  get_filename_component(c_library_folder ${c_library} DIRECTORY)
  run(${C_COMPILER} -std=c99 -Wall -Wextra -pedantic -Werror -isystem ${CUDA_INCLUDE} ${CMAKE_CURRENT_LIST_DIR}/network.c
    ${flags} -Wl,-rpath,${c_library_folder} -o ${SCRATCH_FOLDER}/c_by_pkg_config)
  run_c(${SCRATCH_FOLDER}/c_by_pkg_config)
endif()

get_filename_component(shared_folder ${SHARED_LIBRARY} DIRECTORY)
run(${CXX_COMPILER} -std=c++20 -I${prefix}/include -isystem ${CUDA_INCLUDE} ${source} ${SHARED_LIBRARY}
  -Wl,-rpath,${shared_folder} -L${CUDA_LIBRARIES} -lcudart -o ${SCRATCH_FOLDER}/with_shared)
run(${SCRATCH_FOLDER}/with_shared)

# It exports its API alone: nothing of the host's inside, no kernel.
execute_process(COMMAND nm -D --defined-only -C ${SHARED_LIBRARY}
  OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
if(NOT symbols MATCHES "foldconv::Conv::create" OR symbols MATCHES "foldconv::(host|kernels|tiles)::|_sm80")
  message(FATAL_ERROR "the shared library exports:\n${symbols}")
endif()

# A project with the sources inside: configured, not built.
set(sources ${SCRATCH_FOLDER}/sources)
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/sources -B ${sources} -G ${GENERATOR} ${compilers})
file(STRINGS ${sources}/compile_commands.json command ENCODING UTF-8 REGEX "command.*own_kernels[.]cu")
if(NOT command MATCHES "-std=c\\+\\+20 ")
  message(FATAL_ERROR "a .cu file in a project with the sources inside is not C++20: ${command}")
endif()

include(${CMAKE_CURRENT_LIST_DIR}/cxx17.cmake)
