# One object library per layer, found by looking at the folders: rung_base, rung_model, ..., and rung_providers, which
# holds all folders below src/provider. Tests of a layer link only what stands left of it.

set(RUNG_LAYERS base picture model op graph provider session api providers)
set(RUNG_GENERATED ${PROJECT_BINARY_DIR}/generated)
file(WRITE ${RUNG_GENERATED}/empty.c "typedef int rung_empty;\n") # for layers that have no file yet

function(rung_add_layer layer)
  set(sources ${ARGN})
  rung_apply_isa(sources)
  if(NOT sources)
    set(sources ${RUNG_GENERATED}/empty.c)
  endif()
  add_library(rung_${layer} OBJECT ${sources})
  rung_compile(rung_${layer})
  if(NOT layer STREQUAL "providers") # nothing here runs long
    set_target_properties(rung_${layer} PROPERTIES RUNG_OPTIMISE -Os)
  endif()
  target_include_directories(rung_${layer} PRIVATE
    ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include ${RUNG_GENERATED})
endfunction()

set_source_files_properties(${PROJECT_SOURCE_DIR}/src/base/digest.c PROPERTIES
  COMPILE_OPTIONS $<$<CONFIG:Release>:-O2>) # of whole files
foreach(layer base picture model op graph provider session)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${layer}/*.c)
  rung_add_layer(${layer} ${sources})
endforeach()
include(cmake/RungPictures.cmake)
file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.c)
rung_add_layer(api ${sources})
file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/provider/*/*.c)
list(FILTER sources INCLUDE REGEX "/src/provider/[^/]+/.+") # GLOB_RECURSE also finds the layer's own files
rung_add_layer(providers ${sources})

# A provider is a folder src/provider/<name> with a <name>.c: one line each in providers.inc, which the registry
# includes. opwise is shared by providers and is none itself.
set(lines "/* Made by cmake/RungSources.cmake from the folders of src/provider. */\n")
foreach(source IN LISTS sources)
  if(source MATCHES "/src/provider/([^/]+)/([^/]+)\\.c$" AND CMAKE_MATCH_1 STREQUAL CMAKE_MATCH_2
     AND NOT CMAKE_MATCH_1 STREQUAL "opwise")
    string(APPEND lines "RUNG_PROVIDER(${CMAKE_MATCH_1})\n")
  endif()
endforeach()
file(CONFIGURE OUTPUT ${RUNG_GENERATED}/providers.inc CONTENT "${lines}")
