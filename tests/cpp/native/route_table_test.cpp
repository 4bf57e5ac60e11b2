// tests/cpp/native/route_table_test.cpp: native/route_table.hpp.
#include "native/route_table.hpp"

#include <catch.hpp>

#include <string>

using fasterapi::http::PathPattern;
using fasterapi::native::Route;
using fasterapi::native::RouteTable;

namespace {

bool add(RouteTable& table, const char* method, const char* path) {
  return table.add(Route{method, PathPattern::parse(path).value()});
}

std::string find(const RouteTable& table, const char* method, const char* path) {
  PathPattern::Captures captures;
  const Route* route = table.find(method, path, captures);
  return route ? route->method + " " + route->pattern.text() : "none";
}

}  // namespace

TEST_CASE("a route is found by method and path", "[native][route_table]") {
  RouteTable table;
  CHECK(table.empty());
  CHECK(add(table, "GET", "/a"));
  CHECK(add(table, "POST", "/a"));
  CHECK_FALSE(table.empty());
  CHECK(find(table, "GET", "/a") == "GET /a");
  CHECK(find(table, "POST", "/a") == "POST /a");
  CHECK(find(table, "PUT", "/a") == "none");
  CHECK(find(table, "GET", "/a/") == "none");
}

TEST_CASE("GET takes HEAD, an asterisk takes all, and what is named goes first",
          "[native][route_table]") {
  RouteTable table;
  CHECK(add(table, "*", "/a"));
  CHECK(find(table, "HEAD", "/a") == "* /a");
  CHECK(add(table, "GET", "/a"));
  CHECK(find(table, "HEAD", "/a") == "GET /a");
  CHECK(find(table, "PUT", "/a") == "* /a");
  CHECK(add(table, "HEAD", "/a"));
  CHECK(find(table, "HEAD", "/a") == "HEAD /a");
}

TEST_CASE("literal paths go before patterns, patterns in their order", "[native][route_table]") {
  RouteTable table;
  CHECK(add(table, "GET", "/{all:path}"));
  CHECK(add(table, "GET", "/a/{b}"));
  CHECK(add(table, "GET", "/a/b"));
  CHECK(add(table, "POST", "/a/{b}"));
  CHECK(find(table, "GET", "/a/b") == "GET /a/b");
  CHECK(find(table, "GET", "/a/c") == "GET /{all:path}");
  CHECK(find(table, "POST", "/a/c") == "POST /a/{b}");
  CHECK(find(table, "POST", "/a/b") == "POST /a/{b}");
}

TEST_CASE("there is one route for a method and a path", "[native][route_table]") {
  RouteTable table;
  for (const char* path : {"/a", "/{a}"}) {
    CHECK(add(table, "GET", path));
    CHECK_FALSE(add(table, "GET", path));
    CHECK(add(table, "PUT", path));
  }
}
