// tests/cpp/server/stall_test.cpp: peers that take their time, and too many of them: what
// server/connection and server/server do about it. Limits of milliseconds stand for seconds.
#include <catch.hpp>

#include <chrono>
#include <string>
#include <vector>

#include "../support/allocations.hpp"
#include "../support/running_server.hpp"
#include "base/clock.hpp"
#include "server/connection.hpp"

using namespace fasterapi::support;
using fasterapi::base::kUnlimited;
using fasterapi::base::monotonic_ms;
using fasterapi::server::Options;

namespace {

constexpr int kSmallBuffer = 4096;
constexpr std::string_view kHead = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";

// No limit but those that a test sets.
Options patient() {
  Options options = RunningServer::plain_options();
  auto& limits = options.limits;
  limits.first_byte_ms = limits.head_ms = limits.keep_alive_ms = kUnlimited;
  limits.body_idle_ms = limits.write_idle_ms = kUnlimited;
  limits.bytes_per_second = 0;
  limits.progress_check_ms = 1;
  limits.linger_ms = 5;
  return options;
}

std::string refusal_of(int status, std::string_view phrase) {
  return "HTTP/1.1 " + std::to_string(status) + " " + std::string(phrase) +
         "\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: " +
         std::to_string(phrase.size()) + "\r\nconnection: close\r\n\r\n" + std::string(phrase);
}

const std::string kTimeout = refusal_of(408, "Request Timeout");

// Turns for some milliseconds and returns.
void pass(RunningServer& running, std::uint64_t ms) {
  const std::uint64_t end = monotonic_ms() + ms;
  running.loop.run_until([&] { return monotonic_ms() >= end; });
}

// Sends the bytes one by one, a millisecond apart, until they are sent or an answer comes.
void drip(RunningServer& running, Client& client, std::string_view bytes) {
  for (const char byte : bytes) {
    client.send({&byte, 1});
    pass(running, 1);
    if (client.receive() > 0 || client.at_end() || client.reset()) return;
  }
}

void expect_timeout(RunningServer& running, Client& client) {
  running.expect(client, kTimeout);
  running.expect_close(client);
  client.close();
  running.expect_no_connection();
  REQUIRE(running.events.warnings.size() == 1);
  CHECK(running.events.warnings[0].starts_with("Invalid HTTP request received. (127.0.0.1:"));
}

}  // namespace

TEST_CASE("a peer that says nothing is closed without a word", "[server][stall]") {
  Options options = patient();
  options.limits.first_byte_ms = 5;
  RunningServer running(std::move(options));
  Client client = running.connect();
  running.expect_close(client);
  CHECK(running.events.warnings.empty());
}

TEST_CASE("a head that is not complete in time is answered with 408", "[server][stall]") {
  Options options = patient();
  options.limits.head_ms = 5;
  RunningServer running(std::move(options));
  Client client = running.connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n");
  expect_timeout(running, client);
}

TEST_CASE("a head that comes in drops gains no time by them", "[server][stall]") {
  Options options = patient();
  options.limits.head_ms = 20;
  RunningServer running(std::move(options));
  Client client = running.connect();
  drip(running, client, "GET /" + std::string(1000, 'x'));
  expect_timeout(running, client);
}

TEST_CASE("the head of a later request has its limit, too", "[server][stall]") {
  const std::string_view begun = GENERATE("G", "\r\n", "GET / HTTP/1.1\r\n");
  Options options = patient();
  options.limits.head_ms = 5;
  RunningServer running(std::move(options));
  running.application.handler = [](FakeRequest& request) { request.reply("a"); };
  Client client = running.connect();
  client.send(get("/") + std::string(GENERATE(true, false) ? begun : ""));
  running.expect(client, response("a"));
  client.send(begun);
  expect_timeout(running, client);
}

TEST_CASE("a head that comes in time is answered however long that takes", "[server][stall]") {
  Options options = patient();
  options.limits.head_ms = options.limits.first_byte_ms = 10;
  RunningServer running(std::move(options));
  Client client = running.connect();
  client.send(get("/"));
  FakeRequest& request = running.request(1);
  pass(running, 30);
  request.reply("late");
  running.expect(client, response("late"));
}

TEST_CASE("a body that stops coming is answered with 408", "[server][stall]") {
  Options options = patient();
  options.limits.body_idle_ms = 5;
  RunningServer running(std::move(options));
  Client client = running.connect();
  client.send(std::string(kHead) + "half");
  const FakeRequest& request = running.request(1);
  expect_timeout(running, client);
  CHECK(request.lost);
}

TEST_CASE("a body that stops coming behind the head of its response ends the connection",
          "[server][stall]") {
  Options options = patient();
  options.limits.body_idle_ms = 10;
  RunningServer running(std::move(options));
  Client client = running.connect();
  client.send(std::string(kHead) + "half");
  FakeRequest& request = running.request(1);
  REQUIRE(request.begin("5") == fasterapi::http::SendError::None);
  running.expect(client, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
  running.loop.run_until([&] { return request.lost; });
  running.expect_no_connection();
}

TEST_CASE("a body in drops is too slow once the grace is over", "[server][stall]") {
  Options options = patient();
  options.limits.bytes_per_second = 100'000;
  options.limits.rate_grace_ms = 20;
  RunningServer running(std::move(options));
  Client client = running.connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  running.request(1);
  drip(running, client, std::string(1000, 'x'));
  expect_timeout(running, client);
}

TEST_CASE("a peer that waits for 100 Continue is not slow", "[server][stall]") {
  Options options = patient();
  options.limits.body_idle_ms = 10;
  RunningServer running(std::move(options));
  Client client = running.connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n");
  FakeRequest& request = running.request(1);
  pass(running, 30);
  REQUIRE_FALSE(request.lost);
  request.exchange->send_continue();
  running.expect(client, "HTTP/1.1 100 Continue\r\n\r\n");
  expect_timeout(running, client);
}

TEST_CASE("a body that nobody reads does not make its sender slow", "[server][stall]") {
  Options options = patient();
  options.limits.body_idle_ms = 10;
  options.limits.body_buffered_bytes = 100;
  RunningServer running(std::move(options));
  Client client = running.connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + std::string(500, 'x'));
  FakeRequest& request = running.request(1);
  pass(running, 30);
  REQUIRE_FALSE(request.lost);
  request.read_body();  // from now on it is the peer's turn
  expect_timeout(running, client);
}

TEST_CASE("a response that nobody takes is given up, and the peer is reset", "[server][stall]") {
  Options options = patient();
  options.limits.write_idle_ms = 10;
  RunningServer running(std::move(options), kSmallBuffer);
  Client client = running.connect();
  client.send(get("/"));
  FakeRequest& request = running.request(1);
  const std::string body(1'000'000, 'x');
  if (GENERATE(true, false)) {
    request.reply(body);
  } else {
    REQUIRE(request.begin() == fasterapi::http::SendError::None);
    REQUIRE(request.send(body) == fasterapi::http::SendError::None);
  }
  running.expect_no_connection();
  running.loop.run_until([&] {
    client.receive();
    return client.at_end() || client.reset();
  });
  CHECK(client.reset());
}

TEST_CASE("a response that only the kernel has taken is not delivered", "[server][stall]") {
  Options options = patient();
  options.limits.keep_alive_ms = 2;
  options.limits.write_idle_ms = 20;
  RunningServer running(std::move(options));
  Client client = running.connect();
  client.send(get("/"));
  running.request(1).reply(std::string(1'000'000, 'x'));
  const bool reads = GENERATE(true, false);
  if (reads) {
    running.loop.run_until([&] { return client.receive(20'000) == 0 && client.at_end(); });
    CHECK(client.text().size() > 1'000'000);
  } else {
    running.expect_no_connection();
    running.loop.run_until([&] {
      client.receive();
      return client.at_end() || client.reset();
    });
    CHECK(client.reset());
  }
}

TEST_CASE("a response that has been taken is no longer watched", "[server][stall]") {
  Options options = patient();
  options.limits.keep_alive_ms = 2;
  options.limits.write_idle_ms = 100;
  options.limits.progress_check_ms = 10;
  RunningServer running(std::move(options));
  Client client = running.connect();
  client.send(get("/1"));
  const std::string body(1'000'000, 'x');
  running.request(1).reply(body);
  pass(running, 30);  // the kernel has it all, the client nothing
  client.send(get("/2"));
  FakeRequest& second = running.request(2);
  running.expect(client, response(body));
  pass(running, 300);
  REQUIRE_FALSE(second.lost);
  second.reply("late");
  running.expect(client, response("late"));
}

TEST_CASE("a response that is taken too slowly is given up", "[server][stall]") {
  Options options = patient();
  options.limits.bytes_per_second = 10'000'000;
  options.limits.rate_grace_ms = 20;
  RunningServer running(std::move(options), kSmallBuffer);
  Client client = running.connect();
  client.send(get("/"));
  running.request(1).reply(std::string(10'000'000, 'x'));
  running.loop.run_until([&] {
    client.receive(100);
    return running.server.connection_count() == 0;
  });
}

TEST_CASE("a body that is discarded behind its response gains no time by its bytes",
          "[server][stall]") {
  Options options = patient();
  options.limits.keep_alive_ms = 20;
  RunningServer running(std::move(options));
  running.application.handler = [](FakeRequest& request) { request.reply("early"); };
  Client client = running.connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  running.expect(client, response("early"));
  const std::string rest(1000, 'x');
  drip(running, client, rest);
  running.expect_no_connection();
}

TEST_CASE("a connection closes behind its last request", "[server][stall]") {
  Options options = patient();
  options.limits.requests_per_connection = 2;
  RunningServer running(std::move(options));
  running.application.handler = [](FakeRequest& request) { request.reply("a"); };
  Client client = running.connect();
  client.send(get("/1") + get("/2") + get("/3"));
  running.expect(client, response("a") + response("a", kClose));
  running.expect_close(client);
  CHECK(running.application.requests.size() == 2);
}

TEST_CASE("a connection that stays idle gives the memory of a large head back", "[server][stall]") {
  Options options = patient();
  options.limits.progress_check_ms = 20;
  RunningServer running(options);
  Client client = running.connect();
  const std::string small = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string large =
      "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(15000, 'x') + "\r\n\r\n";
  running.application.handler = [](FakeRequest& request) { request.reply("x"); };
  client.send(small);
  running.expect(client, response("x"));
  const std::size_t before = allocated_bytes();
  client.send(large);
  running.expect(client, response("x"));
  const std::size_t kept = allocated_bytes();
  CHECK(kept > before + 10000);
  running.loop.run_until([&] { return allocated_bytes() + 10000 < kept; });
  client.send(small);
  running.expect(client, response("x"));
}

TEST_CASE("a full server lets connections wait until there is room", "[server][stall]") {
  Options options = patient();
  options.limits.connections = 2;
  RunningServer running(std::move(options));
  running.application.handler = [](FakeRequest& request) { request.reply(request.target); };
  Client first = running.connect();
  const Client second = running.connect();
  Client third(running.socket);
  third.send(get("/third"));
  pass(running, 5);
  CHECK(running.server.connection_count() == 2);
  first.send(get("/first"));
  running.expect(first, response("/first"));
  CHECK(third.receive() == 0);
  first.close();
  running.expect(third, response("/third"));
  CHECK(running.events.warnings ==
        std::vector<std::string>{
            "Limit of 2 connections reached (--limit-connections): new ones wait."});
}

TEST_CASE("idle connections make room above four fifths", "[server][stall]") {
  Options options = patient();
  options.limits.connections = 5;
  options.limits.keep_alive_ms = 1'000'000;
  options.limits.crowded_idle_ms = 5;
  RunningServer running(std::move(options));
  running.application.handler = [](FakeRequest& request) { request.reply("a"); };
  Client idle = running.connect();
  idle.send(get("/"));
  running.expect(idle, response("a"));
  std::vector<Client> fresh;
  for (int count = 0; count < 3; ++count) fresh.push_back(running.connect());
  pass(running, 15);
  CHECK(running.server.connection_count() == 4);
  fresh.emplace_back(running.socket);
  running.expect_close(idle);
  CHECK(running.server.connection_count() == 4);
}

TEST_CASE("one address has a share of the connections", "[server][stall]") {
  Options options = patient();
  options.limits.connections_per_address = 2;
  RunningServer running(std::move(options));
  running.application.handler = [](FakeRequest& request) { request.reply("a"); };
  Client first = running.connect();
  const Client second = running.connect();
  Client third(running.socket);
  running.loop.run_until([&] {
    third.receive();
    return third.at_end() || third.reset();
  });
  CHECK(running.events.warnings ==
        std::vector<std::string>{
            "Connection refused: 127.0.0.1 has 2 already (--limit-connections-per-address)."});
  first.close();
  running.loop.run_until([&] { return running.server.connection_count() == 1; });
  Client next = running.connect();
  next.send(get("/"));
  running.expect(next, response("a"));
}

TEST_CASE("a long pipeline leaves each turn to the others, too", "[server][stall]") {
  RunningServer running(patient());
  running.application.answers_at_once = true;
  running.application.handler = [](FakeRequest& request) { request.reply("a"); };
  Client client = running.connect();
  std::string pipeline;
  for (int count = 0; count < 100; ++count) pipeline += get("/");
  client.send(pipeline);
  std::size_t most = 0;
  while (running.server.response_count() < 100) {
    const std::size_t before = running.server.response_count();
    running.loop.turn();
    most = std::max<std::size_t>(most, running.server.response_count() - before);
  }
  CHECK(most <= 17);  // 16 and the one that came with the bytes
  CHECK(most >= 16);
}

TEST_CASE("the log has so many lines at once and per second, the rest is counted",
          "[server][stall]") {
  RecordedEvents log;
  fasterapi::server::PeerWarnings warnings(log, 20, 10);
  const auto warn = [&] {
    if (warnings.may_warn()) warnings.warn("x");
  };
  const std::uint64_t begun = monotonic_ms();
  while (monotonic_ms() - begun < 250) warn();
  CHECK(log.warnings.size() >= 21);
  CHECK(log.warnings.size() <= 23);
  CHECK(log.warnings[19] == "x");
  CHECK(log.warnings[20].starts_with("x ("));
  CHECK(log.warnings[20].ends_with(" more warnings were left out)"));
}
