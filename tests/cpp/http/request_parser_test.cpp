// tests/cpp/http/request_parser_test.cpp: http/request_parser.hpp and the RequestHead of
// http/event.hpp that it fills.
#include "http/request_parser.hpp"

#include <catch.hpp>

#include <string>

#include "../support/request_events.hpp"

using namespace fasterapi::http;
using fasterapi::base::Limits;
using fasterapi::support::events_byte_by_byte;
using fasterapi::support::events_of;
using fasterapi::support::first_harmful_split;
using fasterapi::support::Lines;

namespace {

constexpr std::string_view kHost = "Host: a\r\n";

std::string get(std::string_view target, std::string_view fields = {}) {
  return "GET " + std::string(target) + " HTTP/1.1\r\n" + std::string(kHost) + std::string(fields) +
         "\r\n";
}

struct Parsed {
  Limits limits;
  RequestParser parser{limits};
  explicit Parsed(std::string_view bytes) { (void)parser.parse(bytes); }
  const RequestHead& head() { return parser.head(); }
};

}  // namespace

TEST_CASE("a parser uses the bytes of one message and no more", "[http][parser]") {
  const std::string first = get("/one");
  Limits limits;
  RequestParser parser(limits);
  CHECK(parser.at_message_start());
  CHECK(parser.parse(first + get("/two")) == first.size());
  CHECK_FALSE(parser.at_message_start());
  CHECK(parser.take_head());
  CHECK(parser.take_body().empty());
  CHECK(parser.take_end());
  CHECK_FALSE(parser.error());
}

TEST_CASE("what was taken is not given again", "[http][parser]") {
  Parsed parsed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
  CHECK(parsed.parser.take_head());
  CHECK_FALSE(parsed.parser.take_head());
  CHECK(parsed.parser.take_body() == "x");
  CHECK(parsed.parser.take_body().empty());
  CHECK(parsed.parser.take_end());
  CHECK_FALSE(parsed.parser.take_end());
}

TEST_CASE("the next message begins with nothing of the last", "[http][parser]") {
  Limits limits;
  RequestParser parser(limits);
  const std::string first =
      "POST /one?a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: upgrade\r\nUpgrade: "
      "x\r\n"
      "X-Forwarded-For: b\r\nContent-Length: 0\r\n\r\n";
  CHECK(parser.parse(first) == first.size());
  CHECK(parser.take_end());
  parser.start_next_message();
  CHECK(parser.at_message_start());
  const std::string second = get("/two");
  CHECK(parser.parse(second) == second.size());
  CHECK(parser.take_end());
  const RequestHead& head = parser.head();
  CHECK(head.method() == "GET");
  CHECK(head.target() == "/two");
  CHECK(head.query().empty());
  CHECK(head.field_count() == 1);
  CHECK_FALSE(head.content_length());
  CHECK_FALSE(head.expect_continue());
  CHECK_FALSE(head.upgrade());
  CHECK_FALSE(head.forwarded());
}

TEST_CASE("a head says what its fields mean", "[http][parser]") {
  CHECK(Parsed(get("/")).head().keep_alive());
  CHECK_FALSE(Parsed(get("/")).head().has_body());
  CHECK(Parsed(get("/", "Content-Length: 7\r\n")).head().content_length() == 7U);
  CHECK(Parsed(get("/", "Content-Length: 7\r\n")).head().has_body());
  CHECK_FALSE(Parsed(get("/", "Content-Length: 0\r\n")).head().has_body());
  CHECK(Parsed(get("/", "Transfer-Encoding: chunked\r\n")).head().chunked());
  CHECK(Parsed(get("/", "Transfer-Encoding: chunked\r\n")).head().has_body());
  CHECK(Parsed(get("/", "Expect: 100-Continue\r\n")).head().expect_continue());
  CHECK(Parsed(get("/", "X-Forwarded-For: b\r\n")).head().forwarded());
  CHECK(Parsed(get("/", "X-Forwarded-Proto: b\r\n")).head().forwarded());
  CHECK_FALSE(Parsed(get("/", "X-Forwarded-Port: b\r\n")).head().forwarded());
  CHECK_FALSE(Parsed(get("/", "Connection: close\r\n")).head().keep_alive());
  CHECK(Parsed(get("/", "Connection: upgrade\r\nUpgrade: h2c\r\n")).head().upgrade());
  CHECK_FALSE(Parsed(get("/", "Upgrade: h2c\r\n")).head().upgrade());
  CHECK(Parsed("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").head().is_head());
}

TEST_CASE("Expect means nothing on HTTP/1.0", "[http][parser]") {  // RFC 9110 section 10.1.1
  Parsed parsed("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  CHECK(parsed.parser.take_head());
  CHECK_FALSE(parsed.head().expect_continue());
}

TEST_CASE("an absolute target without a path asks for the root", "[http][parser]") {
  // RFC 9110 section 4.2.3: an empty path is equivalent to "/".
  CHECK(Parsed(get("http://a")).head().raw_path() == "/");
  CHECK(Parsed(get("http://a?b")).head().raw_path() == "/");
  CHECK(Parsed(get("http://a?b")).head().query() == "b");
  CHECK(Parsed(get("http://a/")).head().raw_path() == "/");
}

TEST_CASE("a head of the largest size is parsed, whole and in pieces", "[http][parser][limits]") {
  const std::string bytes = get("/", "X: " + std::string(400, 'x') + "\r\n");
  Limits limits;
  limits.head_bytes = bytes.size();
  const Lines expected{"head GET / HTTP/1.1", "field host: a", "field x: (400 bytes)", "end"};
  CHECK(events_of(bytes, limits) == expected);
  CHECK(events_byte_by_byte(bytes, limits) == expected);
  CHECK(first_harmful_split(bytes, expected, limits) == std::string::npos);
  CHECK(events_of(bytes + bytes, limits).size() == 8);
}

TEST_CASE("a head one byte too large is refused, whole and in pieces", "[http][parser][limits]") {
  const std::string bytes =
      GENERATE(get("/", "X: " + std::string(400, 'x') + "\r\n"), get("/" + std::string(400, 'x')),
               get("/", "X:" + std::string(400, ' ') + "x\r\n"),
               get("/", std::string(400, 'x') + ": x\r\n"));
  Limits limits;
  limits.head_bytes = bytes.size() - 1;
  const Lines expected{"error HeadTooLarge"};
  CHECK(events_of(bytes, limits) == expected);
  CHECK(events_byte_by_byte(bytes, limits) == expected);
  CHECK(first_harmful_split(bytes, expected, limits) == std::string::npos);
}

TEST_CASE("a body does not count as head", "[http][parser][limits]") {
  const std::string body(1000, 'x');
  const std::string head = get("/", "Content-Length: 1000\r\n");
  Limits limits;
  limits.head_bytes = head.size();
  CHECK(events_of(head + body, limits).back() == "end");
  CHECK(events_byte_by_byte(head + body, limits).back() == "end");
}

TEST_CASE("a head that never ends is refused as its bytes arrive", "[http][parser][limits]") {
  const std::string_view endless = GENERATE(" ", "\r\n", "G");
  Limits limits;
  limits.head_bytes = 100;
  RequestParser parser(limits);
  for (int count = 0; count <= 100 && !parser.error(); ++count) (void)parser.parse(endless);
  CHECK(parser.error());
}

TEST_CASE("trailers that never end are refused", "[http][parser][limits]") {
  Limits limits;
  limits.head_bytes = 200;
  RequestParser parser(limits);
  (void)parser.parse(get("/", "Transfer-Encoding: chunked\r\n"));
  CHECK(parser.take_head());
  (void)parser.parse("0\r\n");
  for (int count = 0; count < 200 && !parser.error(); ++count) (void)parser.parse("a: b\r\n");
  CHECK(parser.error() == ProtocolError::HeadTooLarge);
}

TEST_CASE("whether a target is too long or none does not depend on how it was split",
          "[http][parser][limits]") {
  Limits limits;
  limits.target_bytes = 8;
  const auto [target, error] = GENERATE(table<std::string, std::string>({
      {"/eight/8 HTTP/1.1\r\n!", "MalformedRequest"},
      {"/nine/nin HTTP/1.1\r\n!", "TargetTooLong"},
      {"/nine/nin HTXP/1.1\r\n", "TargetTooLong"},
      {"/nine/ni\x01", "BadTarget"},
      {"longscheme HTTP/1.1\r\n", "BadTarget"},  // llhttp stops behind the blank
      {"longscheme:/", "BadTarget"},
      {"          \x01", "BadTarget"},
  }));
  const std::string bytes = "GET " + target + "\r\n";
  const Lines expected{"error " + error};
  CAPTURE(bytes);
  CHECK(events_of(bytes, limits) == expected);
  CHECK(events_byte_by_byte(bytes, limits) == expected);
  CHECK(first_harmful_split(bytes, expected, limits) == std::string::npos);
}

TEST_CASE("a target without end is refused as soon as a head is too large",
          "[http][parser][limits]") {
  Limits limits;
  limits.head_bytes = 30;
  limits.target_bytes = GENERATE(std::size_t{8}, std::size_t{100});
  const std::string bytes = "GET /" + std::string(100, 'x');
  const Lines expected{limits.target_bytes == 8 ? "error TargetTooLong" : "error HeadTooLarge"};
  CHECK(events_of(bytes, limits) == expected);
  CHECK(events_byte_by_byte(bytes, limits) == expected);
  CHECK(first_harmful_split(bytes, expected, limits) == std::string::npos);
}

TEST_CASE("as many fields as allowed are kept, one more is refused", "[http][parser][limits]") {
  Limits limits;
  limits.head_fields = 3;
  CHECK(events_of(get("/", "A: 1\r\nB: 2\r\n"), limits).back() == "end");
  CHECK(events_of(get("/", "A: 1\r\nB: 2\r\nC: 3\r\n"), limits) == Lines{"error HeadTooLarge"});
}

TEST_CASE("fields behind a line without a version are read like any others",
          "[http][parser][limits]") {
  Limits limits;
  limits.head_fields = 1;
  limits.field_bytes = 8;
  const auto [fields, error] = GENERATE(table<std::string, std::string>({
      {"A: 1\r\nB\r\n", "HeadTooLarge"},
      {"Long-name\r\n", "HeadTooLarge"},
      {"A\x01\r\n", "MalformedRequest"},
      {"A: 1\r\n\r\n", "MalformedRequest"},  // only then is it known
  }));
  const std::string bytes = "GET /\n" + fields;
  const Lines expected{"error " + error};
  CAPTURE(bytes);
  CHECK(events_of(bytes, limits) == expected);
  CHECK(events_byte_by_byte(bytes, limits) == expected);
  CHECK(first_harmful_split(bytes, expected, limits) == std::string::npos);
}

TEST_CASE("which limit a field breaks does not depend on how it was split",
          "[http][parser][limits]") {
  Limits limits;
  limits.head_fields = 3;
  limits.field_bytes = 8;
  const auto [fields, error] = GENERATE(table<std::string, std::string>({
      {"A: 1\r\nB: 2\r\nC", "HeadTooLarge"},         // one more begins
      {"A: 1\r\nB: 2\r\n\x01", "MalformedRequest"},  // none does
      {"A: 1\r\nB:\r\n\x01", "MalformedRequest"},
      {"A: 1\r\nB: 2\x01", "MalformedRequest"},
      {"Name: 12\r\n\x01", "MalformedRequest"},  // as long as allowed
      {"Name: 12\r\n x", "MalformedRequest"},
      {"Name:        \r\n\x01", "MalformedRequest"},
      {"Nam:     \x01", "HeadTooLarge"},
      {"Name: 123\r\n", "HeadTooLarge"},
      {"Name: 123\x01", "HeadTooLarge"},
      {"Long-name\x01", "HeadTooLarge"},
      {"Long-name:\r\n", "HeadTooLarge"},
  }));
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n" + fields;
  const Lines expected{"error " + error};
  CAPTURE(bytes);
  CHECK(events_of(bytes + "\r\n", limits) == expected);
  CHECK(events_byte_by_byte(bytes + "\r\n", limits) == expected);
  CHECK(first_harmful_split(bytes + "\r\n", expected, limits) == std::string::npos);
}

TEST_CASE("a body that is declared larger than allowed is refused at its head",
          "[http][parser][limits]") {
  Limits limits;
  limits.body_bytes = 5;
  CHECK(events_of(get("/", "Content-Length: 5\r\n") + "hello", limits).back() == "end");
  const Lines expected{"error BodyTooLarge"};
  const std::string bytes = get("/", "Content-Length: 6\r\n");
  CHECK(events_of(bytes, limits) == expected);
  CHECK(events_byte_by_byte(bytes, limits) == expected);
}

TEST_CASE("a chunked body is refused at the chunk that makes it too large",
          "[http][parser][limits]") {
  Limits limits;
  limits.body_bytes = 5;
  const std::string head = get("/", "Transfer-Encoding: chunked\r\n");
  CHECK(events_of(head + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", limits).back() == "end");
  const std::string bytes = head + "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n";
  const Lines expected{"head GET / HTTP/1.1", "field host: a", "field transfer-encoding: chunked",
                       "body \"abc\"", "error BodyTooLarge"};
  CHECK(events_of(bytes, limits) == expected);
  CHECK(events_byte_by_byte(bytes, limits) == expected);
  CHECK(first_harmful_split(bytes, expected, limits) == std::string::npos);
  CHECK(events_of(head + "ffffffffffffffff\r\n", limits).back() == "error BodyTooLarge");
}

TEST_CASE("chunks of one request do not count for the next", "[http][parser][limits]") {
  Limits limits;
  limits.body_bytes = 3;
  const std::string bytes = get("/", "Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\n0\r\n\r\n";
  CHECK(events_of(bytes + bytes, limits).back() == "end");
}

TEST_CASE("after an error everything is swallowed", "[http][parser]") {
  Parsed parsed("GET / HTTP/1.1\r\n: x\r\n\r\n");
  REQUIRE(parsed.parser.error() == ProtocolError::MalformedRequest);
  const std::string more = get("/");
  CHECK(parsed.parser.parse(more) == more.size());
  CHECK_FALSE(parsed.parser.take_head());
  CHECK(parsed.parser.error() == ProtocolError::MalformedRequest);
}

TEST_CASE("a field that is split anywhere is put together", "[http][parser]") {
  const std::string bytes = get("/path?query", "Some-Name:  some value \t\r\nEmpty:\r\n");
  const Lines expected{
      "head GET /path?query HTTP/1.1", "path /path",    "query query", "field host: a",
      "field some-name: some value",   "field empty: ", "end"};
  CHECK(events_of(bytes) == expected);
  CHECK(first_harmful_split(bytes, expected) == std::string::npos);
  CHECK(events_byte_by_byte(bytes) == expected);
}

TEST_CASE("chunks that arrive together are handed on as one piece", "[http][parser]") {
  const std::string_view head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string_view body = "1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n";
  Parsed parsed(std::string(head) + std::string(body));
  CHECK(parsed.parser.take_head());
  (void)parsed.parser.parse(body);
  CHECK(parsed.parser.take_body() == "abcdef");
}

TEST_CASE("trailers that are too large and malformed besides are too large",
          "[http][parser][limits]") {
  Limits limits;
  limits.head_bytes = 200;
  const std::string bytes =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "0\r\nX: " +
      std::string(200, 'x') + "\r\nY: \r\r\n";
  CHECK(events_of(bytes, limits).back() == "error HeadTooLarge");
  CHECK(events_byte_by_byte(bytes, limits).back() == "error HeadTooLarge");
}
