// tests/fuzz/server_fuzz/application.cpp: see application.hpp.
#include "application.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace fasterapi::fuzz {

using http::SendError;

class Application::Request final : public server::ExchangeObserver {
 public:
  Request(server::Exchange& exchange, Mode mode, Answer& answer)
      : exchange_(&exchange), mode_(mode), answer_(answer) {
    exchange.observe(this);
  }

  [[nodiscard]] bool open() const noexcept { return exchange_ != nullptr; }
  void release() {
    if (mode_ != Mode::Hold) return;
    mode_ = Mode::Turn;
    act();
  }
  // To be called again whenever something has happened.
  void act();
  bool stirred = false;

 private:
  void on_request_progress() override { stirred = true; }
  void on_drained() override { stirred = true; }
  void on_lost(server::Exchange&) override {
    exchange_ = nullptr;
    answer_.lost = true;
  }

  bool begin(const std::string& length, int status = 200);
  void send(base::ByteView bytes, bool more);
  void send_large();
  void send_chunks();
  void send_too_much();
  void reply_anew();
  void break_off_late();
  void send_file(const std::string& length);
  void send_hints();
  void send_trailers();
  void reply(base::ByteView body, int status = 200) {
    if (begin(std::to_string(body.size()), status)) send(body, false);
  }
  void echo();
  void flow();
  void break_off();
  void give_to_server();
  void sent(SendError error, base::ByteView bytes, bool more);

  server::Exchange* exchange_;  // null when it must not be used any more
  Mode mode_;
  Answer& answer_;
  std::string received_;
  int pieces_ = 0;
};

bool Application::Request::begin(const std::string& length, int status) {
  if (!exchange_) return false;
  bool ok = exchange_->begin_head(status) == SendError::None &&
            exchange_->add_field("X-Id", std::to_string(answer_.id)) == SendError::None;
  if (ok && !length.empty()) ok = exchange_->add_field("content-length", length) == SendError::None;
  answer_.status = status;
  ok = ok && exchange_->end_head() == SendError::None;
  if (!ok) std::abort();
  return exchange_ != nullptr;  // the head may have met a broken connection
}

void Application::Request::sent(SendError error, base::ByteView bytes, bool more) {
  answer_.body += bytes;
  answer_.whole = !more && error != SendError::BodyTooShort;
  if (!more || error != SendError::None) exchange_ = nullptr;
}

void Application::Request::send(base::ByteView bytes, bool more) {
  // What it makes of a connection that breaks meanwhile is heard from on_lost().
  server::Exchange* const exchange = exchange_;
  if (exchange) sent(exchange->send_body(bytes, more), bytes, more);
}

void Application::Request::send_chunks() {
  if (!begin({})) return;
  send("ab", true);
  send("", true);
  send("c", false);
}

void Application::Request::send_too_much() {
  if (!begin("3")) return;
  const SendError error = exchange_->send_body("abcdef", false);
  sent(error, "abc", false);
}

void Application::Request::reply_anew() {
  if (exchange_->begin_head(200) != SendError::None ||
      exchange_->add_field("bad name", "x") != SendError::IllegalFieldName) {
    std::abort();
  }
  reply("second", 500);
}

void Application::Request::break_off_late() {
  begin("100");
  send("part", true);
  if (exchange_) break_off();
}

void Application::Request::send_large() {
  const std::string bytes(20'000, 'L');
  if (!begin({})) return;
  const SendError error = exchange_->send_body(base::Payload::of_string(bytes), false);
  sent(error, bytes, false);
}

// Of 200000 bytes, which are in memory alone.
const std::string& file_path() {
  static const std::string path = [] {
    const int fd = memfd_create("fuzz", 0);
    const std::string bytes(200'000, 'F');
    if (fd < 0 || write(fd, bytes.data(), bytes.size()) != 200'000) std::abort();
    return "/proc/self/fd/" + std::to_string(fd);
  }();
  return path;
}

void Application::Request::send_file(const std::string& length) {
  if (!begin(length)) return;
  if (exchange_->open_file(file_path()) != 0) std::abort();
  server::Exchange* const exchange = std::exchange(exchange_, nullptr);
  answer_.body.assign(length.empty() ? 200'000 : std::stoul(length), 'F');
  answer_.whole = true;
  const SendError error = exchange->send_file();
  const bool fits = length.empty() || answer_.is_head;
  if (error != (fits ? SendError::None : SendError::BodyTooLong)) std::abort();
}

void Application::Request::send_hints() {
  answer_.hinted = true;
  if (exchange_->begin_informational(103) != SendError::None ||
      exchange_->add_informational_field("link", "x") != SendError::None) {
    std::abort();
  }
  exchange_->end_informational();
  if (exchange_) reply("hinted");
}

void Application::Request::send_trailers() {
  const bool wanted = exchange_->wants_trailers();
  if (!begin({})) return;
  send("abc", true);
  if (!exchange_) return;
  if (!wanted || !exchange_->wants_trailers()) return send("d", false);
  if (exchange_->begin_trailers() != SendError::None ||
      exchange_->add_trailer("x-trailer", "x") != SendError::None) {
    std::abort();
  }
  answer_.whole = true;
  std::exchange(exchange_, nullptr)->end_trailers(false);
}

void Application::Request::echo() {
  received_ += exchange_->body();
  exchange_->consume_body();
  if (exchange_->request_complete()) return reply(std::exchange(received_, {}));
  if (exchange_->peer_closed()) break_off();
}

void Application::Request::flow() {
  constexpr int kPieces = 30;
  if (pieces_ == 0 && !begin({})) return;
  while (exchange_ && pieces_ < kPieces && !exchange_->must_wait())
    send(std::string(700, 'f'), ++pieces_ < kPieces);
}

void Application::Request::break_off() { std::exchange(exchange_, nullptr)->abort(); }

void Application::Request::give_to_server() {
  answer_.by_server = true;
  std::exchange(exchange_, nullptr)->refuse(500, "Internal Server Error");
}

void Application::Request::act() {
  stirred = false;
  if (!exchange_) return;
  switch (mode_) {
    case Mode::AtOnce:
    case Mode::Turn:
      return reply("hello");
    case Mode::Chunks:
      return send_chunks();
    case Mode::Hold:
    case Mode::NotMine:
    case Mode::kCount:
      return;
    case Mode::Continue:
      if (!std::exchange(answer_.continued, true)) exchange_->send_continue();
      return echo();
    case Mode::Echo:
      return echo();
    case Mode::Flow:
      return flow();
    case Mode::Large:
      return send_large();
    case Mode::AbortEarly:
      return break_off();
    case Mode::AbortLate:
      return break_off_late();
    case Mode::Refuse:
      return give_to_server();
    case Mode::TooLong:
      return send_too_much();
    case Mode::TooShort:
      begin("30");
      return send("abc", false);
    case Mode::BadHead:
      return reply_anew();
    case Mode::NoBody:
      begin({}, 204);
      return send("dropped", false);
    case Mode::Hints:
      return send_hints();
    case Mode::File:
      return send_file({});
    case Mode::LongFile:
      return send_file("100000");
    case Mode::Trailers:
      return send_trailers();
  }
}

Application::Application() = default;
Application::~Application() = default;

bool Application::start(server::Exchange& exchange) {
  if (mode == Mode::NotMine) return false;
  Answer& answer = answers_.emplace_back();
  answer.id = answers_.size();
  answer.port = exchange.peer().port;
  answer.is_head = exchange.head().is_head();
  requests_.push_back(std::make_unique<Request>(exchange, mode, answer));
  if (mode == Mode::AtOnce) {
    requests_.back()->act();
  } else {
    pending_.push_back(requests_.back().get());
  }
  return true;
}

std::size_t Application::run_pending(std::size_t most) {
  for (std::size_t index = 0; index < requests_.size(); ++index) {
    const bool waits =
        std::find(pending_.begin(), pending_.end(), requests_[index].get()) != pending_.end();
    if (requests_[index]->stirred && !waits) requests_[index]->act();
  }
  std::size_t started = 0;
  for (; started < most && !pending_.empty(); ++started) {
    Request* const request = pending_.front();
    pending_.pop_front();
    request->act();
  }
  std::erase_if(requests_, [&](const auto& request) {
    return !request->open() &&
           std::find(pending_.begin(), pending_.end(), request.get()) == pending_.end();
  });
  return started;
}

void Application::release() {
  for (const auto& request : requests_) {
    if (std::find(pending_.begin(), pending_.end(), request.get()) == pending_.end())
      request->release();
  }
}

std::size_t Application::held_bytes() const {
  std::size_t bytes = answers_.size() * 2 * sizeof(Answer);
  for (const Answer& answer : answers_) bytes += answer.body.capacity();
  return bytes;
}

}  // namespace fasterapi::fuzz
