// tests/cpp/server/faults_test.cpp: what sockets do to a connection: peers that reset or close at
// any moment, a kernel that takes a few bytes at a time.
#include <catch.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "../support/running_server.hpp"

using namespace fasterapi::support;
using fasterapi::base::Payload;
using fasterapi::http::SendError;

namespace {

constexpr int kSmallBuffer = 2304;  // the kernel doubles it, and takes no less

// How far a connection has come when its peer goes.
struct Stage {
  std::string_view name;
  std::string bytes;            // what the peer has sent
  std::size_t requests = 0;     // that have reached the application
  std::string_view received{};  // of the response, at least so much
};

const std::string kPost = "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";

std::vector<Stage> stages() {
  return {{"before a byte", ""},
          {"within the request line", "GET /pa"},
          {"within a field", "GET / HTTP/1.1\r\nHost: a\r\nX: y"},
          {"before the body", kPost, 1},
          {"within the body", kPost + "hello", 1},
          {"within a chunk",
           "POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", 1},
          {"while it waits for the response", get("/held"), 1},
          {"with a second request behind it", get("/held") + get("/held"), 1},
          {"behind the head of the response", get("/begun"), 1, "HTTP/1.1 200 OK\r\n"},
          {"within the response", get("/endless"), 1, "HTTP/1.1 200 OK\r\n"},
          {"behind the response", get("/"), 1, "HTTP/1.1 200 OK\r\n"},
          {"behind a refusal", "BAD\r\n\r\n", 0, "HTTP/1.1 400 Bad Request\r\n"}};
}

// Sends as long as it may, and from then on whenever it may again.
void send_on(FakeRequest& request) {
  while (request.exchange && !request.exchange->must_wait())
    request.send(Payload::of_string(std::string(10'000, 'x')), true);
}

void answer(FakeRequest& request) {
  if (request.target == "/held" || request.target == "/post") return;
  if (request.target == "/") {
    request.reply("/");
    return;
  }
  request.begin();
  if (request.target == "/endless") send_on(request);
}

// Brings a connection to the stage.
Client at_stage(RunningServer& running, const Stage& stage) {
  Client client = running.connect();
  client.send(stage.bytes);
  running.loop.run_until([&] {
    client.receive(1);
    return running.application.requests.size() == stage.requests &&
           client.text().starts_with(stage.received.substr(0, 1));
  });
  running.loop.turn();
  return client;
}

// Nothing of the connection is left, and the server serves the next one.
void check_gone(RunningServer& running) {
  running.expect_no_connection();
  for (const auto& request : running.application.requests) {
    const bool answered = request->target == "/";
    CHECK(request->lost != answered);
  }
  Client next = running.connect();
  next.send(get("/"));
  running.expect(next, response("/"));
}

}  // namespace

TEST_CASE("a peer may reset its connection at any moment", "[server][faults]") {
  for (const Stage& stage : stages()) {
    INFO(stage.name);
    RunningServer running(RunningServer::plain_options(), kSmallBuffer);
    running.application.handler = answer;
    Client client = at_stage(running, stage);
    client.abort();
    check_gone(running);
  }
}

TEST_CASE("a peer may close its connection at any moment, whatever is sent to it",
          "[server][faults]") {
  for (const Stage& stage : stages()) {
    INFO(stage.name);
    RunningServer running(RunningServer::plain_options(), kSmallBuffer);
    running.application.handler = answer;
    Client client = at_stage(running, stage);
    client.close();
    // Who closes may still read, for all that is known: only what is sent meets the truth, the
    // first piece as a reset and the next as a broken pipe.
    running.loop.run_until([&] {
      for (const auto& request : running.application.requests) {
        if (!request->exchange || request->target == "/") continue;
        if (!request->exchange->head_sent()) request->begin();
        send_on(*request);
      }
      return running.server.connection_count() == 0;
    });
    check_gone(running);
  }
}

TEST_CASE("a response leaves whole through a kernel that takes little at a time",
          "[server][faults]") {
  RunningServer running(RunningServer::plain_options(), kSmallBuffer);
  std::string body;
  running.application.handler = [&](FakeRequest& request) {
    request.begin();
    for (int piece = 0; piece < 200; ++piece) {
      const std::string bytes(1 + static_cast<std::size_t>(piece) * 7,
                              static_cast<char>('a' + piece % 26));
      body += bytes;
      if (piece % 3 == 0) {
        request.send(Payload::of_string(bytes), true);
      } else {
        request.send(bytes);
      }
    }
    request.send("", false);
  };
  Client client = running.connect();
  client.send(get("/", "Connection: close\r\n"));
  running.loop.run_until([&] {
    client.receive(1000);
    return client.at_end();
  });
  REQUIRE_FALSE(client.reset());
  std::string received;
  std::string_view left = client.text();
  left.remove_prefix(left.find("\r\n\r\n") + 4);
  while (!left.starts_with("0\r\n")) {
    const std::size_t size =
        std::stoul(std::string(left.substr(0, left.find("\r\n"))), nullptr, 16);
    left.remove_prefix(left.find("\r\n") + 2);
    received += left.substr(0, size);
    left.remove_prefix(size + 2);
  }
  CHECK((received == body));
  CHECK(left == "0\r\n\r\n");
}

TEST_CASE("a peer that goes in the midst of a large response loses only its own",
          "[server][faults]") {
  const bool resets = GENERATE(true, false);
  RunningServer running(RunningServer::plain_options(), kSmallBuffer);
  running.application.handler = [](FakeRequest& request) {
    request.begin("40000000");
    request.send(Payload::of_string(std::string(40'000'000, 'x')), false);
  };
  Client going = running.connect();
  Client staying = running.connect();
  for (Client* client : {&going, &staying}) client->send(get("/large"));
  running.loop.run_until([&] {
    staying.receive(2000);
    return going.text().size() + going.receive(2000) > 30'000;
  });
  if (resets) {
    going.abort();
  } else {
    going.close();  // what it has not read makes a reset of it
  }
  running.loop.run_until([&] {
    staying.receive(1'000'000);
    return staying.text().size() > 40'000'000;
  });
  CHECK(staying.text().ends_with("xxx"));
  running.loop.run_until([&] { return running.server.connection_count() == 1; });
}
