# Libraries that decode pictures. Only their headers are needed here, for types and sonames: src/picture loads the
# libraries when a picture needs them. A format whose headers are missing is left out, and says so.
include(CheckCSourceCompiles)

function(rung_find_picture_library name header code)
  find_path(RUNG_${name}_INCLUDE ${header} PATH_SUFFIXES ${ARGN})
  mark_as_advanced(RUNG_${name}_INCLUDE)
  set(found FALSE)
  if(RUNG_${name}_INCLUDE)
    set(CMAKE_REQUIRED_INCLUDES ${RUNG_${name}_INCLUDE})
    set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY) # nothing is linked
    check_c_source_compiles("#include <stddef.h>
      #include <stdio.h>
      #include <${header}>
      ${code}" RUNG_${name}_COMPILES)
    set(found ${RUNG_${name}_COMPILES})
    if(found)
      target_include_directories(rung_picture SYSTEM PRIVATE ${RUNG_${name}_INCLUDE})
    endif()
  endif()
  target_compile_definitions(rung_picture PRIVATE RUNG_HAVE_${name}=$<BOOL:${found}>)
endfunction()

rung_find_picture_library(PNG png.h "int soname = PNG_LIBPNG_VER_SONUM;")
rung_find_picture_library(JPEG jpeglib.h "struct jpeg_decompress_struct jpeg; int abi = JPEG_LIB_VERSION;")
rung_find_picture_library(WEBP webp/decode.h "int abi = WEBP_DECODER_ABI_VERSION;")
rung_find_picture_library(TIFF tiffio.h "void *f(void) { return TIFFOpenOptionsAlloc(); }") # 4.5 or later
rung_find_picture_library(OPENJPEG openjpeg.h "opj_image_t *image;" openjpeg-2.5 openjpeg-2.4 openjpeg-2.3)
