// tests/cpp/server/exchange_test.cpp: server/exchange.hpp: what an application sees and may do.
#include "server/exchange.hpp"

#include <catch.hpp>

#include <string>

#include "../support/running_server.hpp"

using namespace fasterapi::support;
using fasterapi::base::Payload;
using fasterapi::http::SendError;
using fasterapi::server::ConnectionData;

namespace {

constexpr int kSmallBuffer = 4096;

std::string post(std::string_view fields, std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

// Where chunks carry so many bytes.
std::size_t body_bytes(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), 'x'));
}

}  // namespace

TEST_CASE("an application sees the request and both addresses", "[server][exchange]") {
  RunningServer running;
  Client client = running.connect();
  client.send(get("/path?query", "X: y\r\n"));
  FakeRequest& request = running.request(1);
  CHECK(request.exchange->head().method() == "GET");
  CHECK(request.exchange->head().raw_path() == "/path");
  CHECK(request.exchange->head().query() == "query");
  CHECK(request.exchange->head().field(1).value == "y");
  CHECK(request.exchange->peer().host == "127.0.0.1");
  CHECK(request.exchange->peer().port == client.port());
  CHECK(request.exchange->local().host == "127.0.0.1");
  CHECK(request.exchange->request_complete());
  CHECK_FALSE(request.exchange->peer_closed());
  CHECK_FALSE(request.exchange->head_sent());
}

TEST_CASE("a body arrives in pieces, each of which is told of", "[server][exchange]") {
  RunningServer running;
  Client client = running.connect();
  client.send(post("Content-Length: 6\r\n", "abc"));
  FakeRequest& request = running.request(1);
  running.loop.run_until([&] { return request.progress == 1; });
  CHECK(request.exchange->body() == "abc");
  CHECK_FALSE(request.exchange->request_complete());
  request.read_body();
  CHECK(request.exchange->body().empty());
  client.send("def");
  running.loop.run_until([&] { return request.exchange->request_complete(); });
  CHECK(request.progress >= 2);
  request.read_body();
  CHECK(request.body == "abcdef");
}

TEST_CASE("a chunked body arrives without its framing", "[server][exchange]") {
  RunningServer running;
  Client client = running.connect();
  client.send(post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"));
  FakeRequest& request = running.request(1);
  running.loop.run_until([&] { return request.exchange->request_complete(); });
  CHECK(request.exchange->body() == "abcdef");
}

TEST_CASE("a body that nobody reads stops the reading, and reading it resumes",
          "[server][exchange]") {
  constexpr std::size_t kBytes = 4000000;
  RunningServer running(RunningServer::plain_options(), kSmallBuffer);
  Client client = running.connect();
  const std::string all = post("Content-Length: 4000000\r\n", std::string(kBytes, 'x'));
  std::size_t sent = client.send(all);
  FakeRequest& request = running.request(1);
  const std::size_t limit = 2 * 65536;  // the limit and one receive buffer
  std::size_t last_sent = 0;
  running.loop.run_until([&] {  // until the kernel's buffers are full
    sent += client.send(std::string_view(all).substr(sent));
    return std::exchange(last_sent, sent) == sent && request.exchange->body().size() > 65536;
  });
  CHECK(request.exchange->body().size() <= limit);
  CHECK(sent < all.size());
  running.loop.run_until([&] {
    sent += client.send(std::string_view(all).substr(sent));
    request.read_body();
    return request.exchange->request_complete();
  });
  CHECK(request.body.size() == kBytes);
}

TEST_CASE("100 Continue goes out when the application asks for it", "[server][exchange]") {
  RunningServer running;
  Client client = running.connect();
  client.send(post("Content-Length: 2\r\nExpect: 100-continue\r\n", ""));
  FakeRequest& request = running.request(1);
  CHECK(request.exchange->head().expect_continue());
  running.loop.turn();
  CHECK(client.receive() == 0);
  request.exchange->send_continue();
  running.expect(client, "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  running.loop.run_until([&] { return request.exchange->request_complete(); });
  request.reply("done");
  running.expect(client, response("done"));
}

TEST_CASE("100 Continue goes out once, whoever asks for it", "[server][exchange]") {
  RunningServer running;
  Client client = running.connect();
  for (std::size_t number = 1; number <= 2; ++number) {  // in each request
    client.send(post("Content-Length: 2\r\nExpect: 100-continue\r\n", ""));
    FakeRequest& request = running.request(number);
    request.exchange->send_continue();
    request.exchange->send_continue();
    running.expect(client, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("ok");
    running.loop.run_until([&] { return request.exchange->request_complete(); });
    request.exchange->send_continue();
    request.reply("done");
    running.expect(client, response("done"));
  }
}

TEST_CASE("an application that wants more of a body gets it unconsumed", "[server][exchange]") {
  fasterapi::server::Options options = RunningServer::plain_options();
  options.limits.body_buffered_bytes = 4;
  RunningServer running(std::move(options));
  Client client = running.connect();
  client.send(post("Content-Length: 12\r\n", "four."));
  FakeRequest& request = running.request(1);
  client.send("1");
  for (int turn = 0; turn < 3; ++turn) running.loop.turn();
  CHECK(request.exchange->body() == "four.");
  request.exchange->want_body(100);
  running.loop.run_until([&] { return request.exchange->body() == "four.1"; });
  client.send("234567");
  running.loop.run_until([&] { return request.exchange->request_complete(); });
  CHECK(request.exchange->body() == "four.1234567");
  request.reply("done");
  running.expect(client, response("done"));
}

TEST_CASE("there is no 100 Continue behind the response", "[server][exchange]") {
  RunningServer running;
  Client client = running.connect();
  client.send(post("Content-Length: 2\r\nExpect: 100-continue\r\n", ""));
  FakeRequest& request = running.request(1);
  request.begin("2");
  request.exchange->send_continue();
  request.send("ok", false);
  running.expect(client, response("ok"));
}

TEST_CASE("the parts of a response leave together", "[server][exchange]") {
  RunningServer running;
  Client client = running.connect();
  client.send(get("/"));
  FakeRequest& request = running.request(1);
  request.begin("6");
  CHECK(request.exchange->head_sent());
  request.send("abc");
  request.send("def", false);
  running.expect(client, response("abcdef"));
  CHECK(client.segments_received() == 1);
}

TEST_CASE("a response without a length goes out in chunks as they come", "[server][exchange]") {
  RunningServer running;
  Client client = running.connect();
  client.send(get("/"));
  FakeRequest& request = running.request(1);
  request.begin();
  request.send("abc");
  running.expect(client, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
  CHECK(request.exchange->send_body(Payload::of_string("def"), true) == SendError::None);
  running.expect(client, "3\r\ndef\r\n");
  request.send("", false);
  running.expect(client, "0\r\n\r\n");
}

TEST_CASE("an illegal response is an error of the application and sends nothing",
          "[server][exchange]") {
  RunningServer running;
  Client client = running.connect();
  client.send(get("/"));
  FakeRequest& request = running.request(1);
  CHECK(request.send("x") == SendError::HeadNotSent);
  CHECK(request.begin({}, 99) == SendError::IllegalStatus);
  CHECK(request.begin("one") == SendError::IllegalLength);
  REQUIRE(request.exchange->begin_head(200) == SendError::None);
  CHECK(request.exchange->add_field("a\nb", "c") == SendError::IllegalFieldName);
  CHECK_FALSE(request.exchange->head_sent());
  CHECK(request.reply("fine") == SendError::None);
  running.expect(client, response("fine"));
}

TEST_CASE("a body that breaks its length closes the connection", "[server][exchange]") {
  RunningServer running;
  Client client = running.connect();
  client.send(get("/"));
  FakeRequest& request = running.request(1);
  request.begin("3");
  const bool too_long = GENERATE(true, false);
  CHECK(request.send(too_long ? "abcdef" : "ab", too_long) ==
        (too_long ? SendError::BodyTooLong : SendError::BodyTooShort));
  running.expect(client, std::string("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n") +
                             (too_long ? "abc" : "ab"));
  running.expect_close(client);
}

TEST_CASE("an aborted response closes the connection behind what was sent", "[server][exchange]") {
  RunningServer running;
  Client client = running.connect();
  client.send(get("/"));
  FakeRequest& request = running.request(1);
  request.begin();
  request.send("abc");
  request.exchange->abort();
  CHECK_FALSE(request.lost);  // it knows
  running.expect(client, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
  running.expect_close(client);
}

TEST_CASE("a reader that stalls makes the application wait, and memory stays bounded",
          "[server][exchange]") {
  RunningServer running(RunningServer::plain_options(), kSmallBuffer);
  Client client = running.connect();
  client.send(get("/"));
  FakeRequest& request = running.request(1);
  request.begin();
  const std::string piece(10000, 'x');
  std::size_t sent = 0;
  while (!request.exchange->must_wait()) {
    request.send(piece);
    sent += piece.size();
    REQUIRE(sent < 10000000);
  }
  CHECK(request.drained == 0);
  running.loop.run_until([&] {
    client.receive();
    return request.drained > 0;
  });
  CHECK_FALSE(request.exchange->must_wait());
  request.send("", false);
  running.loop.run_until([&] {
    client.receive();
    return client.text().ends_with("0\r\n\r\n");
  });
  CHECK(body_bytes(client.text()) == sent);
}

TEST_CASE("a payload larger than the mark need not be waited for when the peer reads",
          "[server][exchange]") {
  RunningServer running;
  Client client = running.connect();
  client.send(get("/"));
  FakeRequest& request = running.request(1);
  request.begin();
  request.send(std::string(100000, 'x'));
  CHECK_FALSE(request.exchange->must_wait());  // the kernel had room
}

TEST_CASE("a head larger than the mark need not be waited for when the peer reads",
          "[server][exchange]") {
  RunningServer running;
  Client client = running.connect();
  client.send(get("/"));
  FakeRequest& request = running.request(1);
  REQUIRE(request.exchange->begin_head(200) == SendError::None);
  REQUIRE(request.exchange->add_field("a", std::string(100000, 'x')) == SendError::None);
  REQUIRE(request.exchange->end_head() == SendError::None);
  CHECK_FALSE(request.exchange->must_wait());  // nobody would tell it that the bytes have left
}

TEST_CASE("an application is told once that its connection is gone", "[server][exchange]") {
  RunningServer running(RunningServer::plain_options(), kSmallBuffer);
  Client client = running.connect();
  client.send(get("/"));
  FakeRequest& request = running.request(1);
  const bool responding = GENERATE(true, false);
  if (responding) {
    request.begin();
    request.send("abc");
  }
  client.abort();
  running.loop.run_until([&] { return request.lost; });
  running.expect_no_connection();
}

TEST_CASE("a peer that stops sending is told of, and is answered still", "[server][exchange]") {
  RunningServer running;
  Client client = running.connect();
  const bool complete = GENERATE(true, false);
  client.send(post("Content-Length: 3\r\n", complete ? "abc" : "a"));
  FakeRequest& request = running.request(1);
  client.shut_down_writing();
  running.loop.run_until([&] { return request.exchange->peer_closed(); });
  CHECK(request.progress >= 2);
  CHECK(request.exchange->request_complete() == complete);
  CHECK_FALSE(request.lost);
  request.reply("answer");
  running.expect(client, response("answer"));
  running.expect_close(client);
}

TEST_CASE("what an application keeps with a connection lives as long", "[server][exchange]") {
  struct Data final : ConnectionData {
    int& alive;
    explicit Data(int& count) : alive(count) { ++alive; }
    ~Data() override { --alive; }
  };
  int alive = 0;
  RunningServer running;
  running.application.handler = [&](FakeRequest& request) {
    auto& data = request.exchange->connection_data();
    if (!data) data = std::make_unique<Data>(alive);
    request.reply(request.target);
  };
  Client client = running.connect();
  for (const char* target : {"/1", "/2"}) {
    client.send(get(target));
    running.expect(client, response(target));
    CHECK(alive == 1);
  }
  client.close();
  running.expect_no_connection();
  running.loop.turn();
  CHECK(alive == 0);
}

TEST_CASE("trailers go to a peer that takes them, behind a body in chunks", "[server][exchange]") {
  struct Row {
    std::string request;
    std::string length;
    bool wanted;
  };
  const auto row = GENERATE(values<Row>({{get("/", "TE: trailers\r\n"), "", true},
                                         {get("/", "TE: gzip, Trailers\r\n"), "", true},
                                         {get("/", "TE: gzip\r\n"), "", false},
                                         {get("/"), "", false},
                                         {get("/", "TE: trailers\r\n"), "3", false}}));
  RunningServer running;
  Client client = running.connect();
  client.send(row.request);
  FakeRequest& request = running.request(1);
  REQUIRE(request.begin(row.length) == SendError::None);
  REQUIRE(request.exchange->wants_trailers() == row.wanted);
  if (!row.wanted) return;
  REQUIRE(request.send("abc") == SendError::None);
  REQUIRE(request.exchange->begin_trailers() == SendError::None);
  CHECK(request.exchange->add_trailer("Content-Length", "3") == SendError::IllegalTrailer);
  REQUIRE(request.exchange->begin_trailers() == SendError::None);
  REQUIRE(request.exchange->add_trailer("X-Sum", "294") == SendError::None);
  request.exchange->end_trailers(false);
  running.expect(client,
                 "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
                 "3\r\nabc\r\n0\r\nx-sum: 294\r\n\r\n");
}
