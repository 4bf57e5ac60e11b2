// tests/cpp/http/known_heads_test.cpp: http/known_heads.hpp, by way of connections that share them.
#include "http/known_heads.hpp"

#include <catch.hpp>

#include <string>
#include <vector>

#include "../support/text.hpp"
#include "base/payload_queue.hpp"
#include "http/connection.hpp"

using namespace fasterapi;
using http::EventKind;
using support::readable;

namespace {

struct Known {
  const base::Limits limits;
  const http::StatusLines status_lines;
  http::KnownHeads heads;

  // What a connection makes of the bytes, given in pieces: each request's target, fields and
  // whether its head was known. Every head is offered.
  std::string read(const std::vector<std::string>& pieces) {
    http::Connection connection(limits, status_lines, &heads);
    base::PayloadQueue out;
    std::string text;
    for (const std::string& piece : pieces) {
      connection.receive(piece);
      pump(connection, out, text);
      connection.retain();
    }
    return text;
  }

 private:
  void pump(http::Connection& connection, base::PayloadQueue& out, std::string& text) {
    while (true) {
      const http::Event event = connection.next_event();
      if (event.kind == EventKind::NeedData) return;
      if (event.kind == EventKind::Error) {
        text += "error\n";
        return;
      }
      if (event.kind == EventKind::BodyChunk) text += "body " + std::string(event.body) + "\n";
      if (event.kind == EventKind::RequestHead) {
        describe(connection.head(), text);
        connection.offer_head();
        connection.send_ready(out, 200, {"content-length: 0\r\n"}, base::ByteView());
      }
      if (event.kind == EventKind::Paused && !connection.start_next_cycle()) return;
    }
  }
  static void describe(const http::RequestHead& head, std::string& text) {
    text += head.known_id() != 0 ? "known " : "parsed ";
    text += std::string(head.method()) + " " + std::string(head.raw_path()) + "?" +
            std::string(head.query()) + " 1." + std::to_string(head.minor_version());
    for (std::size_t index = 0; index < head.field_count(); ++index)
      text +=
          " " + std::string(head.field(index).name) + "=" + std::string(head.field(index).value);
    text += "\n";
  }
};

const std::string kRequest = "GET /a?b HTTP/1.1\r\nHost: x\r\nX-A:  1 \r\n\r\n";
const std::string kRead = "GET /a?b 1.1 host=x x-a=1\n";

}  // namespace

TEST_CASE("a request that comes again is known on any connection", "[http][known]") {
  Known known;
  CHECK(known.read({kRequest}) == "parsed " + kRead);
  CHECK(known.read({kRequest}) == "known " + kRead);
  CHECK(known.read({kRequest + kRequest + kRequest}) ==
        "known " + kRead + "known " + kRead + "known " + kRead);
}

TEST_CASE("a known request and any other may follow each other", "[http][known]") {
  Known known;
  (void)known.read({kRequest});
  const std::string other = "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
  const std::string other_read = "parsed POST /p? 1.1 host=x content-length=3\nbody abc\n";
  CHECK(known.read({kRequest + other + kRequest + other}) ==
        "known " + kRead + other_read + "known " + kRead + other_read);
  CHECK(known.read({kRequest + "\r\n" + kRequest}) == "known " + kRead + "parsed " + kRead);
}

TEST_CASE("a known request that comes in pieces is parsed", "[http][known]") {
  Known known;
  (void)known.read({kRequest});
  for (std::size_t split = 1; split < kRequest.size(); ++split) {
    CAPTURE(split);
    CHECK(known.read({kRequest.substr(0, split), kRequest.substr(split)}) == "parsed " + kRead);
    CHECK(known.read({kRequest + kRequest.substr(0, split), kRequest.substr(split)}) ==
          "known " + kRead + "parsed " + kRead);
  }
}

TEST_CASE("one byte of difference is another request", "[http][known]") {
  Known known;
  (void)known.read({kRequest});
  for (std::size_t place = 0; place < kRequest.size(); ++place) {
    std::string other = kRequest;
    other[place] = static_cast<char>(other[place] ^ 1);
    CAPTURE(readable(other));
    Known fresh;
    CHECK(known.read({other}) == fresh.read({other}));
  }
}

TEST_CASE("requests with more than a head are not known", "[http][known]") {
  const std::string request =
      GENERATE("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na",
               "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
               "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\na",
               "GET /u HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
  CAPTURE(readable(request));
  Known known;
  const std::string read = known.read({request});
  CHECK(read.starts_with("parsed "));
  CHECK(known.read({request}) == read);
}

TEST_CASE("a head that is large is not kept", "[http][known]") {
  Known known;
  const std::string request =
      "GET / HTTP/1.1\r\nHost: x\r\nX-A: " + std::string(base::kKnownHeadBytes, 'a') + "\r\n\r\n";
  (void)known.read({request});
  CHECK(known.read({request}).starts_with("parsed "));
}

TEST_CASE("heads that come now and then leave those that come always", "[http][known]") {
  Known known;
  const auto request = [](int number) {
    return "GET /" + std::to_string(number) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  };
  for (int number = 0; number < 500; ++number) {
    (void)known.read({kRequest});
    (void)known.read({request(number)});
  }
  CHECK(known.read({kRequest}).starts_with("known "));
}

TEST_CASE("a head that begins to come often becomes known", "[http][known]") {
  Known known;
  for (int number = 0; number < 8; ++number)
    (void)known.read({"GET /" + std::to_string(number) + " HTTP/1.1\r\nHost: x\r\n\r\n"});
  int reads = 0;
  while (known.read({kRequest}).starts_with("parsed ")) REQUIRE(++reads < 40);
  CHECK(known.read({kRequest}).starts_with("known "));
}
