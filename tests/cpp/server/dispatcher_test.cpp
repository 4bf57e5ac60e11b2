// tests/cpp/server/dispatcher_test.cpp: server/dispatcher.hpp.
#include "server/dispatcher.hpp"

#include <catch.hpp>

#include <string>
#include <vector>

#include "../support/running_server.hpp"

using namespace fasterapi::support;
using fasterapi::server::Application;
using fasterapi::server::Dispatcher;
using fasterapi::server::Exchange;

namespace {

struct Counting final : Application {
  std::size_t pending = 0;
  std::size_t active = 0;

  bool start(Exchange&) override { return false; }
  std::size_t run_pending(std::size_t most) override {
    const std::size_t started = std::min(most, pending);
    pending -= started;
    return started;
  }
  bool has_pending() const noexcept override { return pending > 0; }
  std::size_t running() const noexcept override { return active; }
};

}  // namespace

TEST_CASE("the first application that takes a request answers it", "[server][dispatcher]") {
  RunningServer running;
  FakeApplication second;
  FakeApplication third;
  running.server.add_application(second);
  running.server.add_application(third);
  running.application.refuses = true;
  second.handler = third.handler = [](FakeRequest& request) { request.reply("taken"); };
  Client client = running.connect();
  client.send(get("/"));
  running.expect(client, response("taken"));
  CHECK(second.requests.size() == 1);
  CHECK(third.requests.empty());
}

TEST_CASE("a request that nobody takes is a server error", "[server][dispatcher]") {
  RunningServer running;
  running.application.refuses = true;
  Client client = running.connect();
  client.send(get("/"));
  running.expect(client,
                 "HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain; charset=utf-8\r\n"
                 "content-length: 21\r\nconnection: close\r\n\r\nInternal Server Error");
  running.expect_close(client);
}

TEST_CASE("no more requests are started per turn than allowed, over all applications",
          "[server][dispatcher]") {
  Counting first;
  Counting second;
  first.pending = 3;
  second.pending = 3;
  Dispatcher dispatcher;
  dispatcher.add(first);
  dispatcher.add(second);
  CHECK(dispatcher.run_pending(4) == 4);
  CHECK(dispatcher.has_pending());
  CHECK(dispatcher.run_pending(4) == 2);
  CHECK_FALSE(dispatcher.has_pending());
}

TEST_CASE("what all applications run is counted together", "[server][dispatcher]") {
  Counting first;
  Counting second;
  first.active = 2;
  second.active = 3;
  Dispatcher dispatcher;
  dispatcher.add(first);
  dispatcher.add(second);
  CHECK(dispatcher.running() == 5);
}

TEST_CASE("a request that is given back later goes to those behind", "[server][dispatcher]") {
  RunningServer running;
  FakeApplication second;
  running.server.add_application(second);
  second.handler = [](FakeRequest& request) {
    request.read_body();
    request.reply(request.body);
  };
  Client client = running.connect();
  client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody");
  FakeRequest& given_back = running.request(1);
  running.loop.run_until([&] { return given_back.exchange->request_complete(); });
  given_back.exchange->pass_on(running.application);
  running.expect(client, response("body"));
  CHECK(running.application.requests.size() == 1);
  CHECK_FALSE(given_back.lost);
}

TEST_CASE("a request that is given back and that nobody else takes is a server error",
          "[server][dispatcher]") {
  RunningServer running;
  Client client = running.connect();
  client.send(get("/"));
  running.request(1).exchange->pass_on(running.application);
  running.expect(client,
                 "HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain; charset=utf-8\r\n"
                 "content-length: 21\r\nconnection: close\r\n\r\nInternal Server Error");
  running.expect_close(client);
}
