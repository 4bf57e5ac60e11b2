# csrc/fuzz.cmake: one program per tests/fuzz/*_fuzz.cpp, target fuzz builds them all.
# With clang they are libFuzzer's; with another compiler replay.cpp feeds them the corpus and mutations of it.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # Of the directory, so that the rooms are instrumented too; must therefore come before them.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

function(add_fuzz_targets)
  add_custom_target(fuzz)
  file(GLOB targets CONFIGURE_DEPENDS ../tests/fuzz/*_fuzz.cpp)
  foreach(source IN LISTS targets)
    cmake_path(GET source STEM name)
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
      add_program(${name} ${source} ${rooms_without_python} -fsanitize=fuzzer)
    else()
      add_program(${name} "${source};../tests/fuzz/replay.cpp" ${rooms_without_python})
    endif()
    add_dependencies(fuzz ${name})
  endforeach()
endfunction()
