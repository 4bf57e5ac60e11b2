// tests/cpp/cache/request_test.cpp: cache/request.hpp: which requests, and by which key.
#include "cache/request.hpp"

#include <catch.hpp>

#include <optional>
#include <string>

#include "../support/text.hpp"
#include "http/connection.hpp"

using namespace fasterapi;
using support::readable;

namespace {

const http::StatusLines kStatusLines;
const base::Limits kLimits;

// The key of a request, nullopt where it is the application's alone.
std::optional<std::string> key_of(const std::string& request, const cache::Rule& rule = {},
                                  cache::Conditions* conditions = nullptr) {
  http::Connection connection(kLimits, kStatusLines);
  connection.receive(request);
  REQUIRE(connection.next_event().kind == http::EventKind::RequestHead);
  std::string key = "of an earlier request";
  cache::Conditions found;
  const bool read = cache::read_request(connection.head(), rule, "http", key, found);
  if (conditions) *conditions = found;
  return read ? std::optional(key) : std::nullopt;
}

std::string get(const std::string& target, const std::string& fields = {}) {
  return "GET " + target + " HTTP/1.1\r\nHost: a.example\r\n" + fields + "\r\n";
}

std::string parts(std::initializer_list<base::ByteView> list) {
  std::string key;
  for (const base::ByteView part : list) key.append(part).push_back('\0');
  return key;
}

}  // namespace

TEST_CASE("the key is path, query, scheme and host, byte for byte", "[cache][key]") {
  cache::Rule rule;
  rule.query = {"q"};
  CHECK(key_of(get("/x")) == parts({"/x", "", "http", "a.example"}));
  CHECK(key_of(get("/%78?q=%41"), rule) == parts({"/%78", "q=%41", "http", "a.example"}));
  CHECK(key_of("GET /x HTTP/1.1\r\nhOST:  A.Example:80 \r\n\r\n") ==
        parts({"/x", "", "http", "A.Example:80"}));
  CHECK(key_of("HEAD /x HTTP/1.1\r\nHost: a.example\r\n\r\n") == key_of(get("/x")));
}

TEST_CASE("fields of the rule belong to the key, also where they are missing", "[cache][key]") {
  cache::Rule rule;
  rule.vary = {"accept", "x-key"};
  CHECK(key_of(get("/x", "X-Key: 1\r\nAccept: a/b\r\n"), rule) ==
        parts({"/x", "", "http", "a.example", "accept=a/b", "x-key=1"}));
  CHECK(key_of(get("/x"), rule) == parts({"/x", "", "http", "a.example", "accept", "x-key"}));
  CHECK(key_of(get("/x", "Accept:\r\n"), rule) ==
        parts({"/x", "", "http", "a.example", "accept=", "x-key"}));
  CHECK_FALSE(key_of(get("/x", "Accept: a\r\nAccept: b\r\n"), rule));
}

TEST_CASE("a field that would make the request the application's may belong to the key",
          "[cache][key]") {
  cache::Rule rule;
  rule.vary = {"origin"};
  CHECK(key_of(get("/x", "Origin: o\r\n"), rule) ==
        parts({"/x", "", "http", "a.example", "origin=o"}));
  CHECK_FALSE(key_of(get("/x", "Origin: o\r\n")));
}

TEST_CASE("a request that might get another response is the application's", "[cache][key]") {
  const std::string field = GENERATE(
      "Authorization: b", "Proxy-Authorization: b", "Cookie: a=b", "Origin: o", "Range: bytes=0-1",
      "If-Range: x", "If-Match: x", "If-Unmodified-Since: x", "Cache-Control: no-cache",
      "Pragma: no-cache", "Forwarded: host=x", "X-Forwarded-Host: x", "X-Forwarded-Prefix: /x",
      "X-Forwarded-Path: /x", "X-Forwarded-Scheme: x", "X-Host: x", "X-Original-Host: x",
      "X-Original-URI: /x", "X-Original-URL: /x", "X-Rewrite-URL: /x", "X-HTTP-Method: PUT",
      "X-HTTP-Method-Override: PUT", "X-Method-Override: PUT", "Content-Length: 1",
      "Transfer-Encoding: chunked", "Expect: 100-continue", "Connection: upgrade\r\nUpgrade: x",
      "If-None-Match: \"a\"\r\nIf-None-Match: \"b\"");
  CAPTURE(readable(field));
  CHECK_FALSE(key_of(get("/x", field + "\r\n")));
}

TEST_CASE("other fields change nothing", "[cache][key]") {
  const std::string fields =
      "User-Agent: u\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nX-Forwarded-For: 1.2.3.4\r\n"
      "X-Real-IP: 1.2.3.4\r\nContent-Length: 0\r\nConnection: keep-alive\r\n";
  CHECK(key_of(get("/x", fields)) == key_of(get("/x")));
}

TEST_CASE("a target that is a whole URI is the application's", "[cache][key]") {
  CHECK_FALSE(key_of(get("http://a.example/x")));
}

TEST_CASE("a request without a host is the application's", "[cache][key]") {
  CHECK_FALSE(key_of("GET /x HTTP/1.0\r\n\r\n"));
  CHECK(key_of("GET /x HTTP/1.0\r\nHost: a.example\r\n\r\n") == key_of(get("/x")));
}

TEST_CASE("a query has declared parameters, each once", "[cache][key]") {
  cache::Rule rule;
  rule.query = {"lang", "page"};
  for (const char* query : {"?lang=en", "?page=1&lang=en", "?lang", "?lang=", "?lang=a=b"})
    CHECK(key_of(get(std::string("/x") + query), rule));
  for (const char* query :
       {"?", "?lang=a&lang=b", "?other=1", "?lang=a&other=1", "?lang=a;page=b", "?la%6eg=a",
        "?Lang=a", "?lang=a&", "?&lang=a", "?lang[]=a", "?lang=a?page=b&x"}) {
    CAPTURE(query);
    CHECK_FALSE(key_of(get(std::string("/x") + query), rule));
  }
  CHECK_FALSE(key_of(get("/x?lang=en")));
  CHECK(key_of(get("/x?lang=a&page=b"), rule) != key_of(get("/x?page=b&lang=a"), rule));
}

TEST_CASE("conditions are noted and change no key", "[cache][key]") {
  cache::Conditions conditions;
  CHECK(key_of(get("/x"), {}, &conditions) == key_of(get("/x")));
  CHECK(conditions.none());
  http::Connection connection(kLimits, kStatusLines);
  const std::string request = get("/x", "If-None-Match: \"a\"\r\nIf-Modified-Since: now\r\n");
  connection.receive(request);
  REQUIRE(connection.next_event().kind == http::EventKind::RequestHead);
  std::string key;
  REQUIRE(cache::read_request(connection.head(), {}, "http", key, conditions));
  CHECK(key == key_of(get("/x")));
  CHECK(conditions.if_none_match == "\"a\"");
  CHECK(conditions.if_modified_since == "now");
  CHECK_FALSE(conditions.none());
}

TEST_CASE("a key has its parts back", "[cache][key]") {
  cache::Rule rule;
  rule.vary = {"accept", "x-key", "x-none"};
  rule.query = {"q"};
  const auto key = key_of(get("/x?q=1", "X-Key:\r\nAccept: a/b\r\n"), rule);
  REQUIRE(key);
  const cache::KeyParts split = cache::split_key(*key, rule);
  CHECK(split.path == "/x");
  CHECK(split.query == "q=1");
  CHECK(split.scheme == "http");
  CHECK(split.host == "a.example");
  REQUIRE(split.fields.size() == 2);
  CHECK(split.fields[0].name == "accept");
  CHECK(split.fields[0].value == "a/b");
  CHECK(split.fields[1].name == "x-key");
  CHECK(split.fields[1].value.empty());
  CHECK(cache::path_of_key(*key) == "/x");
}
