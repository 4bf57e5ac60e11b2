// tests/cpp/http/authority_test.cpp: http/authority.hpp. Its rules one by one:
// tests/corpus/http/hosts.md.
#include "http/authority.hpp"

#include <catch.hpp>

#include <string>

using fasterapi::http::is_authority;

TEST_CASE("an authority names a host and perhaps a port", "[http][authority]") {
  for (const char* legal : {"a", "a:", "a:80", "1.2.3.4", "[::1]", "[::1]:0", "[v1.x]"}) {
    INFO(legal);
    CHECK(is_authority(legal));
  }
}

TEST_CASE("an authority is never empty", "[http][authority]") {
  for (const char* empty : {"", ":", ":80", "[]", "[]:80"}) {
    INFO(empty);
    CHECK_FALSE(is_authority(empty));
  }
}

TEST_CASE("no byte but those of a host stands in an authority", "[http][authority]") {
  const std::string_view legal =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~!$&'()*+;=";
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    INFO(byte);
    CHECK(is_authority(std::string("a") + c + "b") == (legal.find(c) != std::string_view::npos));
  }
}

TEST_CASE("an IPv6 address has eight groups or a gap", "[http][authority]") {
  for (const char* legal :
       {"[1:2:3:4:5:6:7:8]", "[::]", "[1::8]", "[::2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7::]",
        "[1:2:3:4:5:6:1.2.3.4]", "[::1.2.3.4]", "[1::255.255.255.255]"}) {
    INFO(legal);
    CHECK(is_authority(legal));
  }
  for (const char* illegal :
       {"[1]", "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7:8::]", "[:::]", "[1:::2]", "[1.2.3.4::]",
        "[1:2:3:4:5:6:7:1.2.3.4]", "[::1.2.3.04]", "[::1.2.3.4.5]", "[::1.2.3.]", "[::1..2.3]"}) {
    INFO(illegal);
    CHECK_FALSE(is_authority(illegal));
  }
}
