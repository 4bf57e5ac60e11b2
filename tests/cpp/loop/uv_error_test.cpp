// tests/cpp/loop/uv_error_test.cpp: loop/uv_error.hpp.
#include "loop/uv_error.hpp"

#include <catch.hpp>

#include <cerrno>

using fasterapi::loop::UvError;

TEST_CASE("no error is ok", "[loop][error]") {
  CHECK(UvError().ok());
  CHECK(UvError(0).ok());
  CHECK(UvError(7).ok());  // libuv's calls return a count or an error
}

TEST_CASE("an error has name, text and errno", "[loop][error]") {
  const UvError error(UV_ECONNRESET);
  CHECK_FALSE(error.ok());
  CHECK(error.code() == UV_ECONNRESET);
  CHECK(error.name() == "ECONNRESET");
  CHECK(error.text() == "connection reset by peer");
  CHECK(error.errno_value() == ECONNRESET);
}
