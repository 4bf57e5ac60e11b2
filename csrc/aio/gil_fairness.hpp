// aio/gil_fairness.hpp: leaves the GIL to threads that wait for it in vain.
#pragma once

#include <cstdint>
#include <ctime>
#include <utility>

#include "loop/thread_switches.hpp"

namespace fasterapi::aio {

// Sees to it that a thread which waits for the GIL gets it from one that gives it up often, but
// never for long. CPython promises it after the switch interval of 5 ms, and counts that anew at
// each release: a loop that never waits takes the GIL back before a thread on another core has
// woken up, and p50 of a call in an executor is 50 to 180 ms (on asyncio and uvloop, too).
class GilFairness {
 public:
  // To be told how long a release took: one that wakes a waiting thread makes a system call.
  void released(std::uint64_t now_ns, std::uint64_t took_ns) noexcept {
    if (took_ns < kWakesSomebodyNs) return;
    // While we were off our core, the other one had its chance.
    const long switches = loop::thread_switches();
    const bool had_a_chance = std::exchange(switches_, switches) != switches;
    if (had_a_chance || now_ns - last_woken_ns_ > kForgottenNs) waiting_since_ns_ = now_ns;
    last_woken_ns_ = now_ns;
  }
  // To be called before the GIL is taken back: leaves a thread that has waited too long, and has
  // been woken now, the time to take it.
  void let_in() noexcept {
    if (last_woken_ns_ - waiting_since_ns_ < kPatienceNs) return;
    const timespec wake_up{0, kWakeUpNs};
    nanosleep(&wake_up, nullptr);
    waiting_since_ns_ = last_woken_ns_;
  }

 private:
  static constexpr std::uint64_t kWakesSomebodyNs = 250;  // 20 to 40 where nobody waits
  static constexpr std::uint64_t kForgottenNs = 500'000;  // it wakes up and waits anew in 50 us
  static constexpr std::uint64_t kPatienceNs = 1'000'000;
  static constexpr long kWakeUpNs = 50'000;

  long switches_ = 0;
  std::uint64_t waiting_since_ns_ = 0;
  std::uint64_t last_woken_ns_ = 0;
};

}  // namespace fasterapi::aio
