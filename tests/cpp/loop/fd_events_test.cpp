// tests/cpp/loop/fd_events_test.cpp: loop/fd_events.hpp.
#include "loop/fd_events.hpp"

#include <unistd.h>

#include <array>
#include <catch.hpp>

#include "../support/running_loop.hpp"
#include "../support/sockets.hpp"

using fasterapi::loop::FdEvents;
using fasterapi::support::RunningLoop;
using fasterapi::support::Socket;

namespace {

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
