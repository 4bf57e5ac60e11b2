// tests/cpp/support/fake_application.hpp: an application without Python, whose requests a test
// answers as it likes.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "server/exchange.hpp"

namespace fasterapi::support {

// One request as its application sees it.
class FakeRequest final : public server::ExchangeObserver {
 public:
  explicit FakeRequest(server::Exchange& started)
      : exchange(&started), target(started.head().target()) {}

  // A whole response; the body is copied.
  http::SendError reply(std::string_view body, int status = 200);
  // The head alone; without a length the response is chunked.
  http::SendError begin(std::string_view length = {}, int status = 200);
  // The connection may break while something is sent: then the rest is sent to nobody.
  http::SendError send(std::string_view bytes, bool more = true) {
    return exchange ? exchange->send_body(bytes, more) : http::SendError::AlreadyComplete;
  }
  http::SendError send(base::Payload payload, bool more = true) {
    return exchange ? exchange->send_body(std::move(payload), more)
                    : http::SendError::AlreadyComplete;
  }
  // Takes the body that has arrived.
  void read_body();

  server::Exchange* exchange;  // null as soon as it is lost
  std::string target;
  std::string body;
  int progress = 0;
  int drained = 0;
  bool lost = false;

 private:
  void on_request_progress() override { ++progress; }
  void on_drained() override { ++drained; }
  void on_lost(server::Exchange&) override {
    lost = true;
    exchange = nullptr;
  }
};

class FakeApplication final : public server::Application {
 public:
  using Handler = std::function<void(FakeRequest&)>;

  bool start(server::Exchange& exchange) override;
  std::size_t run_pending(std::size_t most) override;
  [[nodiscard]] bool has_pending() const noexcept override { return started_ < requests.size(); }
  [[nodiscard]] std::size_t running() const noexcept override { return running_count; }

  [[nodiscard]] FakeRequest& last() { return *requests.back(); }

  std::deque<std::unique_ptr<FakeRequest>> requests;  // every request there was
  Handler handler;               // run once per turn for each new request; null: nobody answers
  bool answers_at_once = false;  // the handler runs within start()
  bool refuses = false;          // start() says that the request is another's
  std::size_t running_count = 0;
  std::size_t most_per_turn = 0;  // of run_pending

 private:
  std::size_t started_ = 0;  // how many of the requests the handler has seen
};

}  // namespace fasterapi::support
