// native/application.hpp: native handlers as the server sees them: asked before the ASGI
// application, they answer while the loop polls, at the end of the turn if they need the GIL, or
// later from any thread. No Python, no libuv.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "base/counters.hpp"
#include "native/mailbox.hpp"
#include "native/request.hpp"
#include "native/route_table.hpp"
#include "server/access_log.hpp"
#include "server/application.hpp"

namespace fasterapi::native {

class Application final : public server::Application, base::Counted<Application> {
 public:
  struct Surroundings {
    std::function<void()> wake;  // ends the loop's poll; any thread
    std::function<void(std::uint64_t)>
        call_in;            // on_time() in so many ms, in place of earlier ones
    server::EventLog& log;  // of handlers' mistakes; outlives this
  };

  Application(RouteTable routes, Surroundings surroundings);
  ~Application() override { close(); }

  bool start(server::Exchange& exchange) override;
  std::size_t run_pending(std::size_t most) override;
  [[nodiscard]] bool has_pending() const noexcept override { return !held_.empty(); }
  [[nodiscard]] std::size_t running() const noexcept override { return requests_.size(); }

  // Answers what was deferred for too long.
  void on_time();
  // Lets go of every exchange; what plug-ins still complete goes nowhere.
  void close() noexcept;

  // For requests.
  [[nodiscard]] const std::shared_ptr<Mailbox>& mailbox() const noexcept { return mailbox_; }
  void body_progressed(Request& request);
  void request_lost(Request& request) noexcept;

 private:
  [[nodiscard]] Request& take();
  void give_back(Request& request) noexcept;
  void keep(Request& request, Request::State state);
  void forget(Request& request) noexcept;

  void await_body(Request& request);
  void hold(Request& request);
  [[nodiscard]] static int call(Request& request);
  [[nodiscard]] bool run(Request& request);
  [[nodiscard]] bool finish(Request& request, int result);
  void respond(Request& request);
  void fail(Request& request, base::ByteView cause, base::ByteView detail = {}) noexcept;
  void warn(const Request& request, base::ByteView cause, base::ByteView detail = {}) noexcept;
  void begin_deferred(Request& request);
  void completed(Request& request);
  void call_by(std::uint64_t due_ms, std::uint64_t now_ms);
  void expire(Request& request) noexcept;

  static constexpr base::ByteView kFailed = "Internal Server Error";
  static constexpr base::ByteView kTooLarge = "Request body is too large.";
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  const RouteTable routes_;
  const Surroundings surroundings_;
  const std::shared_ptr<Mailbox> mailbox_;
  std::vector<Request*> requests_;  // those that are not answered at once
  std::deque<Request*> held_;       // those of them that wait for the GIL
  std::vector<Request*> spare_;
  std::size_t made_ = 0;  // requests out of the pool: there is room for all in each list
  std::uint64_t timer_due_ms_ = kNever;
};

}  // namespace fasterapi::native
