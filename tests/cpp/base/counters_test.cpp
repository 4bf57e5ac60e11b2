// tests/cpp/base/counters_test.cpp: base/counters.hpp.
#include "base/counters.hpp"

#include <catch.hpp>

#include <memory>
#include <thread>
#include <vector>

#ifndef NDEBUG

namespace fasterapi::test {

class Thing : base::Counted<Thing> {};

}  // namespace fasterapi::test

using fasterapi::base::live_counts;
using fasterapi::test::Thing;

namespace {
std::size_t things() { return live_counts()["test::Thing"]; }
}  // namespace

TEST_CASE("every living object is counted under its readable name", "[base][counters]") {
  CHECK(things() == 0);
  {
    const Thing first;
    const auto second = std::make_unique<Thing>();
    CHECK(things() == 2);
  }
  CHECK(things() == 0);
}

TEST_CASE("a copy is an object of its own", "[base][counters]") {
  Thing first;
  Thing second = first;
  second = first;
  CHECK(things() == 2);
}

TEST_CASE("objects of several threads are counted together", "[base][counters]") {
  std::vector<std::thread> threads;
  for (int count = 0; count < 4; ++count) {
    threads.emplace_back([] {
      for (int round = 0; round < 1000; ++round) Thing();
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(things() == 0);
}

#endif
