# SPDX-License-Identifier: MIT
# What libfoldconv_c.so exports, what foldconv.h declares and what host/c/symbols.txt lists are the same.
#   cmake -DNM=nm -DLIBRARY=libfoldconv_c.so -DHEADER=foldconv.h -DLIST=symbols.txt -P symbols.cmake
file(STRINGS ${LIST} listed)

execute_process(COMMAND ${NM} -D --defined-only ${LIBRARY} OUTPUT_VARIABLE lines COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^ \n]+\n" exported "${lines}")
list(TRANSFORM exported STRIP)

file(READ ${HEADER} header)
string(REGEX MATCHALL "FC_API [a-z0-9_ *\n]*fc_[a-z0-9_]+\\(" declared "${header}")
list(TRANSFORM declared REPLACE ".*[ *\n](fc_[a-z0-9_]+)\\(" "\\1")

foreach(names exported declared)
  list(SORT ${names})
  if(NOT ${names} STREQUAL listed)
    set(more ${${names}})
    set(missing ${listed})
    list(REMOVE_ITEM more ${listed})
    list(REMOVE_ITEM missing ${${names}})
    message(FATAL_ERROR "${LIST} is not what is ${names}: it lacks \"${more}\", and has more: \"${missing}\"")
  endif()
endforeach()
