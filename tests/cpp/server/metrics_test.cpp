// tests/cpp/server/metrics_test.cpp: server/metrics.hpp: what is counted, and how it is said.
#include "server/metrics.hpp"

#include <catch.hpp>

#include <string>
#include <utility>

#include "../support/running_server.hpp"

using namespace fasterapi::support;
using fasterapi::server::Histogram;
using fasterapi::server::Metrics;
using fasterapi::server::Options;

namespace {

Options counting_options() {
  Options options = RunningServer::plain_options();
  options.probe_paths = {"/live", "", "/metrics"};
  options.counts = true;
  options.worker = "7";
  return options;
}

const std::string kWorker = "worker=\"7\"";

// The value behind a series of a server; "" if it is not there.
std::string value_in(const std::string& text, const std::string& name,
                     const std::string& label = {}) {
  const std::string series = "\nfasterapi_" + name + "{" + kWorker + label + "} ";
  const std::size_t at = text.find(series);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + series.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

struct CountingServer : RunningServer {
  explicit CountingServer(Options options = counting_options())
      : RunningServer(std::move(options)) {}

  [[nodiscard]] std::string value(const std::string& name, const std::string& label = {}) const {
    return value_in(server.metrics_text(), name, label);
  }
  [[nodiscard]] std::string count_of(int status) const {
    return value("requests_total", ",status=\"" + std::to_string(status) + "\"");
  }
};

}  // namespace

TEST_CASE("a time is counted in every bucket that it fits", "[server][metrics]") {
  Histogram times;
  for (const std::uint64_t ns : {0U, 100'000U, 100'001U, 3'000'000U}) times.observe(ns);
  times.observe(10'000'000'001);
  std::string text;
  times.write(text, "t", "a=\"b\"");
  CHECK(text ==
        "t_bucket{a=\"b\",le=\"0.0001\"} 2\n"
        "t_bucket{a=\"b\",le=\"0.00025\"} 3\n"
        "t_bucket{a=\"b\",le=\"0.0005\"} 3\n"
        "t_bucket{a=\"b\",le=\"0.001\"} 3\n"
        "t_bucket{a=\"b\",le=\"0.0025\"} 3\n"
        "t_bucket{a=\"b\",le=\"0.005\"} 4\n"
        "t_bucket{a=\"b\",le=\"0.01\"} 4\n"
        "t_bucket{a=\"b\",le=\"0.025\"} 4\n"
        "t_bucket{a=\"b\",le=\"0.05\"} 4\n"
        "t_bucket{a=\"b\",le=\"0.1\"} 4\n"
        "t_bucket{a=\"b\",le=\"0.25\"} 4\n"
        "t_bucket{a=\"b\",le=\"0.5\"} 4\n"
        "t_bucket{a=\"b\",le=\"1\"} 4\n"
        "t_bucket{a=\"b\",le=\"2.5\"} 4\n"
        "t_bucket{a=\"b\",le=\"5\"} 4\n"
        "t_bucket{a=\"b\",le=\"10\"} 4\n"
        "t_bucket{a=\"b\",le=\"+Inf\"} 5\n"
        "t_sum{a=\"b\"} 10.003200002\n"
        "t_count{a=\"b\"} 5\n");
}

TEST_CASE("every series has a head, and the worker as a label", "[server][metrics]") {
  Metrics metrics("7");
  metrics.response(99);  // there is no such status
  metrics.response(599);
  std::string text;
  metrics.write(text, {1, 2, 30, 40});
  CHECK(
      text.starts_with("# HELP fasterapi_requests_total Requests answered, by status.\n"
                       "# TYPE fasterapi_requests_total counter\n"
                       "fasterapi_requests_total{" +
                       kWorker + ",status=\"599\"} 1\n# HELP "));
  CHECK(value_in(text, "connections") == "1");
  CHECK(value_in(text, "requests_in_flight") == "2");
  CHECK(value_in(text, "received_bytes_total") == "30");
  CHECK(value_in(text, "sent_bytes_total") == "40");
  CHECK(text.ends_with("\n"));
  for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end + 1) {
    end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    const std::string head = line.starts_with("# ") ? line.substr(7) : line;
    CHECK(head.starts_with("fasterapi_"));
    CHECK((line.starts_with("# ") || line.find("{" + kWorker) != std::string::npos));
  }
}

TEST_CASE("without a metrics path nothing is counted", "[server][metrics]") {
  RunningServer running;
  running.loop.turn();
  CHECK(running.server.metrics() == nullptr);
  CHECK(running.loop->poll_ended_ns() == 0);
}

TEST_CASE("requests are counted by status, probes are not", "[server][metrics]") {
  CountingServer running;
  running.application.handler = [](FakeRequest& request) {
    request.reply("", request.target == "/missing" ? 404 : 200);
  };
  Client client = running.connect();
  client.send(get("/live") + get("/a") + get("/missing") + get("/metrics") + get("/b"));
  running.loop.run_until([&] { return running.server.response_count() == 5; });
  CHECK(running.count_of(200) == "2");
  CHECK(running.count_of(404) == "1");
  CHECK(running.value("request_duration_seconds_count") == "3");
  CHECK(running.value("requests_aborted_total") == "0");
}

TEST_CASE("refusals are counted by their status, too", "[server][metrics]") {
  Options options = counting_options();
  options.concurrency = 1;
  options.limits.body_bytes = 4;
  CountingServer running(std::move(options));
  const auto answer = [&](const std::string& request) {
    Client client = running.connect();
    client.send(request);
    client.shut_down_writing();
    running.expect_no_connection();
  };
  answer(get("/"));
  answer("GET\r\n\r\n");
  CHECK(running.count_of(503) == "1");
  CHECK(running.count_of(400) == "1");
  CHECK(running.value("request_duration_seconds_count") == "1");  // the other had no whole head
  CHECK(running.value("requests_in_flight") == "0");
}

TEST_CASE("a body that is refused ends its request", "[server][metrics]") {
  Options options = counting_options();
  options.limits.body_bytes = 4;
  CountingServer running(std::move(options));
  Client client = running.connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  running.request(1);
  CHECK(running.value("requests_in_flight") == "1");
  client.send("5\r\nhello\r\n");
  running.loop.run_until([&] { return running.count_of(413) == "1"; });
  CHECK(running.value("requests_in_flight") == "0");
  CHECK(running.value("request_duration_seconds_count") == "1");
}

TEST_CASE("a request without a whole response is aborted, once", "[server][metrics]") {
  CountingServer running;
  Client gone = running.connect();
  gone.send(get("/"));
  running.request(1);
  gone.abort();
  running.expect_no_connection();
  CHECK(running.value("requests_aborted_total") == "1");
  Client cut = running.connect();
  cut.send(get("/"));
  running.request(2).begin("5");
  running.request(2).exchange->abort();
  running.expect_no_connection();
  CHECK(running.value("requests_aborted_total") == "2");
  CHECK(running.value("request_duration_seconds_count") == "0");
  CHECK(running.value("requests_in_flight") == "0");
}

TEST_CASE("the time until the application starts is counted when it says so", "[server][metrics]") {
  CountingServer running;
  Client client = running.connect();
  client.send(get("/"));
  FakeRequest& request = running.request(1);
  CHECK(running.value("queue_delay_seconds_count") == "0");
  request.exchange->note_start();
  CHECK(running.value("queue_delay_seconds_count") == "1");
}

TEST_CASE("connections and their bytes are counted while they last and behind their end",
          "[server][metrics]") {
  CountingServer running;
  running.application.handler = [](FakeRequest& request) { request.reply("x"); };
  const std::string received = std::to_string(get("/").size());
  const std::string sent = std::to_string(response("x").size());
  {
    Client client = running.connect();
    client.send(get("/"));
    running.expect(client, response("x"));
    CHECK(running.value("connections") == "1");
    CHECK(running.value("received_bytes_total") == received);
    CHECK(running.value("sent_bytes_total") == sent);
  }
  running.expect_no_connection();
  CHECK(running.value("connections") == "0");
  CHECK(running.value("connections_total") == "1");
  CHECK(running.value("received_bytes_total") == received);
  CHECK(running.value("sent_bytes_total") == sent);
}

TEST_CASE("every turn counts once", "[server][metrics]") {
  CountingServer running;
  running.loop.turn();  // its end is where the next one begins
  const int before = std::stoi(running.value("loop_lag_seconds_count"));
  for (int turn = 0; turn < 5; ++turn) running.loop.turn();
  CHECK(std::stoi(running.value("loop_lag_seconds_count")) == before + 5);
  running.loop->flush();  // as a guest does at the end of its turn
  running.loop->flush();
  CHECK(std::stoi(running.value("loop_lag_seconds_count")) == before + 6);
}
