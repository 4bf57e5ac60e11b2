// tests/fuzz/server_fuzz/application.hpp: an application that answers as the fuzzer says, and
// remembers what it has answered.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "server/exchange.hpp"

namespace fasterapi::fuzz {

enum class Mode : unsigned {
  AtOnce,    // within start()
  Turn,      // at the end of the turn
  Chunks,    // three pieces without a length
  Hold,      // not before release()
  Echo,      // the request's body, when it is complete
  Continue,  // the same, asked for by 100 Continue
  Flow,      // many pieces, none while the peer is slow
  Large,     // by reference
  AbortEarly,
  AbortLate,  // in the midst of the body
  Refuse,
  TooLong,
  TooShort,
  BadHead,  // an illegal field, then another head
  NoBody,   // 204
  NotMine,
  Hints,     // 103 before the head
  File,      // in chunks
  LongFile,  // with a length, shorter than the file
  Trailers,
  kCount
};

// What was answered to one request.
struct Answer {
  std::size_t id = 0;
  int port = 0;
  bool is_head = false;
  int status = 0;          // 0: no head was sent
  std::string body;        // as far as it was sent
  bool whole = false;      // the application has said all
  bool lost = false;       // the connection was gone first
  bool by_server = false;  // the server was asked to answer
  bool continued = false;
  bool hinted = false;
};

class Application final : public server::Application {
 public:
  Application();
  ~Application() override;

  bool start(server::Exchange& exchange) override;
  std::size_t run_pending(std::size_t most) override;
  [[nodiscard]] bool has_pending() const noexcept override { return !pending_.empty(); }
  [[nodiscard]] std::size_t running() const noexcept override { return 0; }

  // What is held is answered.
  void release();
  [[nodiscard]] const std::deque<Answer>& answers() const noexcept { return answers_; }
  [[nodiscard]] std::size_t held_bytes() const;

  Mode mode = Mode::Turn;

 private:
  class Request;

  std::deque<Answer> answers_;
  std::vector<std::unique_ptr<Request>> requests_;
  std::deque<Request*> pending_;
};

}  // namespace fasterapi::fuzz
