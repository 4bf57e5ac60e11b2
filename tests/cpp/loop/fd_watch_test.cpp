// tests/cpp/loop/fd_watch_test.cpp: loop/fd_watch.hpp.
#include "loop/fd_watch.hpp"

#include <catch.hpp>

#include <unistd.h>

#include <array>

#include "../support/running_loop.hpp"
#include "../support/sockets.hpp"

using fasterapi::loop::FdWatch;
using fasterapi::support::RunningLoop;
using fasterapi::support::Socket;

TEST_CASE("a watched fd tells once per turn that it is readable", "[loop][watch]") {
  RunningLoop loop;
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  const Socket reading(ends[0]);
  const Socket writing(ends[1]);
  FdWatch watch;
  REQUIRE(watch.open(loop, reading.fd()).ok());
  loop.turn();
  CHECK_FALSE(watch.take_ready());
  REQUIRE(write(writing.fd(), "x", 1) == 1);
  loop.run_until([&] { return watch.take_ready(); });
  CHECK_FALSE(watch.take_ready());
  loop.turn();
  CHECK(watch.take_ready());  // still readable: nobody has read
  watch.close();
}

TEST_CASE("what cannot be watched is an error", "[loop][watch]") {
  RunningLoop loop;
  FdWatch watch;
  CHECK_FALSE(watch.open(loop, 1 << 20).ok());
}
