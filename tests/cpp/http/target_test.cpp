// tests/cpp/http/target_test.cpp: http/target.hpp. Its rules one by one:
// tests/corpus/http/targets.md.
#include "http/target.hpp"

#include <catch.hpp>

using fasterapi::http::split_target;

TEST_CASE("a path ends at the first question mark", "[http][target]") {
  const auto parts = split_target("/a/b?c?d", false);
  REQUIRE(parts);
  CHECK(parts->path == "/a/b");
  CHECK(parts->query == "c?d");
  CHECK(parts->authority.empty());
}

TEST_CASE("an absolute target has authority, path and query", "[http][target]") {
  const auto parts = split_target("http://a:80/b?c", false);
  REQUIRE(parts);
  CHECK(parts->authority == "a:80");
  CHECK(parts->path == "/b");
  CHECK(parts->query == "c");
}

TEST_CASE("an absolute target without a path has the slash of its scheme for one",
          "[http][target]") {
  for (const char* target : {"http://a", "http://a?b"}) {
    const auto parts = split_target(target, false);
    REQUIRE(parts);
    CHECK(parts->path == "/");
    CHECK(parts->path.data() == target + 5);
  }
}

TEST_CASE("an asterisk is a path of OPTIONS alone", "[http][target]") {
  REQUIRE(split_target("*", true));
  CHECK(split_target("*", true)->path == "*");
  CHECK(split_target("*", true)->query.empty());
  CHECK_FALSE(split_target("*", false));
}

TEST_CASE("what is no target is none", "[http][target]") {
  for (const char* target :
       {"", "a", "?a", "#", "/a#", "/\\", "**", "http", "http:", "http://", "http:///", "http://?a",
        "https:/a", "ftp://a", "http://u@a", "a://b"}) {
    INFO(target);
    CHECK_FALSE(split_target(target, true));
  }
}
