# How rung's own code is compiled: rung_compile(target), and the flags of kernel files by their suffix.

add_library(rung_flags INTERFACE)
target_compile_options(rung_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef
  -Wno-missing-field-initializers # members that a list leaves out are zero: tables rely on it
  $<$<BOOL:${RUNG_WERROR}>:-Werror>
  # GCC does not see that a status from RUNG_ERROR is never NULL, and so that outputs are set when none came back.
  $<$<C_COMPILER_ID:GNU>:-Wno-error=maybe-uninitialized -Wno-error=format-truncation>
  # Loops that are marked for it are vectorised where the compiler can, and where optimisation is on at all.
  $<$<C_COMPILER_ID:Clang,AppleClang>:-Wno-pass-failed>
  # The same arithmetic with every compiler and optimisation level: no multiply-add unless a kernel writes one.
  # Neither of the other two changes a value; without them loops over floats are not vectorised.
  -ffp-contract=off -fno-math-errno -fno-trapping-math
  # Most code is no kernel: at -O3 the library is half as large again, and no faster. rung_apply_isa() has the exceptions.
  # Nothing unwinds through C in a release; a debugger has tables of its own.
  $<$<CONFIG:Release>:$<IF:$<BOOL:$<TARGET_PROPERTY:RUNG_OPTIMISE>>,$<TARGET_PROPERTY:RUNG_OPTIMISE>,-O2>>
  $<$<CONFIG:Release>:-fno-asynchronous-unwind-tables> -ffunction-sections
  # Statuses name their origin by a path inside the project.
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
target_compile_definitions(rung_flags INTERFACE _XOPEN_SOURCE=700)
if(RUNG_SANITIZE)
  target_compile_options(rung_flags INTERFACE -fsanitize=${RUNG_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(rung_flags INTERFACE -fsanitize=${RUNG_SANITIZE})
endif()
if(RUNG_SANITIZE MATCHES "address") # it then sees the end of everything that an arena hands out
  target_compile_definitions(rung_flags INTERFACE RUNG_ARENA_SINGLE)
endif()

function(rung_compile target)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:rung_flags>)
endfunction()

# Kernel files end in _<isa>.c. Each gets the instructions of its suffix, on the architecture that has them; elsewhere
# it is not compiled, and the table that would name its kernels looks at __x86_64__ or __aarch64__.
set(RUNG_AVX2 -mavx2 -mfma -mf16c)
set(RUNG_AVX512 ${RUNG_AVX2} -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512)
set(RUNG_ISA_x86_avx2 ${RUNG_AVX2})
set(RUNG_ISA_x86_avxvnni ${RUNG_AVX2} -mavxvnni)
set(RUNG_ISA_x86_avx512 ${RUNG_AVX512})
set(RUNG_ISA_x86_avx512vnni ${RUNG_AVX512} -mavx512vnni)
set(RUNG_ISA_x86_avx512bf16 ${RUNG_AVX512} -mavx512bf16)
set(RUNG_ISA_x86_avx512fp16 ${RUNG_AVX512} -mavx512fp16)
set(RUNG_ISA_x86_amx ${RUNG_AVX512} -mavx512vnni -mavx512bf16 -mamx-tile -mamx-int8 -mamx-bf16)
set(RUNG_ISA_arm_neon "")
set(RUNG_ISA_arm_dotprod -march=armv8.2-a+dotprod)
set(RUNG_ISA_arm_i8mm -march=armv8.2-a+dotprod+i8mm)
set(RUNG_ISA_arm_bf16 -march=armv8.2-a+bf16)
set(RUNG_ISA_arm_sve -march=armv8.2-a+sve)
set(RUNG_ISAS_x86 avx2 avxvnni avx512 avx512vnni avx512bf16 avx512fp16 amx)
set(RUNG_ISAS_arm neon dotprod i8mm bf16 sve)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(RUNG_ARCHITECTURE x86)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(RUNG_ARCHITECTURE arm)
else()
  set(RUNG_ARCHITECTURE other)
endif()

set(RUNG_SMALL # walk texts and lists, jump about memory, are rare, or call loops of others
  conv_plain pattern_parse cpu_det cpu_gated cpu_gqa cpu_loss cpu_ml_mapping cpu_ms_decoding cpu_ms_text cpu_random
  cpu_regex cpu_sequence cpu_text cpu_tfidf cpu_training cpu_unique)
list(JOIN RUNG_SMALL "|" RUNG_SMALL)

# Sets the flags of the kernel files in the list that the variable names, and drops those of other architectures.
# Must run in the directory of the target that compiles them.
#
# Plain C of the CPU provider has its loops vectorised, as -O2 alone would not. A file x.c with an x_avx2.c beside it
# is a reference that few x86 processors run; on other architectures it is what runs, and all is compiled for speed.
function(rung_apply_isa list)
  set(sources ${${list}})
  set(loops ${sources})
  list(FILTER loops INCLUDE REGEX "/provider/cpu/(form|kernel|op)/")
  list(FILTER loops EXCLUDE REGEX "/(cells|cpu_scatter)\\.c$") # long loops of kernels; all over memory
  set(vendors ${sources})
  list(FILTER vendors INCLUDE REGEX "/src/provider/[^/]+/")
  list(FILTER vendors EXCLUDE REGEX "/provider/(cpu|opwise)/")
  set_source_files_properties(${vendors} PROPERTIES COMPILE_OPTIONS "$<$<CONFIG:Release>:-Os>")
  foreach(source IN LISTS loops)
    string(REGEX REPLACE "\\.c$" "_avx2.c" faster ${source})
    set(flags "$<$<C_COMPILER_ID:GNU>:-ftree-loop-vectorize;-fvect-cost-model=dynamic>")
    if(NOT RUNG_ARCHITECTURE STREQUAL "x86")
      set(flags -O3)
    elseif(faster IN_LIST sources OR source MATCHES "/(${RUNG_SMALL})\\.c$")
      set(flags -Os)
    endif()
    if(source MATCHES "/cpu_reduction\\.c$|/moments\\.c$") # accumulators side by side are registers then
      list(APPEND flags -fpeel-loops)
    endif()
    set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "$<$<CONFIG:Release>:${flags}>")
  endforeach()
  foreach(architecture x86 arm)
    foreach(isa IN LISTS RUNG_ISAS_${architecture})
      set(kernels ${sources})
      list(FILTER kernels INCLUDE REGEX "_${isa}\\.c$")
      if(NOT architecture STREQUAL RUNG_ARCHITECTURE)
        list(REMOVE_ITEM sources ${kernels})
      elseif(kernels)
        set_source_files_properties(${kernels} PROPERTIES COMPILE_OPTIONS "-O3;${RUNG_ISA_${architecture}_${isa}}")
        list(FILTER kernels INCLUDE REGEX "/cpu_math_") # blocks of a fixed size: vectors without unrolling
        if(kernels)
          set_source_files_properties(${kernels} PROPERTIES COMPILE_OPTIONS "-O2;${RUNG_ISA_${architecture}_${isa}}")
        endif()
      endif()
    endforeach()
  endforeach()
  set(${list} ${sources} PARENT_SCOPE)
endfunction()
