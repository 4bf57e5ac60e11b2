// base/clock.cpp: see clock.hpp.
#include "base/clock.hpp"

#include <cstdio>

namespace fasterapi::base {

namespace {

std::uint64_t milliseconds_of(clockid_t clock) noexcept {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000000;
}

}  // namespace

std::uint64_t monotonic_ms() noexcept { return milliseconds_of(CLOCK_MONOTONIC); }

std::uint64_t monotonic_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t coarse_monotonic_ms() noexcept { return milliseconds_of(CLOCK_MONOTONIC_COARSE); }

ByteView HttpDate::at(std::time_t seconds) noexcept {
  constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (seconds != seconds_) {
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    std::snprintf(text_.data(), text_.size(),
                  "%s, %02d %s %04d %02d:%02d:%02d GMT",  // not strftime: no locale
                  kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday % 100,
                  kMonths[static_cast<std::size_t>(utc.tm_mon)], (utc.tm_year + 1900) % 10000,
                  utc.tm_hour % 100, utc.tm_min % 100, utc.tm_sec % 100);
    seconds_ = seconds;
  }
  return {text_.data(), text_.size() - 1};
}

}  // namespace fasterapi::base
