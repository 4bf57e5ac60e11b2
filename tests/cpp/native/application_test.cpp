// tests/cpp/native/application_test.cpp: native/application.hpp: handlers in C behind a server, in
// front of an application that answers "app".
#include "native/application.hpp"

#include <catch.hpp>

#include <stdexcept>
#include <string>
#include <vector>

#include "handlers.h"
#include "native_server.hpp"

using namespace fasterapi::support;
namespace native = fasterapi::native;

namespace {

char hello[] = "hello";

std::string post(std::string_view target, std::string_view body, std::string_view fields = {}) {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

const std::string kHello =
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello";

}  // namespace

TEST_CASE("a handler answers in front of the application", "[native]") {
  NativeServer running(route("GET", "/fast", answer_hello, hello));
  Client client = running.connect();
  client.send(get("/fast"));
  running.expect(client, kHello);
  client.send(get("/slow") + get("/fast") + get("/fast"));  // a pipeline goes on behind it
  running.expect(client, response("app") + kHello + kHello);
  CHECK(running.app.requests.size() == 1);
  CHECK(running.handlers.running() == 0);
}

TEST_CASE("a handler answers while the loop polls", "[native]") {
  NativeServer running(route("GET", "/fast", answer_hello, hello));
  Client client = running.connect();
  client.send(get("/fast"));
  running.loop->poll(true);
  CHECK(running.server.response_count() == 1);
}

TEST_CASE("HEAD gets the head of GET alone", "[native]") {
  NativeServer running(route("GET", "/fast", answer_hello, hello));
  Client client = running.connect();
  client.send("HEAD /fast HTTP/1.1\r\nHost: a\r\n\r\n");
  running.expect(client, kHello.substr(0, kHello.size() - 5));
}

TEST_CASE("HTTP/1.0 gets a close", "[native]") {
  NativeServer running(route("GET", "/fast", answer_hello, hello));
  Client client = running.connect();
  client.send("GET /fast HTTP/1.0\r\n\r\n");
  running.expect(client,
                 "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n"
                 "connection: close\r\n\r\nhello");
  running.expect_close(client);
}

TEST_CASE("a status without a body has none", "[native]") {
  int status = 0;
  NativeServer running(route("GET", "/", answer_status, &status));
  Client client = running.connect();
  for (status = 204; status <= 304; status += 100) {
    client.send(get("/"));
    running.expect(client, "HTTP/1.1 " + std::to_string(status) + " \r\n\r\n");
  }
}

TEST_CASE("a handler sees the request", "[native]") {
  NativeServer running(route("GET", "/i%74ems/{id}/{rest:path}", answer_request));
  Client client = running.connect();
  client.send(get("/i%74ems/a%20b/c/d?q=%20", "X-One: 1\r\n"));
  const std::string body =
      "method=GET\npath=/items/a b/c/d\nraw=/i%74ems/a%20b/c/d\nquery=q=%20\nscheme=http\n"
      "peer=127.0.0.1\nHOST=a\nhost=a\nx-one=1\nparam=a%20b\nparam=c/d\nid=a%20b\n";
  running.expect(client, response(body));
}

TEST_CASE("a body is read up to its limit before the handler is called", "[native]") {
  native::Route echo = route("POST", "/", answer_body);
  echo.max_body = 8;
  const bool held = GENERATE(false, true);
  echo.holds_gil = held;
  NativeServer running(std::move(echo));
  Client client = running.connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n1234");
  for (int turn = 0; turn < 3; ++turn) running.loop.turn();
  CHECK(running.server.response_count() == 0);
  CHECK(running.handlers.running() == 1);
  client.send("5678" + post("/", "") + post("/", "next"));
  running.expect(client, response("12345678") + response("") + response("next"));
  client.send(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "4\r\n1234\r\n4\r\n5678\r\n0\r\n\r\n");
  running.expect(client, response("12345678"));
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  running.expect(client, "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  running.expect(client, response("ok"));
}

TEST_CASE("a body above the limit is refused", "[native]") {
  native::Route echo = route("POST", "/", answer_body);
  echo.max_body = 8;
  NativeServer running(std::move(echo));
  Client declared = running.connect();
  declared.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
  running.expect_refusal(declared, "413 Content Too Large", "Request body is too large.");
  Client chunked = running.connect();
  chunked.send(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n");
  running.expect_refusal(chunked, "413 Content Too Large", "Request body is too large.");
  CHECK(running.handlers.running() == 0);
}

TEST_CASE("a body larger than what the server buffers is read whole", "[native]") {
  native::Route echo = route("POST", "/", answer_body);
  echo.max_body = 300'000;
  NativeServer running(std::move(echo));
  Client client = running.connect();
  const std::string body(300'000, 'x');
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n");
  for (std::size_t sent = 0; sent < body.size(); sent += 50'000) {
    client.send(std::string_view(body).substr(sent, 50'000));
    running.loop.turn();
  }
  running.expect(client, response(body));
}

TEST_CASE("a body that is not wanted is discarded", "[native]") {
  NativeServer running(route("POST", "/", answer_body));
  Client client = running.connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo");
  running.expect(client, response(""));
  client.send("dy" + post("/", "body"));
  running.expect(client, response(""));
}

TEST_CASE("a peer that stops within its body is let go", "[native]") {
  native::Route echo = route("POST", "/", answer_body);
  echo.max_body = 8;
  NativeServer running(std::move(echo));
  Client client = running.connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n1234");
  client.shut_down_writing();
  running.expect_close(client);
  CHECK(running.handlers.running() == 0);
}

TEST_CASE("a connection that breaks takes its waiting request along", "[native]") {
  native::Route echo = route("POST", "/", answer_body);
  echo.max_body = 8;
  NativeServer running(std::move(echo));
  {
    Client client = running.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n1234");
    running.loop.run_until([&] { return running.handlers.running() == 1; });
    client.abort();
    running.expect_no_connection();
  }
  CHECK(running.handlers.running() == 0);
}

TEST_CASE("bytes of the handler's own are sent and released once", "[native]") {
  int released = 0;
  NativeServer running(route("GET", "/", answer_large, &released));
  Client client = running.connect();
  client.send(get("/"));
  running.expect(client, response(std::string(100'000, 'x')));
  running.loop.run_until([&] { return released > 0; });
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  running.expect(client, "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
  CHECK(released == 2);
}

TEST_CASE("what a handler passes on is as it was", "[native]") {
  native::Route passing = route("*", "/", spoil_then_pass);
  const bool held = GENERATE(false, true);
  passing.max_body = GENERATE(std::size_t{0}, std::size_t{8});
  passing.holds_gil = held;
  NativeServer running(std::move(passing));
  Client client = running.connect();
  client.send(get("/") + post("/", "body"));
  running.expect(client, response("app") + response("appbody"));
  CHECK(running.events.warnings.empty());
  CHECK(running.handlers.running() == 0);
  CHECK(running.app.requests.size() == 2);
}

TEST_CASE("what a handler forgets is not sent", "[native]") {
  NativeServer running(route("GET", "/", spoil_then_reset));
  Client client = running.connect();
  client.send(get("/"));
  running.expect(client, response("good"));
}

TEST_CASE("a handler that fails is a server error", "[native]") {
  int result = GENERATE(int{FA_ERROR}, int{FA_ASYNC}, 4, int{FA_E_STATUS});
  NativeServer running(route("GET", "/{id}", return_result, &result));
  Client client = running.connect();
  client.send(get("/1"));
  running.expect_failure(client);
  const std::string said = result == FA_ERROR   ? "has failed."
                           : result == FA_ASYNC ? "returned FA_ASYNC without fa_defer()."
                                                : "returned what is no result.";
  CHECK(running.warning() == "Native handler GET /{id} " + said);
}

TEST_CASE("an exception that leaves a handler is a server error", "[native]") {
  const fa_handler handler = [](fa_request*, void*) -> int { throw std::runtime_error("mine"); };
  NativeServer running(route("GET", "/", handler));
  Client client = running.connect();
  client.send(get("/"));
  running.expect_failure(client);
  CHECK(running.warning() == "Native handler GET / has thrown an exception.");
}

TEST_CASE("a bad response is a server error, even if the handler does not look", "[native]") {
  const std::string large(20'000, 'x');
  const auto [name, value, result, said] =
      GENERATE_REF(table<fa_string, fa_string, int, const char*>(
          {{fa_text("x"), fa_text("a\r\nb: c"), FA_E_VALUE, "invalid header value"},
           {fa_text("a b"), fa_text("c"), FA_E_NAME, "invalid header name"},
           {fa_text("x"), {large.data(), large.size()}, FA_E_TOO_LARGE, "headers are too large"},
           {fa_text("Connection"), fa_text("close"), FA_E_RESERVED,
            "a header that only the server sends"}}));
  bad_header bad{name, value, FA_OK};
  NativeServer running(route("GET", "/", add_bad_header, &bad));
  Client client = running.connect();
  client.send(get("/"));
  running.expect_failure(client);
  CHECK(bad.result == result);
  CHECK(running.warning() ==
        "Native handler GET / has made a bad response: " + std::string(said) + ".");
}

TEST_CASE("a handler that needs the GIL is called at the end of the turn", "[native]") {
  native::Route held = route("GET", "/", answer_hello, hello);
  held.holds_gil = true;
  NativeServer running(std::move(held));
  Client client = running.connect();
  client.send(get("/"));
  running.loop->poll(true);
  CHECK(running.handlers.has_pending());
  CHECK(running.server.response_count() == 0);
  running.loop->end_turn();
  CHECK_FALSE(running.handlers.has_pending());
  running.expect(client, kHello);
}

TEST_CASE("no more handlers are called per turn than allowed", "[native]") {
  native::Route held = route("GET", "/", answer_hello, hello);
  held.holds_gil = true;
  NativeServer running(std::move(held));
  std::vector<Client> clients;
  for (int count = 0; count < 3; ++count) clients.push_back(running.connect());
  for (const Client& client : clients) client.send(get("/"));
  running.loop.run_until([&] { return running.handlers.running() == 3; },
                         [&] { running.loop->poll(false); });
  CHECK(running.handlers.run_pending(2) == 2);
  CHECK(running.handlers.running() == 1);
  for (Client& client : clients) client.abort();  // one of them before its turn
  running.loop.run_until([&] { return running.handlers.running() == 0; },
                         [&] { running.loop->poll(false); });
  CHECK_FALSE(running.handlers.has_pending());
}

TEST_CASE("responses of handlers are recorded", "[native]") {
  struct Lines final : fasterapi::server::AccessLog {
    std::vector<std::string> lines;
    void record(const fasterapi::server::AccessRecord& record) override {
      lines.push_back(std::string(record.method) + " " + std::string(record.path) + " " +
                      std::to_string(record.status));
    }
  } log;
  int failed = FA_ERROR;
  NativeServer running(
      {route("GET", "/", answer_hello, hello), route("GET", "/fails", return_result, &failed)});
  running.server.set_access_log(&log);
  Client client = running.connect();
  client.send(get("/?a") + get("/fails"));
  running.expect(client, kHello +
                             "HTTP/1.1 500 Internal Server Error\r\n"
                             "content-type: text/plain; charset=utf-8\r\ncontent-length: 21\r\n"
                             "connection: close\r\n\r\nInternal Server Error");
  CHECK(log.lines == std::vector<std::string>{"GET /?a 200", "GET /fails 500"});
}
