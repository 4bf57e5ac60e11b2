// tests/cpp/base/result_test.cpp: base/result.hpp.
#include "base/result.hpp"

#include <catch.hpp>

#include <memory>
#include <string>

using fasterapi::base::Result;

namespace {
enum class Error { First, Second };
}

TEST_CASE("a result holds a value", "[base][result]") {
  Result<std::string, Error> result = std::string("value");
  CHECK(result.ok());
  CHECK(static_cast<bool>(result));
  CHECK(result.value() == "value");
  result.value() += "s";
  CHECK(result.value() == "values");
}

TEST_CASE("a result holds an error", "[base][result]") {
  const Result<std::string, Error> result = Error::Second;
  CHECK_FALSE(result.ok());
  CHECK(result.error() == Error::Second);
}

TEST_CASE("value and error may be of one type", "[base][result]") {
  const Result<int, long> value = 1;
  const Result<int, long> error = 2L;
  CHECK(value.ok());
  CHECK(error.error() == 2);
}

TEST_CASE("a result may hold what can only be moved", "[base][result]") {
  Result<std::unique_ptr<int>, Error> result = std::make_unique<int>(7);
  REQUIRE(result.ok());
  CHECK(*std::move(result.value()) == 7);
}
