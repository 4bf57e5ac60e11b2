// benchmarks/cpp/http_bench.cpp: nanoseconds of http/connection per request and per response,
// without any I/O. `cpp_benches "[!benchmark]"`; compare only figures of one run.
#include <llhttp.h>

#include <array>
#include <catch.hpp>
#include <string>

#include "base/limits.hpp"
#include "http/connection.hpp"
#include "http/request_parser.hpp"

namespace {

using fasterapi::base::ByteView;
using fasterapi::base::PayloadQueue;
using fasterapi::http::Connection;
using fasterapi::http::EventKind;
using fasterapi::http::SendError;
using fasterapi::http::StatusLines;

constexpr ByteView kSmallest = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr ByteView kBrowser =
    "GET /items/42?q=abc HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: Mozilla/5.0 (X11; Linux "
    "x86_64; rv:109.0) Gecko/20100101 Firefox/115.0\r\nAccept: text/html,application/xhtml+xml\r\n"
    "Accept-Language: en-GB,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n"
    "Connection: keep-alive\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n\r\n";

std::string with_fields(int count) {
  std::string request = "GET /items/42?q=abc HTTP/1.1\r\nHost: localhost:8000\r\n";
  for (int field = 1; field < count; ++field)
    request.append("X-Some-Field: some value of a field\r\n");
  return request + "\r\n";
}

struct Fixture {
  fasterapi::base::Limits limits;
  StatusLines status_lines;
  Connection connection{limits, status_lines};
  PayloadQueue out;

  // One request in, one response out, ready for the next.
  std::size_t exchange(ByteView request) {
    connection.receive(request);
    while (connection.next_event().kind != EventKind::EndOfMessage) {
    }
    bool sent = connection.begin_head(out, 200, "server: uvicorn\r\n") == SendError::None;
    sent &= connection.response().add_field("content-length", "13") == SendError::None;
    sent &= connection.end_head() == SendError::None;
    sent &= connection.send_body(out, ByteView("Hello, World!"), false) == SendError::None;
    REQUIRE((sent && connection.start_next_cycle()));
    const std::size_t size = out.size();
    out.clear();
    return size;
  }
};

TEST_CASE("one exchange costs so much without I/O", "[!benchmark][http]") {
  Fixture fixture;
  BENCHMARK("smallest request") { return fixture.exchange(kSmallest); };
  BENCHMARK("browser's request, 7 fields") { return fixture.exchange(kBrowser); };
  const std::string many = with_fields(64);
  BENCHMARK("64 fields") { return fixture.exchange(many); };
}

// What no user of llhttp can do without: it is told of targets, names and values.
struct BareLlhttp {
  llhttp_settings_t settings;
  llhttp_t parser;
  std::size_t bytes = 0;

  BareLlhttp() {
    llhttp_settings_init(&settings);
    settings.on_url = settings.on_header_field =
        settings.on_header_value = [](llhttp_t* p, const char*, size_t size) {
          static_cast<BareLlhttp*>(p->data)->bytes += size;
          return 0;
        };
    settings.on_header_value_complete = [](llhttp_t*) { return 0; };
    settings.on_headers_complete = settings.on_header_value_complete;
    settings.on_message_complete = [](llhttp_t*) { return static_cast<int>(HPE_PAUSED); };
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = this;
  }
  [[gnu::noinline]] std::size_t parse(ByteView request) {
    llhttp_execute(&parser, request.data(), request.size());
    llhttp_reset(&parser);
    return bytes;
  }
};

struct OurParser {
  fasterapi::base::Limits limits;
  fasterapi::http::RequestParser parser{limits};

  [[gnu::noinline]] std::size_t parse(ByteView request) {
    std::size_t used = 0;
    std::size_t fields = 0;
    while (!parser.take_end()) {
      used += parser.parse(request.substr(used));
      fields += parser.take_head() ? parser.head().field_count() : 0;
    }
    parser.start_next_message();
    return fields;
  }
};

// Instructions: `valgrind --tool=callgrind --toggle-collect='*BareLlhttp::parse*' cpp_benches
// "*above llhttp*" --benchmark-samples 10`, then the same for OurParser.
TEST_CASE("a head of 64 fields costs so much above llhttp", "[!benchmark][http]") {
  const std::string request = with_fields(64);
  BareLlhttp bare;
  OurParser ours;
  BENCHMARK("llhttp alone") { return bare.parse(request); };
  BENCHMARK("our parser") { return ours.parse(request); };
}

TEST_CASE("a chunked body costs so much per kilobyte of tiny chunks", "[!benchmark][http]") {
  std::string request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int chunk = 0; chunk < 1024; ++chunk) request += "1\r\nx\r\n";
  request += "0\r\n\r\n";
  Fixture fixture;
  BENCHMARK("1024 chunks of one byte") { return fixture.exchange(request); };
}

}  // namespace
