// tests/cpp/loop/loop_test.cpp: loop/loop.hpp.
#include "loop/loop.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <catch.hpp>

#include <string>
#include <thread>

#include "../support/running_loop.hpp"
#include "base/clock.hpp"
#include "base/limits.hpp"
#include "loop/fd_events.hpp"
#include "loop/timer.hpp"

namespace base = fasterapi::base;
using fasterapi::loop::FdEvents;
using fasterapi::loop::Loop;
using fasterapi::loop::Timer;
using fasterapi::loop::TurnDriver;
using fasterapi::loop::TurnObserver;
using fasterapi::support::RunningLoop;

namespace {

struct Observer final : TurnObserver {
  std::string calls;
  int work = 0;
  Timer timer{[this] { calls += 't'; }};

  void flush() override { calls += 'f'; }
  bool run_turn() override {
    calls += 'r';
    return work-- > 0;
  }
  void loop_closing() override {
    calls += 'c';
    timer.close();
  }
};

}  // namespace

TEST_CASE("a loop that was not opened can be closed", "[loop]") {
  Loop loop;
  CHECK_FALSE(loop.is_open());
  loop.close();
}

TEST_CASE("a closed loop may be closed again", "[loop]") {
  RunningLoop loop;
  loop->close();
  CHECK_FALSE(loop->is_open());
  loop->close();
}

TEST_CASE("a turn flushes, polls and then runs", "[loop]") {
  RunningLoop loop;
  Observer observer;
  REQUIRE(observer.timer.open(loop).ok());
  loop->add_observer(observer);
  observer.timer.start(0);
  loop.turn();
  CHECK(observer.calls == "ftr");
  loop->remove_observer(observer);
  loop.turn();
  CHECK(observer.calls == "ftr");
  observer.timer.close();
}

TEST_CASE("a poll does not wait while work is left", "[loop]") {
  RunningLoop loop;
  Observer observer;
  loop->add_observer(observer);
  observer.work = 2;
  loop->end_turn();
  CHECK(loop->has_work());
  loop->poll(true);  // would wait for ever
  loop->end_turn();
  CHECK(loop->has_work());
  loop->poll(true);
  loop->end_turn();
  CHECK_FALSE(loop->has_work());
  loop->remove_observer(observer);
}

TEST_CASE("one observer's work keeps the loop from waiting, whatever the others say", "[loop]") {
  RunningLoop loop;
  Observer busy;
  Observer idle;
  loop->add_observer(busy);
  loop->add_observer(idle);
  busy.work = 1;
  loop->end_turn();
  CHECK(loop->has_work());
  loop->remove_observer(busy);
  loop->remove_observer(idle);
}

TEST_CASE("a waiting poll is ended from another thread", "[loop]") {
  RunningLoop loop;
  std::thread other([&] { loop->wake(); });
  loop->poll(true);
  other.join();
}

TEST_CASE("a wake that comes before the poll is not lost", "[loop]") {
  RunningLoop loop;
  loop->wake();
  loop->wake();
  loop->poll(true);
}

TEST_CASE("a loop that a child process closes goes on in its parent", "[loop]") {
  RunningLoop loop;
  FdEvents events;
  REQUIRE(events.open(loop).ok());
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  REQUIRE(events.watch(pipe_ends[0], 0, EPOLLIN).ok());
  loop.turn();  // the kernel hears of the descriptors
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    loop->leave_parent();
    events.close();
    loop->close();
    _exit(loop->is_open() ? 1 : 0);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  REQUIRE(write(pipe_ends[1], "x", 1) == 1);
  loop.run_until([&] { return events.take().size() == 1; });
  events.close();
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

TEST_CASE("who leaves work has the driver asked for a turn", "[loop]") {
  struct Driver final : TurnDriver {
    int asked = 0;
    void turn_wanted() noexcept override { ++asked; }
  };
  RunningLoop loop;
  loop->want_turn();  // nobody drives it: turns come by themselves
  Driver driver;
  loop->set_driver(&driver);
  loop->want_turn();
  CHECK(driver.asked == 1);
  loop->set_driver(nullptr);
}

TEST_CASE("flushing alone does not poll", "[loop]") {
  RunningLoop loop;
  Observer observer;
  REQUIRE(observer.timer.open(loop).ok());
  loop->add_observer(observer);
  observer.timer.start(0);
  loop->flush();
  CHECK(observer.calls == "f");
  loop->close();
}

TEST_CASE("a loop tells when it is to be polled", "[loop]") {
  RunningLoop loop;
  CHECK(loop->backend_fd() >= 0);
  CHECK(loop->timeout_ms() == 0);  // the kernel does not know of the wake-up yet
  loop.turn();
  CHECK(loop->timeout_ms() == -1);
  Timer timer([] {});
  REQUIRE(timer.open(loop).ok());
  timer.start(1000000);
  CHECK(loop->timeout_ms() == 1000000);
  const std::uint64_t before = loop->now_ms();
  loop->update_time();
  CHECK(loop->now_ms() >= before);
  timer.close();
  CHECK(loop->timeout_ms() == 0);  // it is to be freed
  loop.turn();
  CHECK(loop->timeout_ms() == -1);
}

TEST_CASE("closing a loop has its observers give up their handles", "[loop]") {
  Observer observer;
  {
    RunningLoop loop;
    REQUIRE(observer.timer.open(loop).ok());
    observer.timer.start(1000000);
    loop->add_observer(observer);
    loop->close();
  }
  CHECK(observer.calls == "c");
}

TEST_CASE("closing a loop frees handles that were closed but not yet freed", "[loop]") {
  RunningLoop loop;
  Timer timer([] {});
  REQUIRE(timer.open(loop).ok());
  timer.start(1000000);
  timer.close();
  loop->close();
}

TEST_CASE("all streams of a loop read to the same place", "[loop]") {
  RunningLoop loop;
  char* const buffer = loop->receive_buffer();
  CHECK(buffer != nullptr);
  CHECK(loop->receive_buffer() == buffer);
}

TEST_CASE("between two callbacks a loop polls where somebody answers while it polls", "[loop]") {
  RunningLoop loop;
  Observer observer;
  loop->add_observer(observer);
  const auto calls_when_late = [&] {
    const std::uint64_t until = base::monotonic_ns() + 2 * base::kLatePollNs;
    while (base::monotonic_ns() < until) {
    }
    observer.calls.clear();
    loop->poll_within_turn();
    return observer.calls;
  };
  loop.turn();
  CHECK(calls_when_late().empty());
  loop->answer_while_polling();
  observer.calls.clear();
  loop.turn();
  CHECK(observer.calls == "ffr");  // what was answered is sent behind the poll
  const std::uint64_t turn = loop->turn();
  CHECK(calls_when_late() == "ff");
  CHECK(loop->turn() == turn + 1);
  loop->leave_parent();  // the turn of a process that has forked
  CHECK(calls_when_late().empty());
  loop->remove_observer(observer);
}
