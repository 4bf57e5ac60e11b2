// tests/cpp/base/percent_test.cpp: base/percent.hpp.
#include "base/percent.hpp"

#include <catch.hpp>

#include <string>

using fasterapi::base::percent_decode;
using fasterapi::base::percent_encode;

namespace {

std::string encoded(std::string_view text) {
  std::string to = "before ";
  percent_encode(text, to);
  return to.substr(7);
}

}  // namespace

TEST_CASE("escapes are decoded, in either case", "[base][percent]") {
  CHECK(percent_decode("/a%20b%2Fc%2fd") == "/a b/c/d");
  CHECK(percent_decode("%41") == "A");
  CHECK(percent_decode("%00%ff%C3%a4") == std::string("\0\xff\xc3\xa4", 4));
}

TEST_CASE("what is no escape stays as it is", "[base][percent]") {
  for (const char* text : {"", "/a+b", "%", "%4", "%4g", "%g4", "%%", "a%"}) {
    CHECK(percent_decode(text) == text);
  }
  CHECK(percent_decode("%%41") == "%A");
  CHECK(percent_decode("%2%41") == "%2A");
}

TEST_CASE("a path is decoded once", "[base][percent]") { CHECK(percent_decode("%2541") == "%41"); }

TEST_CASE("everything but the unreserved characters is encoded", "[base][percent]") {
  constexpr std::string_view kUnreserved =
      "/abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ.0123456789-~";
  CHECK(encoded(kUnreserved) == kUnreserved);
  CHECK(encoded("a b\r\n\"%\x7f\xc3\xa4") == "a%20b%0D%0A%22%25%7F%C3%A4");
  CHECK(encoded(std::string_view("\0", 1)) == "%00");
}

TEST_CASE("what was encoded is decoded to the same", "[base][percent]") {
  std::string all;
  for (int code = 0; code < 256; ++code) all += static_cast<char>(code);
  CHECK(percent_decode(encoded(all)) == all);
}
