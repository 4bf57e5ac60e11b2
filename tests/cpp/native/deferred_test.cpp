// tests/cpp/native/deferred_test.cpp: native/request.hpp, native/mailbox.hpp: requests that their
// handlers answer later, from whatever thread, or never.
#include <catch.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "handlers.h"
#include "native_server.hpp"

using namespace fasterapi::support;
namespace native = fasterapi::native;

namespace {

// One that defers, and what it leaves behind.
struct DeferringServer {
  explicit DeferringServer(std::size_t timeout_ms = 60'000, bool holds_gil = false)
      : running(make(kept, timeout_ms, holds_gil)), client(running.connect()) {}

  static native::Route make(deferred& kept, std::size_t timeout_ms, bool holds_gil) {
    native::Route made = route("*", "/{id}", defer_request, &kept);
    made.max_body = 8;
    made.timeout_ms = timeout_ms;
    made.holds_gil = holds_gil;
    return made;
  }

  void ask(const std::string& request = get("/one?q")) {
    client.send(request);
    running.loop.run_until(
        [&] { return kept.request != nullptr && running.handlers.running() == 1; });
  }
  void give(std::string_view body) const { fa_body_copy(kept.request, body.data(), body.size()); }
  int complete(int result = FA_DONE) const {
    return fa_complete(kept.request, kept.ticket, result);
  }

  deferred kept{};
  NativeServer running;
  Client client;
};

}  // namespace

TEST_CASE("a deferred request is completed by another thread", "[native][deferred]") {
  DeferringServer deferring(60'000, GENERATE(false, true));
  deferring.ask();
  CHECK(deferring.running.server.response_count() == 0);
  int result = -1;
  std::thread([&] {
    deferring.give("later");
    result = deferring.complete();
  }).join();
  CHECK(result == FA_OK);
  CHECK(deferring.running.wakes == 1);
  deferring.running.expect(deferring.client, response("later"));
  CHECK(deferring.complete() == FA_E_TICKET);
  CHECK(deferring.kept.lost == 0);
  CHECK(deferring.running.handlers.running() == 0);
}

TEST_CASE("what is seen of a deferred request lasts until it is complete", "[native][deferred]") {
  DeferringServer deferring;
  deferring.ask("POST /one?q HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
  deferring.client.abort();
  deferring.running.expect_no_connection();
  deferring.running.loop.turn();  // the connection's memory is free
  const fa_request* request = deferring.kept.request;
  const auto text = [](fa_string string) { return std::string(string.data, string.size); };
  CHECK(text(deferring.kept.path) == "/one");
  CHECK(text(fa_raw_path(request)) == "/one");
  CHECK(text(fa_method(request)) == "POST");
  CHECK(text(fa_query(request)) == "q");
  CHECK(text(fa_body(request)) == "body");
  CHECK(text(fa_header(request, fa_text("host"))) == "a");
  CHECK(text(fa_param(request, fa_text("id"))) == "one");
  CHECK(text(fa_peer_host(request)) == "127.0.0.1");
  CHECK(fa_peer_port(request) > 0);
  CHECK(fa_header_count(request) == 2);
  CHECK(deferring.kept.lost == 1);
  deferring.give("to nobody");
  CHECK(deferring.complete() == FA_OK);
  deferring.running.loop.turn();
  CHECK(deferring.complete() == FA_E_TICKET);
}

TEST_CASE("a deferred request may be passed on, with its body", "[native][deferred]") {
  DeferringServer deferring;
  deferring.ask("POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
  deferring.give("not sent");
  CHECK(deferring.complete(FA_PASS) == FA_OK);
  deferring.running.expect(deferring.client, response("appbody"));
}

TEST_CASE("a deferred request may fail", "[native][deferred]") {
  DeferringServer deferring;
  deferring.ask();
  const int result = GENERATE(int{FA_ERROR}, int{FA_ASYNC});
  CHECK(deferring.complete(result) == FA_OK);
  deferring.running.expect_failure(deferring.client);
  CHECK(deferring.running.warning() ==
        std::string("Native handler * /{id} ") +
            (result == FA_ERROR ? "has failed." : "was completed with FA_ASYNC."));
}

TEST_CASE("the next request waits for a deferred one", "[native][deferred]") {
  DeferringServer deferring;
  deferring.ask(get("/one") + get("/a/b"));
  for (int turn = 0; turn < 3; ++turn) deferring.running.loop.turn();
  CHECK(deferring.client.receive() == 0);
  deferring.give("first");
  CHECK(deferring.complete() == FA_OK);
  deferring.running.expect(deferring.client, response("first") + response("app"));
}

TEST_CASE("a deferred request that nobody completes is a timeout", "[native][deferred]") {
  DeferringServer deferring(0);
  deferring.ask();
  CHECK(deferring.running.delays == std::vector<std::uint64_t>{0});
  deferring.running.handlers.on_time();
  deferring.running.expect_refusal(deferring.client, "504 ", "Gateway Timeout");
  CHECK(deferring.running.warning() == "Native handler * /{id} was not completed in time.");
  CHECK(deferring.kept.lost == 1);
  CHECK(deferring.running.handlers.running() == 0);
  CHECK(deferring.complete() == FA_OK);  // its plug-in gives it back, late
  deferring.running.loop.turn();
  CHECK(deferring.complete() == FA_E_TICKET);
}

TEST_CASE("a timer is asked for again while a request waits", "[native][deferred]") {
  DeferringServer deferring(60'000);
  deferring.ask();
  deferring.running.handlers.on_time();
  REQUIRE(deferring.running.delays.size() == 2);
  CHECK(deferring.running.delays[1] <= 60'000);
  CHECK(deferring.complete() == FA_OK);
  deferring.running.expect(deferring.client, response(""));
  deferring.running.handlers.on_time();
  CHECK(deferring.running.delays.size() == 2);
}

TEST_CASE("a request without a timeout asks for no timer", "[native][deferred]") {
  DeferringServer deferring(fasterapi::base::kUnlimited);
  deferring.ask();
  deferring.running.handlers.on_time();
  CHECK(deferring.running.delays.empty());
  CHECK(deferring.complete() == FA_OK);
  deferring.running.expect(deferring.client, response(""));
}

TEST_CASE("a ticket is taken once, also within the handler", "[native][deferred]") {
  int results[3] = {-1, -1, -1};
  NativeServer running(route("GET", "/", complete_twice_within, results));
  Client client = running.connect();
  client.send(get("/"));
  running.expect(client, response("once"));
  CHECK(results[0] == FA_E_TICKET);
  CHECK(results[1] == FA_OK);
  CHECK(results[2] == FA_E_TICKET);
}

TEST_CASE("a handler may defer and answer at once all the same", "[native][deferred]") {
  deferred kept{};
  NativeServer running(route("GET", "/", defer_then_answer, &kept));
  Client client = running.connect();
  client.send(get("/"));
  running.expect(client, response("at once"));
  CHECK(fa_complete(kept.request, kept.ticket, FA_DONE) == FA_E_TICKET);
}

TEST_CASE("a handler that completes and returns a result is a server error", "[native][deferred]") {
  const fa_handler handler = [](fa_request* request, void*) {
    (void)fa_complete(request, fa_defer(request), FA_DONE);
    return static_cast<int>(FA_DONE);
  };
  NativeServer running(route("GET", "/", handler));
  Client client = running.connect();
  client.send(get("/"));
  running.expect_failure(client);
  CHECK(running.warning() == "Native handler GET / has returned a result and was completed, too.");
}

TEST_CASE("what is completed behind the end of the server goes nowhere", "[native][deferred]") {
  deferred kept{};
  {
    NativeServer running(route("GET", "/", defer_request, &kept));
    Client client = running.connect();
    client.send(get("/"));
    running.loop.run_until([&] { return running.handlers.running() == 1; });
  }
  CHECK(kept.lost == 1);
  fa_body_copy(kept.request, "x", 1);
  CHECK(fa_complete(kept.request, kept.ticket, FA_DONE) == FA_OK);
  CHECK(fa_complete(kept.request, kept.ticket, FA_DONE) == FA_E_TICKET);
}

TEST_CASE("many threads complete many requests", "[native][deferred]") {
  constexpr std::size_t kThreads = 4;
  deferred kept[kThreads] = {};
  std::vector<native::Route> routes;
  for (std::size_t index = 0; index < kThreads; ++index)
    routes.push_back(
        route("GET", ("/" + std::to_string(index)).c_str(), defer_request, &kept[index]));
  NativeServer running(std::move(routes));
  std::vector<Client> clients;
  for (std::size_t index = 0; index < kThreads; ++index) clients.push_back(running.connect());
  for (int round = 0; round < 20; ++round) {
    for (std::size_t index = 0; index < kThreads; ++index)
      clients[index].send(get("/" + std::to_string(index)));
    running.loop.run_until([&] { return running.handlers.running() == kThreads; });
    std::vector<std::thread> threads;
    for (deferred& one : kept) {
      threads.emplace_back([&one] {
        const std::string path(one.path.data, one.path.size);
        fa_body_copy(one.request, path.data(), path.size());
        (void)fa_complete(one.request, one.ticket, FA_DONE);
        (void)fa_complete(one.request, one.ticket, FA_DONE);
      });
    }
    for (std::size_t index = 0; index < kThreads; ++index)
      running.expect(clients[index], response("/" + std::to_string(index)));
    for (std::thread& thread : threads) thread.join();
  }
}
