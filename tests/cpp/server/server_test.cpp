// tests/cpp/server/server_test.cpp: server/server.hpp: many connections, limits, and how a server
// ends.
#include "server/server.hpp"

#include <catch.hpp>

#include <filesystem>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "../support/all_descriptors.hpp"
#include "../support/running_server.hpp"

using namespace fasterapi::support;
using fasterapi::server::AccessLog;
using fasterapi::server::AccessRecord;
using fasterapi::server::Options;

namespace {

void echo_target(FakeRequest& request) { request.reply(request.target); }

}  // namespace

TEST_CASE("many connections are served at once", "[server]") {
  RunningServer running;
  running.application.handler = echo_target;
  std::vector<Client> clients;
  for (int number = 0; number < 50; ++number) {
    clients.push_back(running.connect());
    clients.back().send(get("/" + std::to_string(number)));
  }
  for (std::size_t number = 0; number < clients.size(); ++number) {
    running.expect(clients[number], response("/" + std::to_string(number)));
  }
}

TEST_CASE("a server listens on several sockets, TCP and Unix", "[server]") {
  const std::string path = std::filesystem::temp_directory_path() /
                           ("fasterapi-server-test-" + std::to_string(getpid()));
  {
    RunningServer running;
    running.application.handler = echo_target;
    const Socket second = bound_unix_socket(path);
    REQUIRE(running.server.listen(second.fd(), 16).ok());
    Client client(second);
    client.send(get("/unix"));
    running.expect(client, response("/unix"));
    CHECK(running.application.last().exchange->peer().is_unix);
    Client other = running.connect();
    other.send(get("/tcp"));
    running.expect(other, response("/tcp"));
  }
  std::filesystem::remove(path);
}

TEST_CASE("what is no socket cannot be listened on", "[server]") {
  RunningServer running;
  CHECK_FALSE(running.server.listen(-1, 16).ok());
}

TEST_CASE("a server that stopped listening goes on with its connections", "[server]") {
  RunningServer running;
  running.application.handler = echo_target;
  Client client = running.connect();
  running.server.stop_listening();
  client.send(get("/"));
  running.expect(client, response("/"));
}

TEST_CASE("shutting down closes what is idle and finishes what is not", "[server]") {
  RunningServer running;
  Client fresh = running.connect();
  Client idle = running.connect();
  idle.send(get("/idle"));
  running.request(1).reply("idle");
  running.expect(idle, response("idle"));
  Client busy = running.connect();
  busy.send(get("/busy") + get("/never"));
  FakeRequest& request = running.request(2);
  Client streaming = running.connect();
  streaming.send(get("/streaming"));
  FakeRequest& stream = running.request(3);
  stream.begin("4");
  stream.send("ab");
  running.server.shut_down();
  running.expect_close(fresh);
  running.expect_close(idle);
  CHECK(running.server.connection_count() == 2);
  request.reply("done");
  running.expect(busy, response("done", kClose));
  running.expect_close(busy);
  busy.close();  // its second request was never read: the server lingers so that the answer is
  stream.send("cd", false);
  running.expect(streaming, response("abcd"));
  running.expect_close(streaming);
  running.expect_no_connection();
}

TEST_CASE("shutting down sends a response that is complete but not yet sent", "[server]") {
  RunningServer running(RunningServer::plain_options(), 4096);
  Client client = running.connect();
  client.send(get("/"));
  const std::string body(1000000, 'x');
  running.request(1).reply(body);
  running.loop.turn();
  running.server.shut_down();
  running.expect(client, response(body));
  running.expect_close(client);
}

TEST_CASE("aborting closes every connection at once", "[server]") {
  RunningServer running;
  std::vector<Client> clients;
  for (std::size_t number = 1; number <= 5; ++number) {
    clients.push_back(running.connect());
    clients.back().send(get("/"));
    running.request(number);
  }
  running.application.requests[0]->begin();
  running.server.abort();
  CHECK(running.server.connection_count() == 0);
  for (const auto& request : running.application.requests) CHECK(request->lost);
  for (Client& client : clients) {
    running.loop.run_until([&] {
      client.receive();
      return client.at_end() || client.reset();
    });
  }
}

TEST_CASE("a server may be closed with everything open, before its loop or with it", "[server]") {
  RunningServer running;
  Client client = running.connect();
  client.send(get("/"));
  FakeRequest& request = running.request(1);
  request.begin();
  request.send("some");
  const bool by_loop = GENERATE(true, false);
  if (by_loop) {
    running.loop->close();
  } else {
    running.server.close();
    running.server.close();
  }
  CHECK(request.lost);
  CHECK(running.server.connection_count() == 0);
}

TEST_CASE("work that comes up between two turns asks for one", "[server]") {
  struct Driver final : fasterapi::loop::TurnDriver {
    bool asked = false;
    void turn_wanted() noexcept override { asked = true; }
    bool take() { return std::exchange(asked, false); }
  } driver;
  Options options = RunningServer::plain_options();
  options.limits.body_buffered_bytes = 4;
  RunningServer running(std::move(options));
  running.loop->set_driver(&driver);
  Client client = running.connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789");
  FakeRequest& request = running.request(1);
  running.loop.run_until([&] { return !request.exchange->body().empty(); });
  running.loop.turn();
  driver.take();
  request.read_body();
  CHECK(driver.take());  // reading goes on
  request.begin("2");
  CHECK(driver.take());
  running.loop.turn();
  driver.take();
  request.send("ok", false);
  CHECK(driver.take());
  running.expect(client, response("ok"));
  driver.take();
  running.server.stop_listening();
  CHECK(driver.take());
  const Socket other = bound_tcp_socket();
  REQUIRE(running.server.listen(other.fd(), 5).ok());
  CHECK(driver.take());
  running.server.shut_down();
  CHECK(driver.take());
  running.expect_close(client);
  driver.take();
  running.server.close();
  CHECK(driver.take());
  running.loop->set_driver(nullptr);
}

TEST_CASE("a request over the concurrency limit is refused", "[server]") {
  Options options = RunningServer::plain_options();
  options.concurrency = 2;
  RunningServer running(std::move(options));
  running.application.handler = echo_target;
  Client first = running.connect();
  first.send(get("/"));
  running.expect(first, response("/"));
  SECTION("of connections") {
    Client second = running.connect();
    second.send(get("/"));
    running.expect(second,
                   "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n"
                   "content-length: 19\r\nconnection: close\r\n\r\nService Unavailable");
    running.expect_close(second);
  }
  SECTION("of running requests") {
    running.application.running_count = 2;
    first.send(get("/"));
    running.loop.run_until([&] {
      first.receive();
      return first.at_end();
    });
    CHECK(first.text().starts_with("HTTP/1.1 503 "));
  }
  CHECK(running.events.warnings == std::vector<std::string>{"Exceeded concurrency limit."});
}

TEST_CASE("the largest number of responses is told of once", "[server]") {
  Options options = RunningServer::plain_options();
  options.max_responses = 3;
  RunningServer running(std::move(options));
  running.application.handler = echo_target;
  Client client = running.connect();
  for (int number = 1; number <= 5; ++number) {
    client.send(get("/"));
    running.expect(client, response("/"));
    CHECK(running.events.max_responses_calls == (number >= 3 ? 1 : 0));
  }
}

TEST_CASE("the default fields and the date begin every response", "[server]") {
  Options options;
  options.default_fields = "server: test\r\n";
  RunningServer running(std::move(options));
  running.application.handler = echo_target;
  Client client = running.connect();
  client.send(get("/") + get("/"));
  running.loop.run_until([&] {
    client.receive();
    return running.server.response_count() == 2 && client.text().ends_with("/");
  });
  const std::string& text = client.text();
  CHECK(text.starts_with("HTTP/1.1 200 OK\r\ndate: "));
  CHECK(text.find(" GMT\r\nserver: test\r\ncontent-length: 1\r\n\r\n/") != std::string::npos);
}

TEST_CASE("no more requests are started in one turn than allowed", "[server]") {
  RunningServer running;
  running.application.handler = echo_target;
  Client client = running.connect();
  constexpr std::size_t kRequests = 1000;
  std::string requests;
  for (std::size_t count = 0; count < kRequests; ++count) requests += get("/");
  client.send(requests);
  running.loop.run_until([&] {
    client.receive();
    return running.server.response_count() == kRequests;
  });
  CHECK(running.application.most_per_turn <= fasterapi::base::kRequestsPerTurn);
}

TEST_CASE("a refusal is recorded with the request it refuses", "[server]") {
  struct Recorded final : AccessLog {
    std::string line;
    void record(const AccessRecord& record) override {
      line = std::string(record.client) + " " + std::string(record.method) + " " +
             std::string(record.path) + " 1." + std::to_string(record.minor_version) + " " +
             std::to_string(record.status);
    }
  } log;
  Options options = RunningServer::plain_options();
  options.concurrency = 0;
  RunningServer running(std::move(options));
  running.server.set_access_log(&log);
  Client client = running.connect();
  client.send(get("/path?query"));
  running.loop.run_until([&] { return !log.line.empty(); });
  CHECK(log.line == "127.0.0.1:" + std::to_string(client.port()) + " GET /path?query 1.1 503");
}

TEST_CASE("a lack of descriptors is said, once a second at most", "[server]") {
#ifdef __SANITIZE_ADDRESS__  // in the same build
  SKIP("UBSan looks at objects through a pipe: without descriptors each is a wrong one");
#endif
  RunningServer running;
  running.application.handler = echo_target;
  {
    std::vector<Client> clients;
    for (int count = 0; count < 3; ++count) clients.emplace_back(running.socket);
    const AllDescriptors taken;
    running.loop.run_until([&] {
      for (Client& client : clients) client.receive();
      return clients.back().at_end();
    });
    running.loop.turn();
  }
  CHECK(running.events.warnings ==
        std::vector<std::string>{
            "No connection can be accepted: too many open files. Raise the limit of open files "
            "(ulimit -n) or lower --limit-connections."});
  Client client = running.connect();
  client.send(get("/"));
  running.expect(client, response("/"));
}

TEST_CASE("connections that come and go are told of where that is wanted", "[server]") {
  const bool wanted = GENERATE(true, false);
  Options options = RunningServer::plain_options();
  options.trace = wanted;
  RunningServer running(std::move(options));
  std::vector<std::string> expected;
  Client client = running.connect();
  if (wanted) {
    const std::string peer = "127.0.0.1:" + std::to_string(client.port()) + " - ";
    expected = {peer + "HTTP connection made", peer + "HTTP connection lost"};
  }
  client.close();
  running.expect_no_connection();
  CHECK(running.events.traces == expected);
}
