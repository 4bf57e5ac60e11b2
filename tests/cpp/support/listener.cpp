// tests/cpp/support/listener.cpp: what holds for every case: no object of ours outlives it, and a
// write to a closed socket is an error and no signal, as under CPython.
#include <catch.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/counters.hpp"

namespace {

class Listener : public Catch::EventListenerBase {
 public:
  using EventListenerBase::EventListenerBase;

  void testRunStarting(const Catch::TestRunInfo&) override { std::signal(SIGPIPE, SIG_IGN); }

  // An assertion cannot be made here, so an object left behind ends the program.
  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    bool left = false;
    for (const auto& [name, count] : fasterapi::base::live_counts()) {
      if (count == 0) continue;
      left = true;
      std::fprintf(stderr, "alive after '%s': %zu %s\n", stats.testInfo->name.c_str(), count,
                   name.c_str());
    }
    if (left) std::abort();
  }
};

}  // namespace

CATCH_REGISTER_LISTENER(Listener)
