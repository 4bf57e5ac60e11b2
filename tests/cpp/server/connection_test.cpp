// tests/cpp/server/connection_test.cpp: server/connection.hpp: requests and responses of one
// connection, and its end.
#include "server/connection.hpp"

#include <catch.hpp>

#include <string>

#include "../support/running_server.hpp"

using namespace fasterapi::support;
using fasterapi::server::Options;

namespace {

constexpr int kSmallBuffer = 4096;

void echo_target(FakeRequest& request) { request.reply(request.target); }

// Answers every request at its end with its body.
struct EchoServer : RunningServer {
  EchoServer() { application.handler = echo_target; }
  explicit EchoServer(Options options, int buffer_bytes = 0)
      : RunningServer(std::move(options), buffer_bytes) {
    application.handler = echo_target;
  }
};

std::string refusal(std::string_view status, std::string_view text) {
  return "HTTP/1.1 " + std::string(status) +
         "\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: " +
         std::to_string(text.size()) + "\r\nconnection: close\r\n\r\n" + std::string(text);
}

constexpr std::string_view kInvalid = "Invalid HTTP request received.";

}  // namespace

TEST_CASE("a connection serves one request after the other", "[server][connection]") {
  EchoServer running;
  Client client = running.connect();
  for (const char* target : {"/1", "/2", "/3"}) {
    client.send(get(target));
    running.expect(client, response(target));
  }
  CHECK(running.server.connection_count() == 1);
  CHECK(running.server.response_count() == 3);
}

TEST_CASE("a request that comes byte by byte is one request", "[server][connection]") {
  EchoServer running;
  Client client = running.connect();
  const std::string bytes = get("/slow");
  for (const char c : bytes) {
    CHECK(client.send({&c, 1}) == 1);
    running.loop.turn();
  }
  running.expect(client, response("/slow"));
  CHECK(running.application.requests.size() == 1);
}

TEST_CASE("pipelined requests are answered in order, in one segment", "[server][connection]") {
  EchoServer running;
  Client client = running.connect();
  std::string requests;
  std::string responses;
  for (int number = 0; number < 10; ++number) {
    const std::string target = "/" + std::to_string(number);
    requests += get(target);
    responses += response(target);
  }
  running.application.answers_at_once = GENERATE(true, false);
  client.send(requests);
  running.expect(client, responses);
  CHECK(client.segments_received() == 1);
}

TEST_CASE("a pipelined request waits for the response before it", "[server][connection]") {
  RunningServer running;
  Client client = running.connect();
  client.send(get("/1") + get("/2") + get("/3"));
  running.request(1);
  running.loop.turn();
  CHECK(running.application.requests.size() == 1);  // the next is not even parsed
  running.application.last().reply("one");
  running.request(2).reply("two");
  running.request(3).reply("three");
  running.expect(client, response("one") + response("two") + response("three"));
}

TEST_CASE("requests in waiting stop the reading", "[server][connection]") {
  Options options = RunningServer::plain_options();
  options.limits.unread_bytes = 1000;
  RunningServer running(std::move(options), kSmallBuffer);
  Client client = running.connect();
  const std::string one = get("/", "X: " + std::string(1000, 'x') + "\r\n");
  std::string all;
  for (int count = 0; count < 1000; ++count) all += one;
  std::size_t sent = client.send(all);
  running.request(1);
  std::size_t last_sent = 0;
  running.loop.run_until([&] {
    sent += client.send(std::string_view(all).substr(sent));
    return std::exchange(last_sent, sent) == sent;
  });
  CHECK(sent < all.size());
  running.application.handler = echo_target;
  running.application.last().reply("/");
  running.loop.run_until([&] {
    sent += client.send(std::string_view(all).substr(sent));
    client.receive();
    return running.server.response_count() == 1000;
  });
}

TEST_CASE("a reader that stalls keeps later responses from piling up", "[server][connection]") {
  RunningServer running(RunningServer::plain_options(), kSmallBuffer);
  running.application.answers_at_once = GENERATE(true, false);
  running.application.handler = [](FakeRequest& request) {
    request.reply(std::string(100000, 'x'));
  };
  Client client = running.connect();
  std::string requests;
  for (int count = 0; count < 50; ++count) requests += get("/");
  client.send(requests);
  running.request(1);
  for (int turn = 0; turn < 100; ++turn) running.loop.turn();
  CHECK(running.application.requests.size() < 10);
  const std::string one = response(std::string(100000, 'x'));
  std::size_t received = 0;
  running.loop.run_until([&] { return (received += client.receive()) == 50 * one.size(); });
  CHECK(running.application.requests.size() == 50);
}

TEST_CASE("a response to HEAD has no body and the connection goes on", "[server][connection]") {
  EchoServer running;
  Client client = running.connect();
  client.send("HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n" + get("/next"));
  running.expect(client, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n" + response("/next"));
}

TEST_CASE("HTTP/1.0 is answered and closed", "[server][connection]") {
  RunningServer running;
  running.application.handler = [](FakeRequest& request) {
    request.begin();
    request.send("all of it", false);
  };
  Client client = running.connect();
  client.send("GET / HTTP/1.0\r\n\r\n");
  running.expect(client, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nall of it");
  running.expect_close(client);
}

TEST_CASE("a request or a response may close the connection", "[server][connection]") {
  RunningServer running;
  const bool by_request = GENERATE(true, false);
  running.application.handler = [&](FakeRequest& request) {
    (void)request.exchange->begin_head(200);
    (void)request.exchange->add_field("content-length", "2");
    if (!by_request) (void)request.exchange->add_field("connection", "close");
    (void)request.exchange->end_head();
    request.send("ok", false);
  };
  Client client = running.connect();
  client.send(get("/", by_request ? kClose : "") + get("/never"));
  running.expect(client, response("ok", kClose));
  running.expect_close(client);
  CHECK(running.application.requests.size() == 1);
}

TEST_CASE("a peer that stopped sending gets all its answers", "[server][connection]") {
  RunningServer running;
  Client client = running.connect();
  client.send(get("/1") + get("/2"));
  client.shut_down_writing();
  running.request(1).reply("one");
  running.request(2).reply("two");
  running.expect(client, response("one") + response("two"));
  running.expect_close(client);
}

TEST_CASE("a peer that stopped sending gets all its answers, however slowly it reads",
          "[server][connection]") {
  RunningServer running(RunningServer::plain_options(), kSmallBuffer);
  const std::string body(300000, 'x');
  running.application.handler = [&](FakeRequest& request) { request.reply(body); };
  Client client = running.connect();
  client.send(get("/1") + get("/2") + get("/3"));
  client.shut_down_writing();
  running.request(1);
  for (int turn = 0; turn < 10; ++turn) running.loop.turn();
  running.expect(client, response(body) + response(body) + response(body));
  running.expect_close(client);
}

TEST_CASE("a peer that stops sending while the last response is sent gets all of it",
          "[server][connection]") {
  RunningServer running(RunningServer::plain_options(), kSmallBuffer);
  const std::string body(1000000, 'x');
  running.application.handler = [&](FakeRequest& request) { request.reply(body); };
  Client client = running.connect();
  client.send(get("/", kClose));
  running.request(1);
  running.loop.turn();
  client.shut_down_writing();
  running.expect(client, response(body, kClose));
  running.expect_close(client);
}

TEST_CASE("a connection that ends without a whole request is closed in silence",
          "[server][connection]") {
  EchoServer running;
  Client client = running.connect();
  const std::string bytes = GENERATE("", "G", "GET / HTTP/1.1\r\nHost: a\r\n");
  client.send(bytes);
  client.shut_down_writing();
  running.expect_close(client);
  CHECK(running.application.requests.empty());
  CHECK(running.events.warnings.empty());
}

TEST_CASE("a mistake of the peer is answered with its status and closes", "[server][connection]") {
  EchoServer running;
  Client client = running.connect();
  SECTION("malformed") {
    client.send("nonsense\r\n\r\n");
    running.expect(client, refusal("400 Bad Request", kInvalid));
  }
  SECTION("too large") {
    client.send(get("/", "X: " + std::string(70000, 'x') + "\r\n"));
    running.expect(
        client, refusal("431 Request Header Fields Too Large", "Request Header Fields Too Large"));
  }
  SECTION("another version") {
    client.send("GET / HTTP/2.0\r\nHost: a\r\n\r\n");
    running.expect(client, refusal("505 HTTP Version Not Supported", "HTTP Version Not Supported"));
  }
  running.expect_close(client);
  CHECK(running.application.requests.empty());
  REQUIRE(running.events.warnings.size() == 1);
  CHECK(running.events.warnings[0].starts_with(kInvalid));
}

TEST_CASE("a mistake is answered behind the responses to earlier requests",
          "[server][connection]") {
  RunningServer running;
  Client client = running.connect();
  client.send(get("/1") + "nonsense\r\n\r\n");
  FakeRequest& request = running.request(1);
  running.loop.turn();
  CHECK(running.events.warnings.empty());
  request.reply("one");
  running.expect(client, response("one") + refusal("400 Bad Request", kInvalid));
  running.expect_close(client);
}

TEST_CASE("a body that turns out malformed is the end of its exchange", "[server][connection]") {
  RunningServer running;
  Client client = running.connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  FakeRequest& request = running.request(1);
  const bool responding = GENERATE(true, false);
  if (responding) {
    request.begin();
    request.send("so far");
    running.expect(client, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nso far\r\n");
  }
  client.send("xyz\r\n");
  running.loop.run_until([&] { return request.lost; });
  running.expect(client, responding ? "" : refusal("400 Bad Request", kInvalid));
  running.expect_close(client);
}

TEST_CASE("a body that turns out malformed behind its response does not take that away",
          "[server][connection]") {
  RunningServer running;
  running.application.answers_at_once = true;
  running.application.handler = echo_target;
  Client client = running.connect();
  client.send("POST /early HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
  running.expect(client, response("/early"));
  running.expect_close(client);
}

TEST_CASE("a refused peer that goes on sending can read the refusal", "[server][connection]") {
  EchoServer running;
  Client client = running.connect();
  client.send("nonsense\r\n\r\n");
  running.loop.run_until([&] { return !running.events.warnings.empty(); });
  for (int count = 0; count < 10; ++count) {  // a reset would take the refusal away
    client.send(std::string(10000, 'x'));
    running.loop.turn();
  }
  running.expect(client, refusal("400 Bad Request", kInvalid));
  running.expect_close(client);
  client.close();
  running.expect_no_connection();
}

TEST_CASE("a refused peer that does not close is closed in time", "[server][connection]") {
  Options options = RunningServer::plain_options();
  options.limits.linger_ms = 5;
  EchoServer running(std::move(options));
  Client idle = running.connect();  // its keep-alive deadline is far away
  idle.send(get("/"));
  running.expect(idle, response("/"));
  Client client = running.connect();
  client.send("nonsense\r\n\r\n");
  running.loop.run_until([&] { return running.server.connection_count() == 1; });
}

TEST_CASE("what is left of a body behind its response is discarded", "[server][connection]") {
  EchoServer running;
  Client client = running.connect();
  client.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n");
  running.expect(client, response("/early"));
  client.send(std::string(10000, 'x') + get("/next"));
  running.expect(client, response("/next"));
}

TEST_CASE("too much of a body behind its response ends the connection", "[server][connection]") {
  EchoServer running;
  Client client = running.connect();
  client.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  running.expect(client, response("/early"));
  client.send(std::string(100000, 'x') + get("/next"));
  running.expect_close(client);
  CHECK(running.application.requests.size() == 1);
}

TEST_CASE("a response that closes before the body has come can be read", "[server][connection]") {
  EchoServer running;
  Client client = running.connect();
  client.send(
      "POST /early HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n");
  running.request(1);
  for (int count = 0; count < 10; ++count) {
    client.send(std::string(10000, 'x'));
    running.loop.turn();
  }
  running.expect(client, response("/early", kClose));
  running.expect_close(client);
}

TEST_CASE("a response that closes can be read by a peer that sends ever more",
          "[server][connection]") {
  RunningServer running;
  Client client = running.connect();
  client.send(get("/", kClose) + std::string(1000000, 'x'));
  running.request(1).reply("/");
  running.expect(client, response("/", kClose));
  running.expect_close(client);
}

TEST_CASE("an idle connection is closed in time, a new one is waited for", "[server][connection]") {
  Options options = RunningServer::plain_options();
  options.limits.keep_alive_ms = 5;
  EchoServer running(std::move(options));
  const Client fresh = running.connect();
  Client client = running.connect();
  client.send(get("/"));
  running.expect(client, response("/"));
  running.expect_close(client);
  CHECK(running.server.connection_count() == 1);
}

TEST_CASE("a connection is not idle while its request is answered", "[server][connection]") {
  Options options = RunningServer::plain_options();
  options.limits.keep_alive_ms = 1;
  RunningServer running(std::move(options));
  Client client = running.connect();
  client.send(get("/1") + get("/2"));
  running.request(1).reply("/1");
  running.expect(client, response("/1"));
  FakeRequest& request = running.request(2);
  const auto begun = fasterapi::base::monotonic_ms();
  running.loop.run_until([&] { return fasterapi::base::monotonic_ms() > begun + 20; });
  REQUIRE_FALSE(request.lost);
  request.reply("/2");
  running.expect(client, response("/2"));
  running.expect_close(client);
}

TEST_CASE("a connection is not idle while its response is read slowly", "[server][connection]") {
  Options options = RunningServer::plain_options();
  options.limits.keep_alive_ms = GENERATE(0, 1);
  EchoServer running(std::move(options), kSmallBuffer);
  const std::string body(GENERATE(50000, 1000000), 'x');  // below and above the high-water mark
  running.application.handler = [&](FakeRequest& request) { request.reply(body); };
  Client client = running.connect();
  client.send(get("/"));
  running.request(1);
  const auto begun = fasterapi::base::monotonic_ms();
  running.loop.run_until([&] { return fasterapi::base::monotonic_ms() > begun + 10; });
  running.expect(client, response(body));
  running.expect_close(client);
}

TEST_CASE("an offered upgrade is declined with a warning", "[server][connection]") {
  EchoServer running;
  Client client = running.connect();
  client.send(get("/", "Connection: upgrade\r\nUpgrade: h2c\r\n") + get("/next"));
  running.expect(client, response("/") + response("/next"));
  CHECK(running.events.warnings == std::vector<std::string>{"Unsupported upgrade request."});
}
