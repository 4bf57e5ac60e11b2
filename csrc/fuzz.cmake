# csrc/fuzz.cmake: one program per tests/fuzz/*.cpp, replay.cpp apart, with the sources of the folder of its name; the
# target fuzz builds them all.
# FASTERAPI_FUZZ=ON gives them the main() of replay.cpp, which feeds the corpus and mutations of it: any compiler.
# FASTERAPI_FUZZ=libfuzzer makes libFuzzer's programs, which look for new paths: clang, and no other target.
if(FASTERAPI_FUZZ STREQUAL "libfuzzer")
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

function(add_fuzz_targets)
  add_custom_target(fuzz)
  file(GLOB targets CONFIGURE_DEPENDS ../tests/fuzz/*.cpp)
  list(FILTER targets EXCLUDE REGEX "/replay\\.cpp$")
  set(support allocations.cpp request_events.cpp text.cpp)
  foreach(source IN LISTS targets)
    cmake_path(GET source STEM name)
    file(GLOB parts CONFIGURE_DEPENDS ../tests/fuzz/${name}/*.cpp)
    list(TRANSFORM support PREPEND ../tests/cpp/support/ OUTPUT_VARIABLE shared)
    list(APPEND source ${parts} ${shared})
    if(FASTERAPI_FUZZ STREQUAL "libfuzzer")
      add_program(${name} "${source}" ${rooms_without_python} -fsanitize=fuzzer)
    else()
      add_program(${name} "${source};../tests/fuzz/replay.cpp" ${rooms_without_python})
    endif()
    add_dependencies(fuzz ${name})
  endforeach()
endfunction()
