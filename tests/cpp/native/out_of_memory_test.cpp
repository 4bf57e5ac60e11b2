// tests/cpp/native/out_of_memory_test.cpp: the n-th allocation fails, for every n: the request is
// answered, refused or cut off, and the next connection is served.
#include <catch.hpp>

#include <new>
#include <string>
#include <vector>

#include "../support/allocations.hpp"
#include "handlers.h"
#include "native_server.hpp"

using namespace fasterapi::support;
namespace native = fasterapi::native;

namespace {

char text[] = "text";
int no_result = 99;
deferred kept;

std::vector<native::Route> routes() {
  native::Route body = route("POST", "/body", answer_body);
  body.max_body = 100'000;
  native::Route held = route("GET", "/held", answer_hello, text);
  held.holds_gil = true;
  native::Route passes = route("GET", "/passes", spoil_then_pass);
  passes.holds_gil = true;
  native::Route defers = route("GET", "/defers", defer_request, &kept);
  defers.timeout_ms = 1000;
  return {body, held, passes, defers, route("GET", "/fails", return_result, &no_result)};
}

// False as soon as no allocation fails any more.
bool play(const std::string& request, std::size_t successes) {
  NativeServer running(routes());
  running.app.handler = [](FakeRequest& passed) {
    try {
      (void)passed.reply("app");
    } catch (const std::bad_alloc&) {
      if (passed.exchange) passed.exchange->refuse(500, "Internal Server Error");
    }
  };
  Client client = running.connect();
  client.send(request);
  bool failed = false;
  kept = {};
  const auto turn_and_complete = [&] {
    running.loop.turn();
    if (!kept.request) return;
    fa_body_copy(kept.request, "later", 5);
    fa_complete(kept.request, kept.ticket, FA_DONE);
    kept = {};
  };
  const auto turn = [&] {
    if (failed) return turn_and_complete();
    FailingAllocations failing(successes, 1);
    turn_and_complete();
    failed = failing.end();
    successes = failing.unused();
  };
  running.loop.run_until(
      [&] {
        client.receive();
        return !client.text().empty() || client.at_end() || client.reset();
      },
      turn);
  client.close();
  running.expect_no_connection();
  CHECK(running.handlers.running() == 0);
  Client next = running.connect();
  next.send(get("/held"));
  running.expect(next,
                 "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\ntext");
  return failed;
}

}  // namespace

TEST_CASE("whichever allocation fails, the next connection is served", "[native][memory]") {
  const std::string body(20'000, 'x');
  const std::string request =
      GENERATE_COPY(get("/held"), get("/passes"), get("/defers"), get("/fails"),
                    "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n" + body);
  INFO(request.substr(0, 20));
  std::size_t successes = 0;
  while (play(request, successes)) ++successes;
  CHECK(successes > 3);
}
