# SPDX-License-Identifier: MIT
# Translation units from catalog.inc and tiles.inc: one for each family and data type (in a unity build: a few families),
# with the instances and tiles that it needs written out, so that a new line compiles its own family and no other.
# foldconv_kernel_sources(VARIABLE SM90_VARIABLE) gives their paths: for every device, and for sm_90a.
set(FOLDCONV_CATALOG_FOLDER ${CMAKE_CURRENT_LIST_DIR})

function(foldconv_kernel_sources result sm90_result)
  set(catalog ${FOLDCONV_CATALOG_FOLDER}/catalog.inc)
  set(tiles ${FOLDCONV_CATALOG_FOLDER}/tile/tiles.inc)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${catalog} ${tiles})

  file(STRINGS ${tiles} lines REGEX "^[A-Z]+_TILE\\(")
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "^(CONV|TAIL|WHOLE|INVERTED|WGMMA|DEPTHWISE|GROUPED|STEM)_TILE\\(([a-z0-9_]+), ([^()]+)\\)$")
      message(FATAL_ERROR "${tiles}: not understood: ${line}")
    endif()
    set(type_CONV "ConvTile value = {${CMAKE_MATCH_3}}")
    set(type_TAIL "TailTile value = {{${CMAKE_MATCH_3}}}")
    set(type_WHOLE "WholeTile value = {${CMAKE_MATCH_3}}")
    set(type_STEM "StemTile value = {${CMAKE_MATCH_3}}")
    set(type_INVERTED "InvertedTile value = {${CMAKE_MATCH_3}}")
    set(type_DEPTHWISE "DepthwiseTile value = {${CMAKE_MATCH_3}}")
    set(type_GROUPED "GroupedTile value = {${CMAKE_MATCH_3}}")
    set(type_WGMMA "Sm90Tile value = {${CMAKE_MATCH_3}}")
    set(tile_${CMAKE_MATCH_2} "struct ${CMAKE_MATCH_2} {\n  static constexpr ${type_${CMAKE_MATCH_1}};\n};\n")
  endforeach()

  # Adds an instance to a file. `tile` may be empty.
  set(files "")
  macro(add_instance file header tile name kernel)
    if(NOT "${tile}" STREQUAL "" AND NOT DEFINED tile_${tile})
      message(FATAL_ERROR "${catalog}: ${tile} is no tile of tiles.inc")
    endif()
    set(unit ${file})
    if(CMAKE_UNITY_BUILD)  # a file takes 3 s before its first kernel
      set(apart _f16_ _bf16_ conv_joined conv_gated conv_narrow conv_element conv_rows conv_grouped
        direct pointwise layer_global_pool layer_gate layer_softmax layer_lrn layer_affine layer_preprocess)
      set(joined _ _ conv_1x1 conv_1x1 conv_rxs conv_rxs conv_halo conv_halo
        conv_halo conv_halo layer_pool layer_pool layer_pool layer_binary layer_binary layer_copy)
      foreach(from to IN ZIP_LISTS apart joined)
        string(REPLACE ${from} ${to} unit ${unit})
      endforeach()
    endif()
    list(APPEND files ${unit})
    if(NOT ${header} IN_LIST headers_of_${unit})
      list(APPEND headers_of_${unit} ${header})
      string(APPEND includes_of_${unit} "#include \"${header}\"\n")
    endif()
    if(NOT "${tile}" STREQUAL "" AND NOT "${tile}" IN_LIST tile_names_of_${unit})
      list(APPEND tile_names_of_${unit} ${tile})
      string(APPEND tiles_of_${unit} "${tile_${tile}}")
    endif()
    string(APPEND instances_of_${unit}
      "const void* ${name}() {\n  return reinterpret_cast<const void*>(&${kernel});\n}\n")
  endmacro()

  file(STRINGS ${catalog} lines REGEX "^[A-Z0-9]+\\(")
  foreach(line IN LISTS lines)
    if(line MATCHES "^CONV\\(([a-z0-9]+), ([a-z0-9_]+), (sm[0-9a-z]+),")
      foreach(dtype f16 bf16)
        # A loader is a template argument of the one kernel, or has a kernel of its own.
        set(header ${CMAKE_MATCH_3}/conv_${CMAKE_MATCH_1}.cuh)
        set(kernel "conv_${CMAKE_MATCH_1}_${CMAKE_MATCH_3}<tiles::${CMAKE_MATCH_2}, element::${dtype}>")
        if(NOT EXISTS ${FOLDCONV_CATALOG_FOLDER}/${header})
          set(header ${CMAKE_MATCH_3}/conv.cuh)
          set(kernel "conv_${CMAKE_MATCH_3}<tiles::${CMAKE_MATCH_2}, ConvLoader::load_${CMAKE_MATCH_1}, element::${dtype}>")
        endif()
        add_instance(conv_${CMAKE_MATCH_1}_${dtype}_${CMAKE_MATCH_3} ${header} "${CMAKE_MATCH_2}"
          conv_${CMAKE_MATCH_1}_${dtype}_${CMAKE_MATCH_2}_${CMAKE_MATCH_3} "${kernel}")
      endforeach()
    elseif(line MATCHES "^JOINED\\(([a-z0-9_]+), (sm[0-9a-z]+),")
      foreach(dtype f16 bf16)
        add_instance(conv_joined_${dtype}_${CMAKE_MATCH_2} ${CMAKE_MATCH_2}/conv.cuh "${CMAKE_MATCH_1}"
          conv_joined_${dtype}_${CMAKE_MATCH_1}_${CMAKE_MATCH_2}
          "conv_${CMAKE_MATCH_2}<tiles::${CMAKE_MATCH_1}, ConvLoader::load_joined, element::${dtype}>")
      endforeach()
    elseif(line MATCHES "^GROUPED\\(([a-z0-9_]+), (sm[0-9a-z]+),")
      foreach(dtype f16 bf16)
        add_instance(conv_grouped_${dtype}_${CMAKE_MATCH_2} ${CMAKE_MATCH_2}/conv_grouped.cuh "${CMAKE_MATCH_1}"
          conv_grouped_${dtype}_${CMAKE_MATCH_1}_${CMAKE_MATCH_2}
          "conv_grouped_${CMAKE_MATCH_2}<tiles::${CMAKE_MATCH_1}, element::${dtype}>")
      endforeach()
    elseif(line MATCHES "^SM90\\(([a-z0-9_]+),")
      set(tile ${CMAKE_MATCH_1})
      set(file conv_sm90_${tile})
      if(CMAKE_UNITY_BUILD)  # two of about the same time
        string(REGEX REPLACE "_k(64x.*|.*x64)_wgmma" "_narrow" file ${file})
        string(REGEX REPLACE "_k.*_wgmma" "_wide" file ${file})
      endif()
      foreach(dtype f16 bf16)
        add_instance(${file} sm90/conv.cuh "${tile}" conv_sm90_${dtype}_${tile}
          "conv_sm90<tiles::${tile}, element::${dtype}>")
      endforeach()
    elseif(line MATCHES "^(TAIL|WHOLE|INVERTED)\\(([a-z0-9_]+), (sm[0-9a-z]+)\\)")
      string(TOLOWER block_${CMAKE_MATCH_1} family)
      foreach(dtype f16 bf16)
        add_instance(${family}_${dtype}_${CMAKE_MATCH_3} ${CMAKE_MATCH_3}/${family}.cuh "${CMAKE_MATCH_2}"
          ${family}_${dtype}_${CMAKE_MATCH_2}_${CMAKE_MATCH_3}
          "${family}_${CMAKE_MATCH_3}<tiles::${CMAKE_MATCH_2}, element::${dtype}>")
      endforeach()
    elseif(line MATCHES "^STEM\\(([a-z0-9_]+), (sm[0-9a-z]+)\\)")
      foreach(dtype f16 bf16)
        add_instance(stem_${dtype}_${CMAKE_MATCH_2} ${CMAKE_MATCH_2}/stem.cuh "${CMAKE_MATCH_1}"
          stem_${dtype}_${CMAKE_MATCH_1}_${CMAKE_MATCH_2}
          "stem_${CMAKE_MATCH_2}<tiles::${CMAKE_MATCH_1}, element::${dtype}>")
      endforeach()
    elseif(line MATCHES "^DEPTHWISE\\(([a-z0-9_]+), (sm[0-9a-z]+),")
      foreach(dtype f16 bf16 f32)
        add_instance(depthwise_${CMAKE_MATCH_2} simt/depthwise.cuh "${CMAKE_MATCH_1}"
          depthwise_${dtype}_${CMAKE_MATCH_1}_${CMAKE_MATCH_2} "depthwise<tiles::${CMAKE_MATCH_1}, element::${dtype}>")
      endforeach()
    elseif(line MATCHES "^DIRECT\\((sm[0-9a-z]+)\\)")
      foreach(dtype f16 bf16 f32)
        add_instance(direct_${CMAKE_MATCH_1} simt/direct.cuh "" direct_${dtype}_${CMAKE_MATCH_1}
          "direct_conv<element::${dtype}>")
      endforeach()
    elseif(line MATCHES "^POINTWISE\\(([a-z_]+), (sm[0-9a-z]+)\\)")
      foreach(dtype f16 bf16 f32)
        add_instance(pointwise_${CMAKE_MATCH_2} simt/pointwise.cuh "" ${CMAKE_MATCH_1}_${dtype}_${CMAKE_MATCH_2}
          "pointwise<${CMAKE_MATCH_1}, element::${dtype}>")
      endforeach()
    elseif(line MATCHES "^LAYER\\(([a-z_]+), ([a-z_]+), (sm[0-9a-z]+)\\)")
      foreach(dtype f16 bf16 f32)
        add_instance(layer_${CMAKE_MATCH_1}_${CMAKE_MATCH_3} simt/${CMAKE_MATCH_1}.cuh "" ${CMAKE_MATCH_2}_${dtype}_${CMAKE_MATCH_3}
          "${CMAKE_MATCH_2}<element::${dtype}>")
      endforeach()
    else()
      message(FATAL_ERROR "${catalog}: not understood: ${line}")
    endif()
  endforeach()

  list(REMOVE_DUPLICATES files)
  set(paths "")
  set(sm90_paths "")
  foreach(file IN LISTS files)
    set(path ${CMAKE_CURRENT_BINARY_DIR}/generated/${file}.cu)
    file(CONFIGURE OUTPUT ${path} @ONLY CONTENT  # writes only what changed
"// Made of catalog.inc and tiles.inc.
${includes_of_${file}}
namespace foldconv::tiles {
${tiles_of_${file}}}  // namespace foldconv::tiles

namespace foldconv::kernels {
${instances_of_${file}}}  // namespace foldconv::kernels
")
    if(file MATCHES "^conv_sm90_")
      list(APPEND sm90_paths ${path})
    else()
      list(APPEND paths ${path})
    endif()
  endforeach()
  set(${result} ${paths} PARENT_SCOPE)
  set(${sm90_result} ${sm90_paths} PARENT_SCOPE)
endfunction()
