// tests/cpp/support/all_descriptors.hpp: a process that has no descriptor left.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <catch.hpp>

#include <vector>

#include "sockets.hpp"

namespace fasterapi::support {

// Takes every descriptor that the process may still open.
struct AllDescriptors {
  AllDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before);
    rlimit few = before;
    few.rlim_cur = 64;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
    for (int fd = dup(0); fd >= 0; fd = dup(0)) fds.emplace_back(fd);
  }
  ~AllDescriptors() { setrlimit(RLIMIT_NOFILE, &before); }

  rlimit before{};
  std::vector<Socket> fds;
};

}  // namespace fasterapi::support
