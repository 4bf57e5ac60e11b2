// tests/cpp/http/path_pattern_test.cpp: http/path_pattern.hpp.
#include "http/path_pattern.hpp"

#include <catch.hpp>

#include <string>
#include <vector>

using fasterapi::http::PathPattern;

namespace {

PathPattern pattern_of(const char* text) {
  auto parsed = PathPattern::parse(text);
  REQUIRE(parsed.ok());
  return std::move(parsed.value());
}

// The captures, or "no" alone.
std::vector<std::string> match(const char* text, const char* path) {
  const PathPattern pattern = pattern_of(text);
  PathPattern::Captures captures;
  if (!pattern.match(path, captures)) return {"no"};
  return {captures.begin(), captures.begin() + static_cast<int>(pattern.names().size())};
}

using Strings = std::vector<std::string>;
const Strings kNo = {"no"};

}  // namespace

TEST_CASE("a literal pattern matches its own text alone", "[http][path_pattern]") {
  CHECK(pattern_of("/fast").is_literal());
  CHECK(match("/fast", "/fast") == Strings{});
  CHECK(match("/", "/") == Strings{});
  for (const char* path : {"/", "/fas", "/fast/", "/fast/x", "/Fast", "/%66ast", "*", ""})
    CHECK(match("/fast", path) == kNo);
}

TEST_CASE("a parameter stands for one segment that is not empty", "[http][path_pattern]") {
  CHECK_FALSE(pattern_of("/items/{id}").is_literal());
  CHECK(match("/items/{id}", "/items/7") == Strings{"7"});
  CHECK(match("/items/{id}", "/items/a%2Fb") == Strings{"a%2Fb"});
  for (const char* path : {"/items", "/items/", "/items//", "/items/7/", "/items/7/x", "/item/7"})
    CHECK(match("/items/{id}", path) == kNo);
}

TEST_CASE("text may stand between parameters and behind them", "[http][path_pattern]") {
  const char* pattern = "/{a}/b/{c}/d";
  CHECK(match(pattern, "/1/b/2/d") == Strings{"1", "2"});
  for (const char* path : {"/1/b/2", "/1/b/2/", "/1/x/2/d", "/1/b/2/d/", "//b/2/d"})
    CHECK(match(pattern, path) == kNo);
  CHECK(match("/{a}/{b}", "/1/2") == Strings{"1", "2"});
  CHECK(match("/{a}/", "/1/") == Strings{"1"});
  CHECK(match("/{a}/", "/1") == kNo);
}

TEST_CASE("a parameter of kind path takes all that is left", "[http][path_pattern]") {
  CHECK(match("/static/{rest:path}", "/static/a/b.css") == Strings{"a/b.css"});
  CHECK(match("/static/{rest:path}", "/static/") == Strings{""});
  CHECK(match("/static/{rest:path}", "/static") == kNo);
  CHECK(match("/{all:path}", "/") == Strings{""});
  CHECK(match("/{a}/{rest:path}", "/1//2/") == Strings{"1", "/2/"});
  CHECK(match("/{all:path}", "*") == kNo);
}

TEST_CASE("a pattern knows its text and the names of its parameters", "[http][path_pattern]") {
  const PathPattern pattern = pattern_of("/a/{id}/{file_2:path}");
  CHECK(pattern.text() == "/a/{id}/{file_2:path}");
  CHECK(pattern.names() == Strings{"id", "file_2"});
  CHECK(match("/{1}/{2}/{3}/{4}/{5}/{6}/{7}/{8}", "/a/b/c/d/e/f/g/h") ==
        Strings{"a", "b", "c", "d", "e", "f", "g", "h"});
}

TEST_CASE("what is wrong with a pattern is said", "[http][path_pattern]") {
  const auto error_of = [](const char* text) {
    const auto parsed = PathPattern::parse(text);
    return parsed.ok() ? std::string("none") : std::string(parsed.error());
  };
  for (const char* text : {"", "a", "*", "{a}"}) {
    CHECK(error_of(text) == "a path begins with a slash");
  }
  for (const char* text : {"/a b", "/a?b", "/a#", "/\xC3\xA4", "/\x7f"}) {
    CHECK(error_of(text) == "a path holds visible ASCII characters but '?' and '#'");
  }
  CHECK(error_of("/a}") == "'}' closes nothing");
  CHECK(error_of("/{a") == "'{' is not closed");
  for (const char* text : {"/a{b}", "/{a}b", "/{a}{b}"}) {
    CHECK(error_of(text) == "a parameter is a whole segment");
  }
  for (const char* text : {"/{}", "/{a-b}", "/{:path}", "/{{a}"}) {
    CHECK(error_of(text) == "a parameter's name holds letters, digits and '_'");
  }
  for (const char* text : {"/{a:int}", "/{a:}"}) {
    CHECK(error_of(text) == "the only kind of parameter is 'path'");
  }
  CHECK(error_of("/{a}/{a}") == "two parameters have one name");
  CHECK(error_of("/{a:path}/b") == "a parameter of kind 'path' is the last segment");
  CHECK(error_of("/{1}/{2}/{3}/{4}/{5}/{6}/{7}/{8}/{9}") == "there are at most 8 parameters");
}
