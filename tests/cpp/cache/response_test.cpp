// tests/cpp/cache/response_test.cpp: cache/response.hpp, cache/entry.hpp: what is stored, and as
// what.
#include "cache/response.hpp"

#include <catch.hpp>

#include <string>

using namespace fasterapi;
using cache::Refusal;

namespace {

const http::StatusLines kStatusLines;

using Fields = std::vector<std::pair<base::ByteView, base::ByteView>>;

cache::Response response_of(Fields fields, base::ByteView body = "body", int status = 200) {
  return {status, std::move(fields), body, "\"made\""};
}

base::Result<cache::Stored, Refusal> make(const cache::Response& response,
                                          const cache::Rule& rule = {}) {
  return cache::make_entry(response, rule, 1000, kStatusLines);
}

cache::EntryPtr entry_of(const cache::Response& response, const cache::Rule& rule = {}) {
  auto made = make(response, rule);
  REQUIRE(made);
  return made.value().entry;
}

std::string refusal_of(const cache::Response& response, const cache::Rule& rule = {}) {
  const auto made = make(response, rule);
  return made ? "none" : std::string(cache::text_of(made.error()));
}

}  // namespace

TEST_CASE("an entry has the fields as lines, its length and a tag", "[cache][response]") {
  const auto entry = entry_of(response_of({{"Content-Type", "text/plain"}, {"X-A", "b"}}));
  CHECK(entry->status == 200);
  CHECK(entry->fields ==
        "content-type: text/plain\r\nx-a: b\r\netag: \"made\"\r\ncontent-length: 4\r\n");
  CHECK(entry->body == "body");
  CHECK(entry->etag == "\"made\"");
  CHECK(entry->stored_ms == 1000);
  CHECK(entry->fresh_until_ms == cache::kNever);
}

TEST_CASE("an entry keeps the response's own tag, length and dates", "[cache][response]") {
  const auto entry = entry_of(response_of({{"content-length", "4"},
                                           {"etag", "W/\"own\""},
                                           {"last-modified", "then"},
                                           {"cache-control", "max-age=5"},
                                           {"content-location", "/y"},
                                           {"vary", "accept"}}));
  CHECK(entry->fields ==
        "content-length: 4\r\netag: W/\"own\"\r\nlast-modified: then\r\n"
        "cache-control: max-age=5\r\ncontent-location: /y\r\nvary: accept\r\n");
  CHECK(entry->validated ==
        "etag: W/\"own\"\r\nlast-modified: then\r\ncache-control: max-age=5\r\n"
        "content-location: /y\r\nvary: accept\r\n");
  CHECK(entry->last_modified == "then");
}

TEST_CASE("what belongs to one connection or moment is not stored", "[cache][response]") {
  const auto entry = entry_of(response_of({{"Date", "then"},
                                           {"Connection", "close"},
                                           {"Keep-Alive", "timeout=5"},
                                           {"Transfer-Encoding", "chunked"},
                                           {"Upgrade", "x"}}));
  CHECK(entry->fields == "etag: \"made\"\r\ncontent-length: 4\r\n");
}

TEST_CASE("a response that may tell users apart is refused", "[cache][response]") {
  CHECK(refusal_of(response_of({{"Set-Cookie", "a=b"}})) == cache::text_of(Refusal::SetCookie));
  CHECK(refusal_of(response_of({{"Vary", "accept, *"}})) == cache::text_of(Refusal::VaryAll));
  CHECK(refusal_of(response_of({{"Pragma", "no-cache"}})) == cache::text_of(Refusal::Pragma));
  CHECK(refusal_of(response_of({{"Age", "1"}})) == cache::text_of(Refusal::Stored));
  CHECK(refusal_of(response_of({{"Trailer", "x"}})) == cache::text_of(Refusal::Trailers));
  CHECK(refusal_of(response_of({{"Content-Range", "bytes 0-3/9"}})) ==
        cache::text_of(Refusal::Partial));
  for (const char* value : {"no-store", "private", "no-cache", "No-Store", "max-age=5, private",
                            "private=\"x-a\"", "no-cache=\"set-cookie\", max-age=5"}) {
    CAPTURE(value);
    CHECK(refusal_of(response_of({{"cache-control", value}})) ==
          cache::text_of(Refusal::CacheControl));
  }
}

TEST_CASE("a response that is not whole or not right is refused", "[cache][response]") {
  CHECK(refusal_of(response_of({{"content-length", "5"}})) == cache::text_of(Refusal::Length));
  CHECK(refusal_of(response_of({{"content-length", "4"}, {"content-length", "4"}})) ==
        cache::text_of(Refusal::Field));
  CHECK(refusal_of(response_of({{"x-a", "b\r\nx-c: d"}})) == cache::text_of(Refusal::Field));
  CHECK(refusal_of(response_of({{"x a", "b"}})) == cache::text_of(Refusal::Field));
  CHECK(refusal_of(response_of({{"", "b"}})) == cache::text_of(Refusal::Field));
}

TEST_CASE("only statuses of the rule are stored", "[cache][response]") {
  cache::Rule rule;
  for (const int status : {201, 204, 206, 301, 302, 304, 404, 500}) {
    CAPTURE(status);
    CHECK(refusal_of(response_of({}, "", status)) == cache::text_of(Refusal::Status));
  }
  rule.statuses = {200, 301, 404};
  CHECK(entry_of(response_of({{"location", "/y"}}, "", 301), rule)->status == 301);
  CHECK(entry_of(response_of({}, "no", 404), rule)->status == 404);
}

TEST_CASE("a response names its lifetime, within the rule's", "[cache][response]") {
  cache::Rule rule;
  rule.fresh_ms = 60'000;
  rule.stale_ms = 5000;
  const auto until = [&](const char* value) {
    return entry_of(response_of({{"cache-control", value}}), rule)->fresh_until_ms;
  };
  CHECK(entry_of(response_of({}), rule)->fresh_until_ms == 61'000);
  CHECK(entry_of(response_of({}), rule)->stale_until_ms == 66'000);
  CHECK(until("max-age=10") == 11'000);
  CHECK(until("max-age=100") == 61'000);
  CHECK(until("s-maxage=20, max-age=10") == 21'000);
  CHECK(until("public, S-MaxAge=20") == 21'000);
  CHECK(until("public, immutable, must-revalidate") == 61'000);
  CHECK(entry_of(response_of({{"cache-control", "max-age=10"}}))->fresh_until_ms == 11'000);
  CHECK(entry_of(response_of({{"cache-control", "public"}, {"cache-control", "max-age=7"}}), rule)
            ->fresh_until_ms == 8000);
}

TEST_CASE("a response without a lifetime left is refused", "[cache][response]") {
  for (const char* value : {"max-age=0", "max-age=x", "max-age=", "max-age", "max-age=-1",
                            "s-maxage=0, max-age=9", "max-age=5, max-age=6"}) {
    CAPTURE(value);
    CHECK(refusal_of(response_of({{"cache-control", value}})) == cache::text_of(Refusal::Expired));
  }
  CHECK(refusal_of(response_of({{"expires", "0"}})) == cache::text_of(Refusal::NoLifetime));
  CHECK(refusal_of(response_of({{"expires", "0"}, {"cache-control", "max-age=5"}})) == "none");
  cache::Rule opt_in;
  opt_in.needs_lifetime = true;
  CHECK(refusal_of(response_of({}), opt_in) == cache::text_of(Refusal::NoLifetime));
  CHECK(refusal_of(response_of({{"cache-control", "public"}}), opt_in) ==
        cache::text_of(Refusal::NoLifetime));
  CHECK(refusal_of(response_of({{"cache-control", "s-maxage=1"}}), opt_in) == "none");
}

TEST_CASE("fields that Vary names join the key", "[cache][response]") {
  cache::Rule rule;
  rule.vary = {"accept"};
  auto made = make(response_of({{"Vary", "Accept, X-A , host"}, {"vary", "x-a,Cookie,x-b"}}), rule);
  REQUIRE(made);
  CHECK(made.value().varies == std::vector<std::string>{"x-a", "x-b"});
}

TEST_CASE("a 304 answers who has the entry", "[cache][entry]") {
  const auto entry =
      entry_of(response_of({{"etag", "\"a,b\""}, {"last-modified", "Sun, 06 Nov 1994"}}));
  const auto matches = [&](const char* tags) { return cache::not_modified(*entry, {tags, {}}); };
  CHECK(matches("\"a,b\""));
  CHECK(matches("W/\"a,b\""));
  CHECK(matches("\"x\", W/\"y\" ,\t\"a,b\""));
  CHECK(matches("*"));
  for (const char* other : {"\"a\"", "a,b", "\"x\"", "", "\"a,b", "W/", "x, \"a,b\"", "* ,"}) {
    CAPTURE(other);
    CHECK_FALSE(matches(other));
  }
  CHECK_FALSE(cache::not_modified(*entry, {}));
  CHECK(cache::not_modified(*entry, {{}, "Sun, 06 Nov 1994"}));
  CHECK_FALSE(cache::not_modified(*entry, {{}, "Sun, 06 Nov 1995"}));
  CHECK_FALSE(cache::not_modified(*entry, {"\"x\"", "Sun, 06 Nov 1994"}));
}

TEST_CASE("only a 200 becomes a 304", "[cache][entry]") {
  cache::Rule rule;
  rule.statuses = {404};
  const auto entry = entry_of(response_of({{"etag", "\"a\""}}, "no", 404), rule);
  CHECK_FALSE(cache::not_modified(*entry, {"\"a\"", {}}));
}
