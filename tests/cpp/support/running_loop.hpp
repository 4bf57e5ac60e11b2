// tests/cpp/support/running_loop.hpp: a loop that a test turns by hand until what it waits for has
// come.
#pragma once

#include <poll.h>

#include <catch.hpp>

#include <algorithm>

#include "base/clock.hpp"
#include "loop/loop.hpp"

namespace fasterapi::support {

class RunningLoop {
 public:
  static constexpr std::uint64_t kPatienceMs = 10000;

  RunningLoop() { REQUIRE(loop_.open().ok()); }

  operator loop::Loop&() noexcept { return loop_; }  // NOLINT: stands for its loop
  loop::Loop* operator->() noexcept { return &loop_; }

  // One turn that does not wait.
  void turn() {
    loop_.poll(false);
    loop_.end_turn();
  }

  // Turns until the condition holds; fails the test if it never does.
  template <class Condition>
  void run_until(Condition&& condition) {
    run_until(condition, [this] { turn(); });
  }
  // The same with turns of the test's own.
  template <class Condition, class Turn>
  void run_until(Condition&& condition, Turn&& make_turn) {
    const std::uint64_t deadline = base::monotonic_ms() + kPatienceMs;
    while (true) {
      make_turn();
      if (condition()) return;
      if (base::monotonic_ms() > deadline) FAIL("what the test waits for did not come");
      await_event();
    }
  }

 private:
  // Until something happens on the loop; the test's own sockets are not among it, hence not for
  // long.
  void await_event() {
    constexpr int kShortMs = 5;
    const int timeout_ms = uv_backend_timeout(loop_.uv());
    pollfd backend{uv_backend_fd(loop_.uv()), POLLIN, 0};
    if (!loop_.has_work())
      ::poll(&backend, 1, timeout_ms < 0 ? kShortMs : std::min(timeout_ms, kShortMs));
  }

  loop::Loop loop_;
};

}  // namespace fasterapi::support
