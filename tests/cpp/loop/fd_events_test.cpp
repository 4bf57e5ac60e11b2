// tests/cpp/loop/fd_events_test.cpp: loop/fd_events.hpp.
#include "loop/fd_events.hpp"

#include <unistd.h>

#include <array>
#include <catch.hpp>
#include <thread>

#include "../support/running_loop.hpp"
#include "../support/sockets.hpp"
#include "loop/timer.hpp"

using fasterapi::loop::FdEvents;
using fasterapi::loop::Timer;
using fasterapi::loop::TurnObserver;
using fasterapi::support::RunningLoop;
using fasterapi::support::Socket;

namespace {

// A server: the loop waits on libuv's descriptors.
struct Server final : TurnObserver {
  void flush() override {}
  bool run_turn() override { return false; }
  void loop_closing() override {}
};

// A pipe whose reading end is watched.
struct Watched {
  RunningLoop loop;
  FdEvents events;
  Socket reading{-1};
  Socket writing{-1};

  Watched() {
    REQUIRE(events.open(loop).ok());
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    reading = Socket(ends[0]);
    writing = Socket(ends[1]);
    REQUIRE(events.watch(reading.fd(), 0, EPOLLIN).ok());
  }
  ~Watched() { events.close(); }

  void say() { REQUIRE(write(writing.fd(), "x", 1) == 1); }
  bool heard() {
    const auto found = events.take();
    return found.size() == 1 && found[0].data.fd == reading.fd();
  }
};

}  // namespace

TEST_CASE("a watched descriptor is found once per turn while it is readable", "[loop][events]") {
  Watched watched;
  watched.loop.turn();
  CHECK(watched.events.take().empty());
  watched.say();
  watched.loop.run_until([&] { return watched.heard(); });
  CHECK(watched.events.take().empty());
  watched.loop.turn();
  CHECK(watched.heard());  // still readable: nobody has read
}

TEST_CASE("a descriptor that is no longer watched is not found", "[loop][events]") {
  Watched watched;
  watched.say();
  REQUIRE(watched.events.watch(watched.reading.fd(), EPOLLIN, 0).ok());
  watched.loop.turn();
  CHECK(watched.events.take().empty());
}

TEST_CASE("a number that another file has got can be watched again", "[loop][events]") {
  Watched watched;
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  const Socket other_reading(ends[0]);
  const Socket other_writing(ends[1]);
  const int number = watched.reading.fd();
  REQUIRE(dup2(other_reading.fd(), number) == number);  // closes the watched one
  REQUIRE(watched.events.watch(number, EPOLLIN, EPOLLIN).ok());
  REQUIRE(write(other_writing.fd(), "x", 1) == 1);
  watched.loop.run_until([&] { return watched.heard(); });
}

TEST_CASE("what cannot be watched is an error", "[loop][events]") {
  Watched watched;
  CHECK_FALSE(watched.events.watch(1 << 20, 0, EPOLLIN).ok());
}

TEST_CASE("descriptors are heard of whether or not a server runs", "[loop][events]") {
  Watched watched;
  Server server;
  watched.say();
  for (int round = 0; round < 3; ++round) {
    watched.loop.run_until([&] { return watched.heard(); });
    CHECK(watched.events.outermost());
    watched.loop->add_observer(server);
    watched.loop.run_until([&] { return watched.heard(); });
    CHECK_FALSE(watched.events.outermost());
    watched.loop->remove_observer(server);
  }
}

TEST_CASE("another thread ends the wait whether or not a server runs", "[loop][events]") {
  const bool with_server = GENERATE(false, true);
  Watched watched;
  Server server;
  if (with_server) watched.loop->add_observer(server);
  for (int round = 0; round < 100; ++round) {
    std::thread waker([&] {
      for (int repeated = 0; repeated < 3; ++repeated) watched.loop->wake();
    });
    watched.loop->poll(true);  // for ever, but for that
    waker.join();
    watched.loop->poll(false);  // takes what the repetitions have left
    watched.loop->end_turn();
    CHECK(watched.events.take().empty());
  }
  if (with_server) watched.loop->remove_observer(server);
}

TEST_CASE("timers end the wait on descriptors", "[loop][events]") {
  Watched watched;
  int rung = 0;
  Timer timer([&] { ++rung; });
  REQUIRE(timer.open(watched.loop).ok());
  for (int round = 1; round <= 20; ++round) {
    timer.start(3);
    for (int turns = 0; rung < round; ++turns) {
      REQUIRE(turns < 10);  // it does not spin until the time has come
      watched.loop->poll(true);
    }
  }
  timer.close();
}
