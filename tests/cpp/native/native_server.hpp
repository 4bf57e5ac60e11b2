// tests/cpp/native/native_server.hpp: a running server with native handlers in front of an
// application that answers "app" and the body.
#pragma once

#include <atomic>
#include <catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "../support/running_server.hpp"
#include "native/application.hpp"

namespace fasterapi::support {

[[nodiscard]] inline native::Route route(const char* method, const char* path, fa_handler handler,
                                         void* user = nullptr) {
  return {method, http::PathPattern::parse(path).value(), handler, user};
}

class NativeServer : public RunningServer {
 public:
  explicit NativeServer(std::vector<native::Route> routes)
      : handlers(table_of(std::move(routes)),
                 {[this] { ++wakes; },
                  [this](std::uint64_t delay_ms) { delays.push_back(delay_ms); }, events}) {
    application.refuses = true;  // the one that came first
    app.handler = [](FakeRequest& request) {
      request.read_body();
      request.reply("app" + request.body);
    };
    server.add_application(handlers);
    server.add_application(app);
  }
  explicit NativeServer(native::Route only)
      : NativeServer(std::vector<native::Route>{std::move(only)}) {}
  ~NativeServer() { server.close(); }

  // The one warning there is.
  [[nodiscard]] std::string warning() {
    REQUIRE(events.warnings.size() == 1);
    return std::exchange(events.warnings, {}).front();
  }
  // A response of the server's own, behind which it closes.
  void expect_refusal(Client& client, std::string_view status, std::string_view text) {
    expect(client, "HTTP/1.1 " + std::string(status) +
                       "\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: " +
                       std::to_string(text.size()) + "\r\nconnection: close\r\n\r\n" +
                       std::string(text));
    expect_close(client);
  }
  void expect_failure(Client& client) {
    expect_refusal(client, "500 Internal Server Error", "Internal Server Error");
  }

  std::atomic<int> wakes = 0;
  std::vector<std::uint64_t> delays;  // that a timer was asked for
  native::Application handlers;
  FakeApplication app;

 private:
  static native::RouteTable table_of(std::vector<native::Route> routes) {
    native::RouteTable table;
    for (native::Route& one : routes) REQUIRE(table.add(std::move(one)));
    return table;
  }
};

}  // namespace fasterapi::support
