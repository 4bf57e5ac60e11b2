// tests/cpp/server/pace_test.cpp: server/pace.hpp.
#include "server/pace.hpp"

#include <catch.hpp>

using fasterapi::base::kUnlimited;
using fasterapi::base::Limits;
using fasterapi::server::Pace;

namespace {

Limits limits() {
  Limits made;
  made.bytes_per_second = 100;
  made.rate_grace_ms = 10'000;
  return made;
}

// How many seconds it takes until a peer that sends so many bytes in each is too slow; 0: never.
int seconds_of(std::uint64_t bytes_per_second, std::size_t idle_ms, const Limits& limits) {
  Pace pace;
  std::uint64_t bytes = 5000;  // of what came before
  pace.begin(bytes);
  for (int second = 1; second <= 1000; ++second) {
    bytes += bytes_per_second;
    if (pace.too_slow(bytes, 1000, idle_ms, limits)) return second;
  }
  return 0;
}

}  // namespace

TEST_CASE("silence is too slow after its limit", "[server][pace]") {
  Limits no_rate = limits();
  no_rate.bytes_per_second = 0;
  CHECK(seconds_of(0, 30'000, no_rate) == 30);
  CHECK(seconds_of(0, kUnlimited, no_rate) == 0);
}

TEST_CASE("a pace under the rate is too slow once the grace is over", "[server][pace]") {
  CHECK(seconds_of(99, kUnlimited, limits()) == 10);
  CHECK(seconds_of(100, kUnlimited, limits()) == 0);
  CHECK(seconds_of(1, kUnlimited, limits()) == 10);
}

TEST_CASE("who was fast at first is bounded by silence", "[server][pace]") {
  Pace pace;
  pace.begin(0);
  CHECK_FALSE(pace.too_slow(1'000'000, 1000, 30'000, limits()));
  int seconds = 0;
  while (!pace.too_slow(1'000'000, 1000, 30'000, limits())) ++seconds;
  CHECK(seconds == 29);
}

TEST_CASE("a new beginning forgets the time before", "[server][pace]") {
  Pace pace;
  pace.begin(0);
  for (int second = 0; second < 9; ++second) CHECK_FALSE(pace.too_slow(0, 1000, 30'000, limits()));
  pace.begin(0);
  for (int second = 0; second < 9; ++second) CHECK_FALSE(pace.too_slow(0, 1000, 30'000, limits()));
  CHECK(pace.too_slow(0, 1000, 30'000, limits()));
}
