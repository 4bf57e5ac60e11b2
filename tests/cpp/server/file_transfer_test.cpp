// tests/cpp/server/file_transfer_test.cpp: server/file_transfer.hpp, as an exchange uses it.
#include "server/file_transfer.hpp"

#include <catch.hpp>

#include <cerrno>
#include <string>

#include "../support/running_server.hpp"
#include "../support/temporary_file.hpp"

using namespace fasterapi::support;
using fasterapi::http::SendError;

namespace {

constexpr int kSmallBuffer = 4096;

void send_file(FakeRequest& request, const TemporaryFile& file, const std::string& length) {
  REQUIRE(request.begin(length) == SendError::None);
  REQUIRE(request.exchange->open_file(file.path()) == 0);
  REQUIRE(request.exchange->send_file() == SendError::None);
}

}  // namespace

TEST_CASE("a file of any size is the body of a response", "[server][file]") {
  const auto size = GENERATE(0u, 1u, 65536u, 65537u, 524288u, 600000u, 5000000u);
  const std::string content = numbered(size);
  const TemporaryFile file(content);
  RunningServer running(RunningServer::plain_options(), GENERATE(0, kSmallBuffer));
  Client client = running.connect();
  client.send(get("/") + get("/next"));
  send_file(running.request(1), file, std::to_string(size));
  running.loop.run_until([&] {
    client.receive();
    return running.application.requests.size() == 2;
  });
  FakeRequest& next = running.request(2);
  REQUIRE(next.reply("next") == SendError::None);
  const std::string head =
      "HTTP/1.1 200 OK\r\ncontent-length: " + std::to_string(size) + "\r\n\r\n";
  running.expect(client, head + content + "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnext");
}

TEST_CASE("what cannot be opened leaves the response open", "[server][file]") {
  RunningServer running;
  Client client = running.connect();
  client.send(get("/"));
  FakeRequest& request = running.request(1);
  REQUIRE(request.begin("2") == SendError::None);
  CHECK(request.exchange->open_file("/no/such/file") == ENOENT);
  REQUIRE(request.send("ok", false) == SendError::None);
  running.expect(client, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
}

TEST_CASE("a file that shrinks while it is sent cuts the response", "[server][file]") {
  const TemporaryFile file(numbered(5000000));
  RunningServer running(RunningServer::plain_options(), kSmallBuffer);
  Client client = running.connect();
  client.send(get("/"));
  send_file(running.request(1), file, "5000000");
  running.loop.run_until([&] { return client.receive(1000) > 0; });
  file.resize(100000);
  running.loop.run_until([&] {
    client.receive();
    return client.at_end() || client.reset();
  });
  CHECK(client.text().size() < 5000000);
}

TEST_CASE("a connection that ends amid a file gives it up", "[server][file]") {
  const TemporaryFile file(numbered(5000000));
  RunningServer running(RunningServer::plain_options(), kSmallBuffer);
  Client client = running.connect();
  client.send(get("/"));
  send_file(running.request(1), file, "5000000");
  running.loop.run_until([&] { return client.receive(1000) > 0; });
  SECTION("by its peer") { client.abort(); }
  SECTION("by the server") { running.server.abort(); }
  running.loop.run_until([&] { return running.server.connection_count() == 0; });
}
