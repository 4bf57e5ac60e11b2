# csrc/flags.cmake: how everything is compiled and linked.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)  # for editors, clang-tidy and tests/unit/test_house.py

foreach(language C CXX)
  # -O3 makes llhttp's state machine no faster and everything larger; -g1 keeps stack traces and perf readable.
  set(CMAKE_${language}_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
  set(CMAKE_${language}_FLAGS_DEBUG "-Og -g")
endforeach()
string(APPEND CMAKE_CXX_FLAGS_DEBUG " -D_GLIBCXX_ASSERTIONS")

add_compile_options(-fstack-protector-strong -ffunction-sections -fdata-sections)
if(FASTERAPI_COVERAGE)
  # An optimizer would join and drop lines.
  string(REPLACE -Og -O0 CMAKE_CXX_FLAGS_DEBUG "${CMAKE_CXX_FLAGS_DEBUG}")
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()
if(FASTERAPI_SANITIZE)
  add_compile_options(-fsanitize=${FASTERAPI_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FASTERAPI_SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()

set(csrc_flags -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough)
if(FASTERAPI_WERROR)
  list(APPEND csrc_flags -Werror)
endif()
list(APPEND csrc_flags -fno-plt)
if(NOT APPLE)
  list(APPEND csrc_flags -fno-semantic-interposition)
  # Nothing of libuv, llhttp or the C++ library's templates may be seen from outside: another extension may
  # carry its own copy.
  set(module_link_flags LINKER:--version-script=${CMAKE_CURRENT_SOURCE_DIR}/exports.map
    LINKER:--gc-sections,--as-needed,-O1,-z,relro,-z,now)
endif()
