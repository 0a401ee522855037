# SPDX-License-Identifier: MIT
# Every probe that --list names as sm_90 is there without a Hopper GPU and says what it needs; none runs.
execute_process(COMMAND ${PROBE} --list OUTPUT_VARIABLE list COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "sm_90 [^\n]+" hopper "${list}")
list(LENGTH hopper listed)
execute_process(COMMAND ${PROBE} OUTPUT_QUIET ERROR_VARIABLE log COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "not supported here: needs an sm_90 GPU" refusals "${log}")
list(LENGTH refusals refused)
if(listed LESS 100 OR NOT listed EQUAL refused)
  message(FATAL_ERROR "${listed} Hopper probes, ${refused} that said they need a Hopper GPU")
endif()
