// tests/cpp/server/deadlines_test.cpp: server/deadlines.hpp.
#include "server/deadlines.hpp"

#include <catch.hpp>

#include <array>
#include <vector>

#include "../support/running_loop.hpp"

using fasterapi::base::monotonic_ms;
using fasterapi::server::Connection;
using fasterapi::server::DeadlineList;
using fasterapi::server::Deadlines;
using fasterapi::support::RunningLoop;

namespace {

// Connections that only serve as addresses.
Connection* connection(std::size_t number) {
  static std::array<char, 8> places;
  return reinterpret_cast<Connection*>(&places[number]);
}

constexpr std::uint64_t kLongMs = 1000000;

struct Waiting {
  explicit Waiting(std::uint64_t keep_alive_ms, std::uint64_t linger_ms)
      : deadlines(keep_alive_ms, linger_ms, [this](Connection& due) { expired.push_back(&due); }) {
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
    waiting.deadlines.await_next_request(waiting.links[index]);
  const auto begun = monotonic_ms();
  waiting.loop.run_until([&] { return waiting.expired.size() == 3; });
  CHECK(monotonic_ms() - begun >= 9);
  CHECK(waiting.expired == std::vector{connection(2), connection(0), connection(1)});
}

TEST_CASE("a disarmed deadline does not pass", "[server][deadlines]") {
  Waiting waiting(5, kLongMs);
  waiting.deadlines.await_next_request(waiting.links[0]);
  waiting.deadlines.await_next_request(waiting.links[1]);
  Deadlines::disarm(waiting.links[0]);
  Deadlines::disarm(waiting.links[0]);
  waiting.loop.run_until([&] { return !waiting.expired.empty(); });
  CHECK(waiting.expired == std::vector{connection(1)});
}

TEST_CASE("setting a deadline again replaces it", "[server][deadlines]") {
  Waiting waiting(5, kLongMs);
  waiting.deadlines.await_next_request(waiting.links[0]);
  waiting.deadlines.await_close(waiting.links[0]);
  waiting.deadlines.await_next_request(waiting.links[1]);
  waiting.loop.run_until([&] { return !waiting.expired.empty(); });
  CHECK(waiting.expired == std::vector{connection(1)});
}

TEST_CASE("a short deadline passes in time behind a long one", "[server][deadlines]") {
  Waiting waiting(kLongMs, 5);
  waiting.deadlines.await_next_request(waiting.links[0]);
  waiting.deadlines.await_close(waiting.links[1]);
  waiting.loop.run_until([&] { return !waiting.expired.empty(); });
  CHECK(waiting.expired == std::vector{connection(1)});
}

TEST_CASE("a deadline that is set anew when it passes lets the loop go on", "[server][deadlines]") {
  const std::uint64_t keep_alive_ms = GENERATE(0, 1);
  int passed = 0;
  RunningLoop loop;
  DeadlineList::Link link;
  link.owner = connection(0);
  Deadlines* again = nullptr;
  Deadlines deadlines(keep_alive_ms, kLongMs, [&](Connection&) {
    if (++passed < 1000) again->await_next_request(link);
  });
  again = &deadlines;
  REQUIRE(deadlines.open(loop).ok());
  deadlines.await_next_request(link);
  loop.run_until([&] { return passed > 0; });
  CHECK(passed < 1000);
  Deadlines::disarm(link);
  deadlines.close();
}
