// benchmarks/load/options.hpp
// The command line of the load generator, and the request it makes from it.
// Filled once at start by parse_options(), read-only afterwards. Used by runner and main.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace load {

/// A loopback address in the form connect() wants.
struct Target {
  sockaddr_storage address{};
  socklen_t length = 0;
  std::string host_field;  // value of the Host field
};

struct Options {
  Target target;
  std::string request;  // one complete request: head and body
  std::uint32_t connections = 1;
  std::uint32_t pipeline = 1;  // requests in flight per connection
  double warmup_s = 0.5;
  double seconds = 2.0;  // used when `requests` is 0
  std::uint64_t requests = 0;
  double rate = 0;        // scheduled arrivals per second; 0 is the closed loop
  double drain_s = 10.0;  // how long outstanding answers are waited for
  bool gate = false;      // wait for a line on stdin around the measurement
};

/// Returns the options; prints the reason and exits with status 2 if they make no sense.
Options parse_options(int argc, char** argv);

}  // namespace load
