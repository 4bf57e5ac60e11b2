// tests/cpp/http/connection_test.cpp: http/connection.hpp.
#include "http/connection.hpp"

#include <catch.hpp>

#include <memory>
#include <string>

#include "../support/allocations.hpp"
#include "../support/payloads.hpp"

using namespace fasterapi::http;
using fasterapi::base::ByteView;
using fasterapi::base::Limits;
using fasterapi::base::PayloadQueue;
using fasterapi::support::FailingAllocations;
using fasterapi::support::text_of;

namespace {

constexpr ByteView kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr ByteView kPost = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";

const StatusLines& status_lines() {
  static const StatusLines made;
  return made;
}

struct Opened {
  Limits limits;
  Connection http{limits, status_lines()};
  PayloadQueue out;

  EventKind next() { return http.next_event().kind; }
  // Takes every event there is; the last kind.
  EventKind drain() {
    EventKind kind;
    do {
      kind = next();
    } while (kind != EventKind::NeedData && kind != EventKind::Paused && kind != EventKind::Error);
    return kind;
  }
  SendError head(int status = 200, ByteView length = "0") {
    const SendError error = http.begin_head(out, status, {});
    if (error != SendError::None) return error;
    if (!length.empty()) (void)http.response().add_field("content-length", length);
    return http.end_head();
  }
  SendError body(ByteView bytes, bool more = false) { return http.send_body(out, bytes, more); }
  SendError answer() {
    const SendError error = head();
    return error == SendError::None ? body("") : error;
  }
};

}  // namespace

TEST_CASE("a request without a body is a head and an end", "[http][connection]") {
  Opened opened;
  CHECK(opened.next() == EventKind::NeedData);
  opened.http.receive(kGet);
  CHECK(opened.next() == EventKind::RequestHead);
  CHECK(opened.http.request_state() == RequestState::Body);
  CHECK(opened.next() == EventKind::EndOfMessage);
  CHECK(opened.http.request_state() == RequestState::Done);
  CHECK(opened.next() == EventKind::Paused);
  CHECK(opened.next() == EventKind::Paused);
}

TEST_CASE("a body comes between head and end", "[http][connection]") {
  Opened opened;
  const std::string bytes = std::string(kPost) + "abc";
  opened.http.receive(bytes);
  CHECK(opened.next() == EventKind::RequestHead);
  const Event event = opened.http.next_event();
  CHECK(event.kind == EventKind::BodyChunk);
  CHECK(event.body == "abc");
  CHECK(opened.next() == EventKind::EndOfMessage);
}

TEST_CASE("a second request waits until the first is answered", "[http][connection]") {
  Opened opened;
  const std::string both = std::string(kGet) + std::string(kGet);
  opened.http.receive(both);
  CHECK(opened.drain() == EventKind::Paused);
  CHECK(opened.http.unread_bytes() == kGet.size());
  REQUIRE(opened.answer() == SendError::None);
  CHECK(opened.next() == EventKind::Paused);
  REQUIRE(opened.http.start_next_cycle());
  CHECK(opened.next() == EventKind::RequestHead);
  CHECK(opened.http.unread_bytes() == 0);
}

TEST_CASE("bytes of a waiting request outlive the buffer they came in", "[http][connection]") {
  Opened opened;
  for (const int size : {40, 10}) {  // more arrives while the first request is still open
    const std::string all = std::string(kGet) + std::string(kGet) + std::string(kGet);
    const auto piece = std::make_unique<std::string>(all.substr(size == 40 ? 0 : 40));
    piece->resize(size == 40 ? 40 : piece->size());
    opened.http.receive(*piece);
    CHECK(opened.drain() == EventKind::Paused);
    opened.http.retain();
  }
  CHECK(opened.http.unread_bytes() == 2 * kGet.size());
  for (int request = 0; request < 2; ++request) {
    REQUIRE(opened.answer() == SendError::None);
    REQUIRE(opened.http.start_next_cycle());
    opened.http.receive({});
    CHECK(opened.next() == EventKind::RequestHead);
    CHECK(opened.http.head().target() == "/");
    CHECK(opened.drain() == EventKind::Paused);
    opened.http.retain();
  }
  CHECK(opened.http.unread_bytes() == 0);
}

TEST_CASE("endless pipelining keeps no more than what waits", "[http][connection]") {
  Opened opened;
  std::string stream(kGet);
  const std::size_t before = fasterapi::support::allocated_bytes();
  opened.http.receive("GET");
  opened.http.retain();
  for (int round = 0; round < 1000; ++round) {  // a whole request, but never on its boundary
    const std::string piece = std::string(kGet.substr(3)) + "GET";
    opened.http.receive(piece);
    REQUIRE(opened.drain() == EventKind::Paused);
    opened.http.retain();
    REQUIRE(opened.answer() == SendError::None);
    opened.out.clear();
    REQUIRE(opened.http.start_next_cycle());
    if (round % 2 == 0) continue;
    opened.http.receive({});
    REQUIRE(opened.drain() == EventKind::NeedData);
    opened.http.retain();
  }
  CHECK(fasterapi::support::allocated_bytes() - before < 4096);
}

TEST_CASE("memory of a large head is kept for the next, until it is released",
          "[http][connection]") {
  Opened opened;
  const std::string request =
      "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(5000, 'x') + "\r\n\r\n";
  const std::size_t before = fasterapi::support::allocated_bytes();
  for (int round = 0; round < 2; ++round) {
    opened.http.receive(request);
    REQUIRE(opened.drain() == EventKind::Paused);
    opened.http.retain();
    REQUIRE(opened.answer() == SendError::None);
    opened.out.clear();
    REQUIRE(opened.http.start_next_cycle());
    CHECK(opened.http.holds_spare_memory());
    CHECK(fasterapi::support::allocated_bytes() - before > 5000);
  }
  opened.http.release_spare_memory();
  CHECK_FALSE(opened.http.holds_spare_memory());
  CHECK(fasterapi::support::allocated_bytes() - before < 1024);
  opened.http.receive(kGet);
  CHECK(opened.drain() == EventKind::Paused);
  CHECK_FALSE(opened.http.holds_spare_memory());
}

TEST_CASE("a connection is idle between requests only", "[http][connection]") {
  Opened opened;
  CHECK(opened.http.idle());
  opened.http.receive("G");
  CHECK(opened.drain() == EventKind::NeedData);
  opened.http.retain();
  CHECK_FALSE(opened.http.idle());
  opened.http.receive(kGet.substr(1));
  CHECK(opened.drain() == EventKind::Paused);
  CHECK_FALSE(opened.http.idle());
  REQUIRE(opened.answer() == SendError::None);
  REQUIRE(opened.http.start_next_cycle());
  CHECK(opened.http.idle());
}

TEST_CASE("the next cycle needs both messages complete", "[http][connection]") {
  Opened opened;
  CHECK_FALSE(opened.http.start_next_cycle());
  opened.http.receive(kPost);
  CHECK(opened.drain() == EventKind::NeedData);
  opened.http.retain();
  CHECK_FALSE(opened.http.start_next_cycle());
  REQUIRE(opened.answer() == SendError::None);
  CHECK_FALSE(opened.http.start_next_cycle());  // the rest of the request is still to come
  opened.http.receive("abc");
  CHECK(opened.drain() == EventKind::Paused);
  CHECK(opened.http.start_next_cycle());
  CHECK_FALSE(opened.http.start_next_cycle());
}

TEST_CASE("a body that comes after the response is still read", "[http][connection]") {
  Opened opened;
  opened.http.receive(kPost);
  CHECK(opened.drain() == EventKind::NeedData);
  REQUIRE(opened.answer() == SendError::None);
  opened.http.receive("ab");
  CHECK(opened.next() == EventKind::BodyChunk);
  CHECK(opened.next() == EventKind::NeedData);
  opened.http.receive("c");
  CHECK(opened.next() == EventKind::BodyChunk);
  CHECK(opened.next() == EventKind::EndOfMessage);
}

TEST_CASE("there is no next cycle after a request or a response that closes",
          "[http][connection]") {
  Opened opened;
  const bool by_request = GENERATE(true, false);
  opened.http.receive(by_request ? "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" : kGet);
  CHECK(opened.drain() == EventKind::Paused);
  REQUIRE(opened.http.begin_head(opened.out, 200, {}) == SendError::None);
  if (!by_request) {
    REQUIRE(opened.http.response().add_field("connection", "close") == SendError::None);
  }
  REQUIRE(opened.http.end_head() == SendError::None);
  REQUIRE(opened.body("") == SendError::None);
  CHECK_FALSE(opened.http.start_next_cycle());
}

TEST_CASE("a connection may be told that its response is the last", "[http][connection]") {
  Opened opened;
  const bool before_head = GENERATE(true, false);
  opened.http.receive(kGet);
  CHECK(opened.drain() == EventKind::Paused);
  if (before_head) opened.http.must_close();
  REQUIRE(opened.head() == SendError::None);
  if (!before_head) opened.http.must_close();
  REQUIRE(opened.body("") == SendError::None);
  CHECK((text_of(opened.out).find("connection: close") != std::string::npos) == before_head);
  CHECK_FALSE(opened.http.start_next_cycle());
}

TEST_CASE("an error is repeated and nothing follows it", "[http][connection]") {
  Opened opened;
  opened.http.receive("BAD\r\n\r\n");
  const Event event = opened.http.next_event();
  CHECK(event.kind == EventKind::Error);
  CHECK(event.error == ProtocolError::MalformedRequest);
  opened.http.retain();
  opened.http.receive(kGet);
  CHECK(opened.next() == EventKind::Error);
  CHECK(opened.http.unread_bytes() <= kGet.size());
}

TEST_CASE("body bytes before an error are still given", "[http][connection]") {
  Opened opened;
  opened.http.receive(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz");
  CHECK(opened.next() == EventKind::RequestHead);
  const Event event = opened.http.next_event();
  CHECK(event.kind == EventKind::BodyChunk);
  CHECK(event.body == "abc");
  CHECK(opened.next() == EventKind::Error);
  CHECK(opened.http.request_state() == RequestState::Failed);
}

TEST_CASE("a response to a failed request closes", "[http][connection]") {
  Opened opened;
  opened.http.receive("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
  CHECK(opened.drain() == EventKind::Error);
  REQUIRE(opened.answer() == SendError::None);
  CHECK(text_of(opened.out).find("connection: close\r\n") != std::string::npos);
  CHECK_FALSE(opened.http.start_next_cycle());
}

TEST_CASE("the parts of a response have their order", "[http][connection]") {
  Opened opened;
  opened.http.receive(kGet);
  CHECK(opened.drain() == EventKind::Paused);
  CHECK(opened.body("x") == SendError::HeadNotSent);
  REQUIRE(opened.head(200, "1") == SendError::None);
  CHECK(opened.http.response_state() == ResponseState::Body);
  CHECK(opened.head() == SendError::HeadAlreadySent);
  REQUIRE(opened.body("x") == SendError::None);
  CHECK(opened.http.response_state() == ResponseState::Done);
  CHECK(opened.body("x") == SendError::AlreadyComplete);
  CHECK(opened.head() == SendError::AlreadyComplete);
  CHECK(text_of(opened.out) == "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx");
}

TEST_CASE("an illegal head leaves the response to be begun", "[http][connection]") {
  Opened opened;
  opened.http.receive(kGet);
  CHECK(opened.drain() == EventKind::Paused);
  CHECK(opened.head(100) == SendError::IllegalStatus);
  REQUIRE(opened.http.begin_head(opened.out, 200, {}) == SendError::None);
  CHECK(opened.http.response().add_field("a b", "") == SendError::IllegalFieldName);
  CHECK(opened.http.response_state() == ResponseState::Idle);
  CHECK(opened.out.empty());
  CHECK(opened.head(500) == SendError::None);
}

TEST_CASE("a body that breaks its declared length completes and closes", "[http][connection]") {
  Opened opened;
  opened.http.receive(kGet);
  CHECK(opened.drain() == EventKind::Paused);
  REQUIRE(opened.head(200, "2") == SendError::None);
  const bool too_long = GENERATE(true, false);
  CHECK(opened.body(too_long ? "abc" : "a", too_long) ==
        (too_long ? SendError::BodyTooLong : SendError::BodyTooShort));
  CHECK(opened.http.response_state() == ResponseState::Done);
  CHECK(opened.body("x") == SendError::AlreadyComplete);
  CHECK_FALSE(opened.http.start_next_cycle());
}

TEST_CASE("the last reply is a whole response that closes", "[http][connection]") {
  Opened opened;
  opened.http.receive("BAD\r\n\r\n");
  CHECK(opened.drain() == EventKind::Error);
  opened.http.send_last_reply(opened.out, 400, "No.", "server: x\r\n");
  CHECK(text_of(opened.out) ==
        "HTTP/1.1 400 Bad Request\r\nserver: x\r\ncontent-type: text/plain; charset=utf-8\r\n"
        "content-length: 3\r\nconnection: close\r\n\r\nNo.");
  CHECK(opened.http.response_state() == ResponseState::Done);
  CHECK_FALSE(opened.http.start_next_cycle());
}

TEST_CASE("whoever may not use a method is told which there are", "[http][connection]") {
  Opened opened;
  opened.http.receive("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(opened.drain() == EventKind::Error);
  opened.http.send_last_reply(opened.out, 405, "No.", {});
  CHECK(text_of(opened.out).find("\r\nallow: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT\r\n") !=
        std::string::npos);
}

TEST_CASE("the last reply to HEAD has no body", "[http][connection]") {
  Opened opened;
  opened.http.receive("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(opened.drain() == EventKind::Paused);
  opened.http.send_last_reply(opened.out, 503, "No.", {});
  CHECK(text_of(opened.out).ends_with("content-length: 3\r\nconnection: close\r\n\r\n"));
}

TEST_CASE("an allocation that fails anywhere is an error or an exception, never worse",
          "[http][connection]") {
  const std::string long_value(2000, 'x');
  const std::string bytes =
      "POST /a/rather/long/target/so/that/memory/is/needed HTTP/1.1\r\nHost: a\r\nX: " +
      long_value + "\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n28\r\n" + std::string(40, 'b') +
      "\r\n0\r\n\r\n" + std::string(kGet);
  const std::size_t split = GENERATE(0u, 20u, 1000u);  // in the target, in a field
  const std::size_t failures = GENERATE(std::size_t{1}, SIZE_MAX);
  const fasterapi::base::ByteView rest = fasterapi::base::ByteView(bytes).substr(split);
  bool failed = true;
  std::size_t successes = 0;
  for (; failed; ++successes) {
    Opened opened;
    FailingAllocations failing(successes, failures);
    try {
      opened.http.receive(fasterapi::base::ByteView(bytes).substr(0, split));
      (void)opened.drain();
      opened.http.retain();
      opened.http.receive(rest);
      if (opened.drain() == EventKind::Paused) {
        opened.http.retain();
        (void)opened.answer();
      }
    } catch (const std::bad_alloc&) {
    }
    failed = failing.end();
    if (!failed) CHECK(text_of(opened.out).starts_with("HTTP/1.1 200 OK\r\n"));
  }
  CHECK(successes > 3);
}
