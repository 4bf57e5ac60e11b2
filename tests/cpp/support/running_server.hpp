// tests/cpp/support/running_server.hpp: a server with a fake application on a loop that the test
// turns by hand.
#pragma once

#include <string>
#include <vector>

#include "fake_application.hpp"
#include "running_loop.hpp"
#include "server/server.hpp"
#include "sockets.hpp"
#include "text.hpp"

namespace fasterapi::support {

struct RecordedEvents final : server::EventLog {
  std::vector<std::string> warnings;
  std::vector<std::string> traces;
  int max_responses_calls = 0;

  void warning(base::ByteView text) override { warnings.emplace_back(text); }
  void trace(base::ByteView text) override { traces.emplace_back(text); }
  void max_responses_reached() override { ++max_responses_calls; }
};

struct RunningServer {
  // Without a date, so that responses can be compared.
  static server::Options plain_options() {
    server::Options options;
    options.date_field = false;
    return options;
  }

  // Small buffers make a peer that does not read stall soon.
  explicit RunningServer(server::Options options = plain_options(), int buffer_bytes = 0)
      : buffer_bytes_(buffer_bytes), server(loop, std::move(options), events) {
    server.add_application(application);
    if (buffer_bytes > 0) socket.set_buffers(buffer_bytes);
    REQUIRE(server.listen(socket.fd(), 128).ok());
  }

  [[nodiscard]] Client connect() {
    const std::size_t before = server.connection_count();
    Client client(socket, buffer_bytes_);
    loop.run_until([&] { return server.connection_count() > before; });
    return client;
  }

  // Turns until the client has received this and nothing else.
  void expect(Client& client, const std::string& text) {
    loop.run_until([&] {
      client.receive();
      return client.text().size() >= text.size() || client.at_end() || client.reset();
    });
    const std::string received = client.take_text();
    CHECK(readable(received) == readable(text));  // short, for the message
    CHECK((received == text));
  }
  // Turns until the server has closed the connection; nothing may come before.
  void expect_close(Client& client) {
    loop.run_until([&] {
      client.receive();
      return client.at_end() || client.reset();
    });
    CHECK_FALSE(client.reset());
    CHECK(client.text().empty());
  }
  // Turns until so many requests have arrived.
  FakeRequest& request(std::size_t number) {
    loop.run_until([&] { return application.requests.size() >= number; });
    return *application.requests[number - 1];
  }
  // Turns until the server has dropped every connection.
  void expect_no_connection() {
    loop.run_until([&] { return server.connection_count() == 0; });
  }

 private:
  const int buffer_bytes_;

 public:
  RunningLoop loop;
  RecordedEvents events;
  FakeApplication application;
  Socket socket = bound_tcp_socket();
  server::Server server;
};

[[nodiscard]] inline std::string get(std::string_view target, std::string_view fields = {}) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

// The response of FakeRequest::reply().
[[nodiscard]] inline std::string response(std::string_view body, std::string_view fields = {}) {
  return "HTTP/1.1 200 OK\r\ncontent-length: " + std::to_string(body.size()) + "\r\n" +
         std::string(fields) + "\r\n" + std::string(body);
}

inline constexpr std::string_view kClose = "connection: close\r\n";

}  // namespace fasterapi::support
