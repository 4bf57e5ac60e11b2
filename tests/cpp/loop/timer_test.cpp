// tests/cpp/loop/timer_test.cpp: loop/timer.hpp.
#include "loop/timer.hpp"

#include <catch.hpp>

#include <memory>

#include "../support/running_loop.hpp"

using fasterapi::base::monotonic_ms;
using fasterapi::loop::Timer;
using fasterapi::support::RunningLoop;

TEST_CASE("a timer fires once, not before its time", "[loop][timer]") {
  RunningLoop loop;
  int fired = 0;
  Timer timer([&] { ++fired; });
  REQUIRE(timer.open(loop).ok());
  CHECK_FALSE(timer.active());
  const auto begun = monotonic_ms();
  timer.start(20);
  CHECK(timer.active());
  loop.run_until([&] { return fired > 0; });
  CHECK(monotonic_ms() - begun >= 19);  // libuv counts whole milliseconds
  CHECK_FALSE(timer.active());
  loop.turn();
  CHECK(fired == 1);
}

TEST_CASE("a timer of no time fires in the next turn", "[loop][timer]") {
  RunningLoop loop;
  bool fired = false;
  Timer timer([&] { fired = true; });
  REQUIRE(timer.open(loop).ok());
  timer.start(0);
  loop.turn();
  CHECK(fired);
}

TEST_CASE("a stopped timer does not fire", "[loop][timer]") {
  RunningLoop loop;
  bool stopped_fired = false;
  bool other_fired = false;
  Timer stopped([&] { stopped_fired = true; });
  Timer other([&] { other_fired = true; });
  REQUIRE(stopped.open(loop).ok());
  REQUIRE(other.open(loop).ok());
  stopped.start(1);
  stopped.stop();
  other.start(3);
  loop.run_until([&] { return other_fired; });
  CHECK_FALSE(stopped_fired);
}

TEST_CASE("starting a timer again replaces the first start", "[loop][timer]") {
  RunningLoop loop;
  int fired = 0;
  Timer timer([&] { ++fired; });
  REQUIRE(timer.open(loop).ok());
  timer.start(1000000);
  timer.start(1);
  loop.run_until([&] { return fired > 0; });
  loop.turn();
  CHECK(fired == 1);
}

TEST_CASE("a timer may start itself anew", "[loop][timer]") {
  RunningLoop loop;
  int fired = 0;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>([&] {
    if (++fired < 3) timer->start(1);
  });
  REQUIRE(timer->open(loop).ok());
  timer->start(1);
  loop.run_until([&] { return fired == 3; });
}

TEST_CASE("a timer may be destroyed in its own callback", "[loop][timer]") {
  RunningLoop loop;
  bool fired = false;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>([&] {
    fired = true;
    timer.reset();
  });
  REQUIRE(timer->open(loop).ok());
  timer->start(0);
  loop.run_until([&] { return fired; });
  CHECK(timer == nullptr);
}

TEST_CASE("a timer that was never opened may be stopped and closed", "[loop][timer]") {
  Timer timer([] {});
  timer.stop();
  timer.close();
  CHECK_FALSE(timer.active());
}
