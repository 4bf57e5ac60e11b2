// tests/cpp/server/probes_test.cpp: server/probes.hpp: what the server answers by itself.
#include "server/probes.hpp"

#include <catch.hpp>

#include <string>
#include <utility>
#include <vector>

#include "../support/running_server.hpp"
#include "base/clock.hpp"
#include "base/limits.hpp"

using namespace fasterapi::support;
namespace base = fasterapi::base;
using fasterapi::server::AccessLog;
using fasterapi::server::AccessRecord;
using fasterapi::server::Options;
using fasterapi::server::Readiness;

namespace {

Options probing_options() {
  Options options = RunningServer::plain_options();
  options.probe_paths = {"/-/live", "/-/ready", {}};
  return options;
}

struct ProbedServer : RunningServer {
  explicit ProbedServer(Options options = probing_options()) : RunningServer(std::move(options)) {
    application.handler = [](FakeRequest& request) { request.reply(request.target); };
  }
};

std::string probe(std::string_view status, std::string_view body, std::string_view fields = {}) {
  return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(fields) +
         "cache-control: no-store\r\ncontent-type: text/plain; charset=utf-8\r\n"
         "content-length: " +
         std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string request_of(std::string_view method, std::string_view target) {
  return std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

}  // namespace

TEST_CASE("a server says that it lives and is ready", "[server][probes]") {
  ProbedServer running;
  Client client = running.connect();
  client.send(get("/-/live"));
  running.expect(client, probe("200 OK", "ok\n"));
  client.send(get("/-/ready"));
  running.expect(client, probe("200 OK", "ready\n"));
  CHECK(running.application.requests.empty());
}

TEST_CASE("a probe is answered between two requests that take long", "[server][probes]") {
  ProbedServer running;
  Client probing = running.connect();
  std::vector<std::string> heard;
  running.application.handler = [&](FakeRequest& request) {
    probing.receive();
    heard.push_back(probing.take_text());
    probing.send(get("/-/live"));
    const std::uint64_t until = base::monotonic_ns() + 2 * base::kLatePollNs;
    while (base::monotonic_ns() < until) {
    }
    request.reply("done");
  };
  std::vector<Client> clients;
  for (int number = 0; number < 3; ++number) clients.push_back(running.connect());
  for (Client& one : clients) one.send(get("/"));
  probing.send(get("/-/live"));
  running.loop.turn();  // all of them arrive in it
  CHECK(heard == std::vector<std::string>{probe("200 OK", "ok\n"), probe("200 OK", "ok\n"),
                                          probe("200 OK", "ok\n")});
  for (Client& one : clients) running.expect(one, response("done"));
}

TEST_CASE("without their paths the probes are the application's", "[server][probes]") {
  ProbedServer running(RunningServer::plain_options());
  CHECK(running.server.probes() == nullptr);
  Client client = running.connect();
  client.send(get("/-/live"));
  running.expect(client, response("/-/live"));
}

TEST_CASE("a probe's path is the raw one, whole, without its query", "[server][probes]") {
  ProbedServer running;
  Client client = running.connect();
  for (const char* target : {"/-/live?a=b", "http://a/-/live", "http://a/-/live?"}) {
    client.send(get(target));
    running.expect(client, probe("200 OK", "ok\n"));
  }
  for (const char* target : {"/", "/-/liv", "/-/live/", "/-/Live", "/%2D/live", "//-/live"}) {
    client.send(get(target));
    running.expect(client, response(target));
  }
}

TEST_CASE("a probe is read by GET and HEAD only", "[server][probes]") {
  ProbedServer running;
  Client client = running.connect();
  const std::string whole = probe("200 OK", "ok\n");
  client.send(request_of("HEAD", "/-/live"));
  running.expect(client, whole.substr(0, whole.size() - 3));
  client.send(request_of("DELETE", "/-/live"));
  running.expect(client,
                 probe("405 Method Not Allowed", "method not allowed\n", "allow: GET, HEAD\r\n"));
}

TEST_CASE("the body of a probe is discarded", "[server][probes]") {
  ProbedServer running;
  Client client = running.connect();
  client.send("GET /-/live HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo");
  running.expect(client, probe("200 OK", "ok\n"));
  client.send("dy" + get("/next"));
  running.expect(client, response("/next"));
}

TEST_CASE("probes are answered above the limit of concurrency", "[server][probes]") {
  Options options = probing_options();
  options.concurrency = 1;
  ProbedServer running(std::move(options));
  Client client = running.connect();
  client.send(get("/-/live") + get("/-/ready"));
  running.expect(client, probe("200 OK", "ok\n") + probe("200 OK", "ready\n"));
  CHECK(running.events.warnings.empty());
}

TEST_CASE("a probe has left before the applications of its turn run", "[server][probes]") {
  ProbedServer running;
  Client other = running.connect();
  Client client = running.connect();
  std::string seen;
  running.application.handler = [&](FakeRequest& request) {
    client.receive();
    seen = client.text();
    request.reply("late");
  };
  other.send(get("/slow"));
  client.send(get("/-/live"));
  running.expect(other, response("late"));
  CHECK(readable(seen) == readable(probe("200 OK", "ok\n")));
}

TEST_CASE("a probe that breaks the connection is the last", "[server][probes]") {
  ProbedServer running;
  Client client = running.connect();
  client.send(get("/-/live") + get("/-/live"));
  client.abort();
  running.expect_no_connection();
}

TEST_CASE("a server is ready from its first listener on until it drains", "[server][probes]") {
  RunningLoop loop;
  RecordedEvents events;
  fasterapi::server::Server server(loop, probing_options(), events);
  CHECK(server.readiness() == Readiness::Starting);
  CHECK_FALSE(server.listen(-1, 16).ok());
  CHECK(server.readiness() == Readiness::Starting);
  const Socket socket = bound_tcp_socket();
  REQUIRE(server.listen(socket.fd(), 16).ok());
  CHECK(server.readiness() == Readiness::Ready);
  server.shut_down();
  CHECK(server.readiness() == Readiness::Draining);
}

TEST_CASE("a probe is recorded as any other response", "[server][probes]") {
  struct Lines final : AccessLog {
    std::vector<std::string> lines;
    void record(const AccessRecord& record) override {
      lines.push_back(std::string(record.method) + " " + std::string(record.path) + " " +
                      std::to_string(record.status));
    }
  } log;
  Options options = probing_options();
  options.root_path = "/api";
  ProbedServer running(std::move(options));
  running.server.set_access_log(&log);
  Client client = running.connect();
  client.send(get("/-/live?a") + request_of("POST", "/-/ready"));
  running.expect(
      client, probe("200 OK", "ok\n") +
                  probe("405 Method Not Allowed", "method not allowed\n", "allow: GET, HEAD\r\n"));
  CHECK(log.lines == std::vector<std::string>{"GET /api/-/live?a 200", "POST /api/-/ready 405"});
}

TEST_CASE("a server for probes alone tells of another server", "[server][probes]") {
  RunningServer running;
  fasterapi::server::Server admin(running.loop, probing_options(), running.events, &running.server);
  const Socket socket = bound_tcp_socket();
  REQUIRE(admin.listen(socket.fd(), 16).ok());
  Client client(socket);
  client.send(get("/-/live"));
  running.expect(client, probe("200 OK", "ok\n"));
  client.send(get("/-/ready"));
  running.expect(client, probe("200 OK", "ready\n"));
  client.send(request_of("POST", "/"));
  running.expect(client, probe("404 ", "not found\n"));
  running.server.shut_down();
  client.send(get("/-/ready"));
  running.expect(client, probe("503 Service Unavailable", "draining\n"));
  CHECK(admin.connection_count() == 1);
  CHECK(running.server.connection_count() == 0);
  CHECK(running.application.requests.empty());
}
