// loop/thread_switches.cpp: see thread_switches.hpp.
#include "loop/thread_switches.hpp"

#include <sys/resource.h>

namespace fasterapi::loop {

long thread_switches() noexcept {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw + usage.ru_nivcsw;
}

}  // namespace fasterapi::loop
