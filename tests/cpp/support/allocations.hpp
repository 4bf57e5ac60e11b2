// tests/cpp/support/allocations.hpp: operator new of the test program: counts what is allocated,
// and fails on demand.
#pragma once

#include <cstddef>

namespace fasterapi::support {

// Bytes that operator new has given out and nobody has given back.
[[nodiscard]] std::size_t allocated_bytes() noexcept;

// While it lives, the allocation after `successes` more and all that follow it throw
// std::bad_alloc.
class FailingAllocations {
 public:
  explicit FailingAllocations(std::size_t successes) noexcept;
  ~FailingAllocations();
  FailingAllocations(const FailingAllocations&) = delete;
  FailingAllocations& operator=(const FailingAllocations&) = delete;

  // Whether an allocation has failed; from then on they succeed again.
  [[nodiscard]] bool end() noexcept;
};

}  // namespace fasterapi::support
