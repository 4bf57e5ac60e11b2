// tests/cpp/base/clock_test.cpp: base/clock.hpp.
#include "base/clock.hpp"

#include <catch.hpp>

#include <string>

using fasterapi::base::HttpDate;
using fasterapi::base::monotonic_ms;

TEST_CASE("a date is written as RFC 9110 section 5.6.7 has it", "[base][clock]") {
  HttpDate date;
  CHECK(date.at(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");  // the RFC's own example
  CHECK(date.at(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(date.at(951782400) == "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK(date.at(951868799) == "Tue, 29 Feb 2000 23:59:59 GMT");
  CHECK(date.at(951868800) == "Wed, 01 Mar 2000 00:00:00 GMT");
  CHECK(date.at(4107542399) == "Sun, 28 Feb 2100 23:59:59 GMT");
  CHECK(date.at(4107542400) == "Mon, 01 Mar 2100 00:00:00 GMT");
  CHECK(date.at(253402300799) == "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST_CASE("every day and month has its name", "[base][clock]") {
  HttpDate date;
  constexpr std::string_view kDays = "ThuFriSatSunMonTueWed";
  for (std::time_t day = 0; day < 7; ++day) {
    CHECK(date.at(day * 86400).substr(0, 3) == kDays.substr(static_cast<std::size_t>(day) * 3, 3));
  }
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  for (std::time_t month = 0; month < 12; ++month) {
    const std::time_t middle = month * 2629746 + 1209600;  // a month's mean length in seconds
    CHECK(date.at(middle).substr(8, 3) == kMonths.substr(static_cast<std::size_t>(month) * 3, 3));
  }
}

TEST_CASE("the date does not depend on the time zone", "[base][clock]") {
  const char* const zone = getenv("TZ");
  const std::string old_zone = zone ? zone : "";
  setenv("TZ", "Pacific/Auckland", 1);
  tzset();
  HttpDate date;
  CHECK(date.at(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  zone ? setenv("TZ", old_zone.c_str(), 1) : unsetenv("TZ");
  tzset();
}

TEST_CASE("a date is made once per second", "[base][clock]") {
  HttpDate date;
  const auto first = date.at(1000000000);
  const std::string text(first);
  CHECK(date.at(1000000000).data() == first.data());
  CHECK(date.at(1000000000) == text);
  CHECK(date.at(1000000001) != text);
  CHECK(date.at(1000000000) == text);  // a clock that is set back
}

TEST_CASE("the date of now has the length of every date", "[base][clock]") {
  HttpDate date;
  CHECK(date.now().size() == 29);
  CHECK(date.now().substr(25) == " GMT");
}

TEST_CASE("monotonic time does not go back", "[base][clock]") {
  std::uint64_t last = monotonic_ms();
  CHECK(last > 0);
  for (int round = 0; round < 1000; ++round) {
    const std::uint64_t now = monotonic_ms();
    REQUIRE(now >= last);
    last = now;
  }
}
