// tests/cpp/server/deadlines_test.cpp: server/deadlines.hpp.
#include "server/deadlines.hpp"

#include <catch.hpp>

#include <algorithm>
#include <array>
#include <vector>

#include "../support/running_loop.hpp"
#include "base/clock.hpp"

using fasterapi::base::Limits;
using fasterapi::base::monotonic_ms;
using fasterapi::server::Connection;
using fasterapi::server::DeadlineList;
using fasterapi::server::Deadlines;
using fasterapi::server::Wait;
using fasterapi::support::RunningLoop;

namespace {

// Connections that only serve as addresses.
Connection* connection(std::size_t number) {
  static std::array<char, 8> places;
  return reinterpret_cast<Connection*>(&places[number]);
}

constexpr std::size_t kLongMs = 1000000;

Limits limits_of(std::size_t keep_alive_ms, std::size_t linger_ms) {
  Limits limits;
  limits.keep_alive_ms = keep_alive_ms;
  limits.linger_ms = linger_ms;
  return limits;
}

struct Waiting {
  Waiting(std::size_t keep_alive_ms, std::size_t linger_ms)
      : deadlines(limits_of(keep_alive_ms, linger_ms),
                  [this](Connection& due, Wait) { expired.push_back(&due); }) {
    for (std::size_t index = 0; index < links.size(); ++index)
      links[index].owner = connection(index);
    REQUIRE(deadlines.open(loop).ok());
  }
  ~Waiting() {
    for (auto& link : links) Deadlines::disarm(link);
    deadlines.close();
  }

  RunningLoop loop;
  std::vector<Connection*> expired;
  std::array<DeadlineList::Link, 4> links;
  Deadlines deadlines;
};

}  // namespace

TEST_CASE("a list keeps its order and loses what is removed", "[server][deadlines]") {
  DeadlineList list;
  CHECK(list.front() == nullptr);
  std::array<DeadlineList::Link, 3> links;
  for (auto& link : links) list.push(link, 0);
  CHECK(list.front() == links.data());
  DeadlineList::remove(links[1]);
  CHECK_FALSE(links[1].linked());
  DeadlineList::remove(links[0]);
  CHECK(list.front() == &links[2]);
  list.push(links[0], 0);
  DeadlineList::remove(links[2]);
  CHECK(list.front() == links.data());
  DeadlineList::remove(links[0]);
  CHECK(list.front() == nullptr);
}

TEST_CASE("deadlines pass in the order they were set", "[server][deadlines]") {
  Waiting waiting(10, kLongMs);
  for (const std::size_t index : {2, 0, 1})
    waiting.deadlines.arm(waiting.links[index], Wait::NextRequest);
  const auto begun = monotonic_ms();
  waiting.loop.run_until([&] { return waiting.expired.size() == 3; });
  CHECK(monotonic_ms() - begun >= 9);
  CHECK(waiting.expired == std::vector{connection(2), connection(0), connection(1)});
}

TEST_CASE("a disarmed deadline does not pass", "[server][deadlines]") {
  Waiting waiting(5, kLongMs);
  waiting.deadlines.arm(waiting.links[0], Wait::NextRequest);
  waiting.deadlines.arm(waiting.links[1], Wait::NextRequest);
  Deadlines::disarm(waiting.links[0]);
  Deadlines::disarm(waiting.links[0]);
  waiting.loop.run_until([&] { return !waiting.expired.empty(); });
  CHECK(waiting.expired == std::vector{connection(1)});
}

TEST_CASE("setting a deadline again replaces it", "[server][deadlines]") {
  Waiting waiting(5, kLongMs);
  waiting.deadlines.arm(waiting.links[0], Wait::NextRequest);
  waiting.deadlines.arm(waiting.links[0], Wait::Close);
  waiting.deadlines.arm(waiting.links[1], Wait::NextRequest);
  waiting.loop.run_until([&] { return !waiting.expired.empty(); });
  CHECK(waiting.expired == std::vector{connection(1)});
}

TEST_CASE("a short deadline passes in time behind a long one", "[server][deadlines]") {
  Waiting waiting(kLongMs, 5);
  waiting.deadlines.arm(waiting.links[0], Wait::NextRequest);
  waiting.deadlines.arm(waiting.links[1], Wait::Close);
  waiting.loop.run_until([&] { return !waiting.expired.empty(); });
  CHECK(waiting.expired == std::vector{connection(1)});
}

TEST_CASE("a deadline that is set anew when it passes lets the loop go on", "[server][deadlines]") {
  const std::size_t keep_alive_ms = GENERATE(0U, 1U);
  int passed = 0;
  RunningLoop loop;
  DeadlineList::Link link;
  link.owner = connection(0);
  Deadlines* again = nullptr;
  Deadlines deadlines(limits_of(keep_alive_ms, kLongMs), [&](Connection&, Wait) {
    if (++passed < 1000) again->arm(link, Wait::NextRequest);
  });
  again = &deadlines;
  REQUIRE(deadlines.open(loop).ok());
  deadlines.arm(link, Wait::NextRequest);
  loop.run_until([&] { return passed > 0; });
  CHECK(passed < 1000);
  Deadlines::disarm(link);
  deadlines.close();
}

TEST_CASE("each wait has its own delay, and says which has passed", "[server][deadlines]") {
  Limits limits = limits_of(kLongMs, kLongMs);
  limits.first_byte_ms = 3;
  limits.head_ms = 2;
  limits.progress_check_ms = 1;
  std::vector<Wait> passed;
  RunningLoop loop;
  Deadlines deadlines(limits, [&](Connection&, Wait wait) { passed.push_back(wait); });
  REQUIRE(deadlines.open(loop).ok());
  std::array<DeadlineList::Link, 3> links;
  deadlines.arm(links[0], Wait::FirstByte);
  deadlines.arm(links[1], Wait::Head);
  deadlines.arm(links[2], Wait::Progress);
  for (auto& link : links) link.owner = connection(0);
  loop.run_until([&] { return passed.size() == 3; });
  std::sort(passed.begin(), passed.end());
  CHECK(passed == std::vector{Wait::FirstByte, Wait::Head, Wait::Progress});
  CHECK(links[0].wait == Wait::None);
  deadlines.close();
}

TEST_CASE("a wait without limit is remembered and never passes", "[server][deadlines]") {
  Limits limits = limits_of(5, kLongMs);
  limits.head_ms = fasterapi::base::kUnlimited;
  std::vector<Connection*> passed;
  RunningLoop loop;
  Deadlines deadlines(limits, [&](Connection& due, Wait) { passed.push_back(&due); });
  REQUIRE(deadlines.open(loop).ok());
  std::array<DeadlineList::Link, 2> links;
  links[0].owner = connection(0);
  links[1].owner = connection(1);
  deadlines.arm(links[0], Wait::Head);
  CHECK(links[0].wait == Wait::Head);
  CHECK_FALSE(links[0].linked());
  deadlines.arm(links[1], Wait::NextRequest);
  loop.run_until([&] { return !passed.empty(); });
  CHECK(passed == std::vector{connection(1)});
  deadlines.close();
}

TEST_CASE("a crowd shortens the time of those that are idle, and of no others",
          "[server][deadlines]") {
  Limits limits = limits_of(kLongMs, kLongMs);
  limits.crowded_idle_ms = 5;
  limits.first_byte_ms = kLongMs;
  std::vector<Wait> passed;
  RunningLoop loop;
  Deadlines deadlines(limits, [&](Connection&, Wait wait) { passed.push_back(wait); });
  REQUIRE(deadlines.open(loop).ok());
  std::array<DeadlineList::Link, 3> links;
  for (auto& link : links) link.owner = connection(0);
  deadlines.arm(links[0], Wait::FirstByte);
  deadlines.arm(links[1], Wait::NextRequest);
  deadlines.set_crowded(true);
  loop.run_until([&] { return passed.size() == 1; });
  deadlines.arm(links[2], Wait::NextRequest);
  loop.run_until([&] { return passed.size() == 2; });
  CHECK(passed == std::vector{Wait::NextRequest, Wait::NextRequest});
  deadlines.set_crowded(false);
  deadlines.arm(links[2], Wait::NextRequest);
  loop.turn();
  CHECK(links[2].linked());
  for (auto& link : links) Deadlines::disarm(link);
  deadlines.close();
}
