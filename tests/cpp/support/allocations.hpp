// tests/cpp/support/allocations.hpp: operator new of the test program: counts what is allocated,
// and fails on demand.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fasterapi::support {

// Bytes that operator new has given out and nobody has given back.
[[nodiscard]] std::size_t allocated_bytes() noexcept;

// While it lives, the allocation after `successes` more throws std::bad_alloc, and so do those that
// follow it, `failures` in all.
class FailingAllocations {
 public:
  explicit FailingAllocations(std::size_t successes, std::size_t failures = SIZE_MAX) noexcept;
  ~FailingAllocations();
  FailingAllocations(const FailingAllocations&) = delete;
  FailingAllocations& operator=(const FailingAllocations&) = delete;

  // Whether an allocation has failed; from then on they succeed again.
  [[nodiscard]] bool end() noexcept;
  // How many of the successes were not asked for. REQUIRES: end() was called.
  [[nodiscard]] std::size_t unused() const noexcept { return unused_; }

 private:
  std::size_t unused_ = 0;
};

}  // namespace fasterapi::support
