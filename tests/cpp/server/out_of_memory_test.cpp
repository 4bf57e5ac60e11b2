// tests/cpp/server/out_of_memory_test.cpp: the n-th allocation of a scenario fails, for every n:
// the connection is answered, refused or closed, and the next one is served.
#include <catch.hpp>

#include <functional>
#include <new>
#include <string>
#include <vector>

#include "../support/allocations.hpp"
#include "../support/running_server.hpp"
#include "../support/temporary_file.hpp"

using namespace fasterapi::support;
using fasterapi::base::Payload;
using fasterapi::server::Options;

namespace {

struct Scenario {
  const char* name;
  std::string bytes;     // what the peer sends, all at once
  std::string expected;  // what it receives where no allocation fails
  FakeApplication::Handler handler = [](FakeRequest& request) { request.reply(request.target); };
  bool answers_at_once = false;
  bool refuses = false;  // nobody takes the request
  std::size_t concurrency = SIZE_MAX;
  bool accepts = false;  // memory may fail as soon as the connection is accepted
};

struct Recorded final : fasterapi::server::AccessLog {
  std::string lines;
  void record(const fasterapi::server::AccessRecord& record) override {
    lines.append(record.client).append(record.path).append("\n");
  }
};

// As asgi does: an application that runs out of memory is answered by 500, or cut off.
FakeApplication::Handler guarded(FakeApplication::Handler handler) {
  return [handler = std::move(handler)](FakeRequest& request) {
    try {
      handler(request);
    } catch (const std::bad_alloc&) {
      if (!request.exchange) return;  // it has been told that the connection is given up
      if (request.exchange->head_sent()) {
        request.exchange->abort();
      } else {
        request.exchange->refuse(500, "Internal Server Error");
      }
    }
  };
}

std::string chunked_response(std::string_view body) {
  return "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + std::string(body);
}

std::string last_reply(std::string_view status, std::string_view text) {
  return "HTTP/1.1 " + std::string(status) +
         "\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: " +
         std::to_string(text.size()) + "\r\nconnection: close\r\n\r\n" + std::string(text);
}

void stream(FakeRequest& request) {
  request.begin();
  request.send("abc");
  request.send(Payload::of_string(std::string(3, 'x')), true);
  request.send("def", false);
}

void reply_large(FakeRequest& request) {
  request.begin("3000000");
  request.send(Payload::of_string(std::string(1500000, 'x')), true);
  request.send(Payload::of_string(std::string(1500000, 'x')), false);
}

void echo(FakeRequest& request) {
  request.read_body();
  request.reply(request.body);
}

// Several segments, so that more is on its way than one string.
void reply_in_pieces(FakeRequest& request) {
  request.begin("12");
  for (int count = 0; count < 4; ++count) {
    request.send("a");
    request.send(Payload::of_string("bc"), count < 3);
  }
}

// Of a file of many pieces, which is there for all scenarios.
const TemporaryFile& large_file() {
  static const TemporaryFile made(std::string(1000000, 'f'));
  return made;
}

void send_file(FakeRequest& request, const std::string& length) {
  request.begin(length);
  if (request.exchange && request.exchange->open_file(large_file().path()) == 0)
    (void)request.exchange->send_file();
}

void send_hints(FakeRequest& request) {
  (void)request.exchange->begin_informational(103);
  (void)request.exchange->add_informational_field("link", std::string(100, 'l'));
  request.exchange->end_informational();
  request.reply("/");
}

void send_trailers(FakeRequest& request) {
  request.begin();
  request.send("abc");
  (void)request.exchange->begin_trailers();
  (void)request.exchange->add_trailer("x", std::string(100, 'x'));
  request.exchange->end_trailers(false);
}

std::vector<Scenario> extension_scenarios() {
  return {
      {"a file", get("/") + get("/"),
       response(std::string(1000000, 'f')) + response(std::string(1000000, 'f')),
       [](FakeRequest& request) { send_file(request, "1000000"); }},
      {"a file in a chunk", get("/"),
       chunked_response("f4240\r\n" + std::string(1000000, 'f') + "\r\n0\r\n\r\n"),
       [](FakeRequest& request) { send_file(request, {}); }},
      {"early hints", get("/"),
       "HTTP/1.1 103 \r\nlink: " + std::string(100, 'l') + "\r\n\r\n" + response("/"), send_hints},
      {"trailers", get("/", "TE: trailers\r\n"),
       chunked_response("3\r\nabc\r\n0\r\nx: " + std::string(100, 'x') + "\r\n\r\n"),
       send_trailers}};
}

std::vector<Scenario> scenarios() {
  const std::string long_field = "X: " + std::string(3000, 'x') + "\r\n";
  return {
      {.name = "a connection and its request",
       .bytes = get("/"),
       .expected = response("/"),
       .accepts = true},
      {"a request with long fields", get("/", long_field + long_field), response("/")},
      {"requests in a row", get("/1") + get("/2") + get("/3"),
       response("/1") + response("/2") + response("/3")},
      {"requests that are answered at once", get("/1") + get("/2") + get("/3"),
       response("/1") + response("/2") + response("/3"),
       [](FakeRequest& request) { request.reply(request.target); }, true},
      {"a body",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n" + std::string(2000, 'x'),
       response(std::string(2000, 'x')), echo},
      {"a chunked body",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
       "3\r\nabc\r\n40\r\n" +
           std::string(64, 'x') + "\r\n0\r\n\r\n" + get("/"),
       response("abc" + std::string(64, 'x')) + response(""), echo},
      {"a streamed response", get("/") + get("/"),
       chunked_response("3\r\nabc\r\n3\r\nxxx\r\n3\r\ndef\r\n0\r\n\r\n") +
           chunked_response("3\r\nabc\r\n3\r\nxxx\r\n3\r\ndef\r\n0\r\n\r\n"),
       stream},
      {"a response in pieces", get("/") + get("/"),
       response("abcabcabcabc") + response("abcabcabcabc"), reply_in_pieces},
      {"a response larger than what the kernel takes", get("/"),
       response(std::string(3000000, 'x')), reply_large},
      {"a mistake of the peer behind a request", get("/") + "BAD\r\n\r\n",
       response("/") + last_reply("400 Bad Request", "Invalid HTTP request received.")},
      {"a body that is asked for",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
       "HTTP/1.1 100 Continue\r\n\r\n" + response("abc"),
       [](FakeRequest& request) {
         request.exchange->send_continue();
         echo(request);
       }},
      {.name = "a request that nobody takes",
       .bytes = get("/a%20path?query") + get("/never"),
       .expected = last_reply("500 Internal Server Error", "Internal Server Error"),
       .refuses = true},
      {.name = "a request too many",
       .bytes = get("/", "Connection: upgrade\r\nUpgrade: x\r\n") + get("/never"),
       .expected = last_reply("503 Service Unavailable", "Service Unavailable"),
       .concurrency = 1},
      {"a request that closes", get("/", "Connection: close\r\n") + get("/never"),
       response("/", kClose)},
  };
}

// The refusals that a lack of memory may bring where the rest of the answer would stand.
bool is_refusal(std::string_view text) {
  return text.starts_with("HTTP/1.1 500 ") || text.starts_with("HTTP/1.1 400 ");
}

// Whether the peer got a part of what was promised, up to where memory failed.
bool is_honest(const std::string& received, const std::string& expected) {
  if (expected.starts_with(received)) return true;
  const auto differs =
      std::mismatch(received.begin(), received.end(), expected.begin(), expected.end()).first;
  const auto last = std::string_view(received).rfind("HTTP/1.1 ");
  return last <= static_cast<std::size_t>(differs - received.begin()) &&
         is_refusal(std::string_view(received).substr(last));
}

// Turns, of which allocations fail. Memory that the test itself needs is not counted.
class FailingTurns {
 public:
  FailingTurns(std::size_t successes, std::size_t failures)
      : successes_(successes), failures_(failures) {}

  void turn(RunningServer& running) {
    if (failed_) return running.loop.turn();
    FailingAllocations failing(successes_, failures_);
    running.loop.turn();
    failed_ = failing.end();
    successes_ = failing.unused();
  }
  [[nodiscard]] bool failed() const noexcept { return failed_; }

 private:
  std::size_t successes_;
  std::size_t failures_;
  bool failed_ = false;
};

// Plays the scenario; false as soon as no allocation of it fails any more.
bool play(const Scenario& scenario, std::size_t successes, std::size_t failures) {
  Options options = RunningServer::plain_options();
  options.concurrency = scenario.concurrency;
  Recorded access_log;
  RunningServer running(std::move(options));
  running.server.set_access_log(&access_log);
  running.application.answers_at_once = scenario.answers_at_once;
  running.application.refuses = scenario.refuses;
  running.application.handler = guarded(scenario.handler);
  // A listener without memory rests: one scenario shows it.
  Client client = scenario.accepts ? Client(running.socket) : running.connect();
  client.send(scenario.bytes);
  FailingTurns turns(successes, failures);
  const auto over = [&] {
    client.receive();
    return client.text().size() >= scenario.expected.size() || client.at_end() || client.reset();
  };
  running.loop.run_until(over, [&] { turns.turn(running); });
  INFO(scenario.name << ", allocation " << successes << ": " << readable(client.text()));
  CHECK(is_honest(client.text(), scenario.expected));
  if (!turns.failed()) CHECK((client.text() == scenario.expected));

  client.close();
  running.expect_no_connection();
  running.application.refuses = false;
  running.application.handler = [](FakeRequest& request) { request.reply("next"); };
  Client next = running.connect();
  next.send(get("/next", "Connection: close\r\n"));
  running.expect(next, scenario.concurrency == 1
                           ? last_reply("503 Service Unavailable", "Service Unavailable")
                           : response("next", kClose));
  return turns.failed();
}

}  // namespace

TEST_CASE("whichever allocation fails, the server serves the next connection", "[server][memory]") {
  const std::size_t failures = GENERATE(1, SIZE_MAX);
  const bool extensions = GENERATE(false, true);
  for (const Scenario& scenario : extensions ? extension_scenarios() : scenarios()) {
    std::size_t successes = 0;
    while (play(scenario, successes, failures)) ++successes;
    CHECK(successes > 3);
  }
}
