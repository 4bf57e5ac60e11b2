// tests/cpp/base/ascii_test.cpp: base/ascii.hpp.
#include "base/ascii.hpp"

#include <catch.hpp>

#include <string>
#include <string_view>

namespace base = fasterapi::base;

TEST_CASE(
    "letters of a token are made lower-case, whatever its length, and nothing else is touched",
    "[base][ascii]") {
  std::string token;
  for (int byte = 0; byte < 256; ++byte) {
    if (const char c = static_cast<char>(byte); base::token_to_lower(c) != 0) token.push_back(c);
  }
  const auto size = GENERATE(range(std::size_t{0}, std::size_t{78}));
  const auto behind = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{15}, std::size_t{16});
  REQUIRE(token.size() == 77);
  for (std::size_t begin = 0; begin + size <= token.size(); ++begin) {
    std::string bytes = "A" + token.substr(begin, size) + std::string(behind, 'A');
    std::string expected = bytes;
    for (std::size_t i = 1; i <= size; ++i) expected[i] = base::to_lower(bytes[i]);
    base::make_token_lower(bytes.data() + 1, size, size + behind);
    REQUIRE(bytes == expected);
  }
}

TEST_CASE("only the 26 letters are folded", "[base][ascii]") {
  for (int code = 0; code < 256; ++code) {
    const char c = static_cast<char>(code);
    const bool upper = code >= 'A' && code <= 'Z';
    REQUIRE(base::to_lower(c) == static_cast<char>(upper ? code + 32 : code));
  }
}

TEST_CASE("token characters are those of RFC 9110 section 5.6.2", "[base][ascii]") {
  constexpr std::string_view kTokens =
      "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (int code = 0; code < 256; ++code) {
    const char c = static_cast<char>(code);
    const bool token = kTokens.find(c) != std::string_view::npos;
    REQUIRE(base::token_to_lower(c) == (token ? base::to_lower(c) : 0));
  }
}

TEST_CASE("field values have no control character but the tab", "[base][ascii]") {
  for (int code = 0; code < 256; ++code) {
    const bool allowed = code == '\t' || (code >= ' ' && code != 0x7f);
    REQUIRE(base::is_field_value_char(static_cast<char>(code)) == allowed);
  }
}

TEST_CASE("a field value is one if each of its bytes may stand in it", "[base][ascii]") {
  for (std::size_t size = 0; size <= 24; ++size) {
    for (const char around : {'a', '\t', '\xff', ' ', '~'}) {
      std::string value(size, around);
      REQUIRE(base::is_field_value(value));
      for (std::size_t at = 0; at < size; ++at) {
        for (int code = 0; code < 256; ++code) {
          value[at] = static_cast<char>(code);
          const bool allowed = base::is_field_value_char(value[at]);
          if (base::is_field_value(value) != allowed) FAIL(size << " " << at << " " << code);
        }
        value[at] = around;
      }
    }
  }
}

TEST_CASE("names are compared without their case", "[base][ascii]") {
  CHECK(base::equals_ignoring_case("Close", "close"));
  CHECK(base::equals_ignoring_case("CLOSE", "close"));
  CHECK(base::equals_ignoring_case("", ""));
  CHECK_FALSE(base::equals_ignoring_case("closed", "close"));
  CHECK_FALSE(base::equals_ignoring_case("clos", "close"));
  CHECK_FALSE(base::equals_ignoring_case("c_ose", "close"));
}

TEST_CASE("blanks are trimmed at both ends", "[base][ascii]") {
  CHECK(base::trim_ows(" \t a b\t ") == "a b");
  CHECK(base::trim_ows("ab") == "ab");
  CHECK(base::trim_ows(" \t ").empty());
  CHECK(base::trim_ows("").empty());
  CHECK(base::trim_ows("\r\n") == "\r\n");
}

TEST_CASE("a list is searched element by element", "[base][ascii]") {
  CHECK(base::list_contains("close", "close"));
  CHECK(base::list_contains("keep-alive, Close", "close"));
  CHECK(base::list_contains(",, close\t,", "close"));
  CHECK(base::list_contains("close,upgrade", "close"));
  CHECK_FALSE(base::list_contains("", "close"));
  CHECK_FALSE(base::list_contains("closed, not-close", "close"));
  CHECK_FALSE(base::list_contains("clo se", "close"));
}

TEST_CASE("a decimal is digits and nothing else", "[base][ascii]") {
  CHECK(base::parse_decimal("0") == 0);
  CHECK(base::parse_decimal("007") == 7);
  CHECK(base::parse_decimal("18446744073709551615") == UINT64_MAX);
  for (const char* text : {"", "+1", "-1", "-0", " 1", "1 ", "1x", "0x1", "1_0", "1,1", "1.0",
                           "18446744073709551616", "99999999999999999999"}) {
    INFO(text);
    CHECK_FALSE(base::parse_decimal(text));
  }
}
