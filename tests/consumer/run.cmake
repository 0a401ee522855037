# Installs the build to a scratch prefix, then configures, builds and runs the consumer against it.
function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${SCRATCH_FOLDER})
run(${CMAKE_COMMAND} --install ${BUILD_FOLDER} --prefix ${SCRATCH_FOLDER}/prefix --config "${CONFIG}")
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${SCRATCH_FOLDER}/build -G ${GENERATOR}
  -DCMAKE_PREFIX_PATH=${SCRATCH_FOLDER}/prefix -DCMAKE_CXX_COMPILER=${CXX_COMPILER}
  -DCMAKE_BUILD_TYPE=${CONFIG})
run(${CMAKE_COMMAND} --build ${SCRATCH_FOLDER}/build)
run(${SCRATCH_FOLDER}/build/consumer)
