// tests/cpp/support/allocations.cpp: see allocations.hpp.
#include "allocations.hpp"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>
#include <utility>

namespace {

constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

std::atomic<std::size_t> live_bytes{0};
thread_local std::size_t successes_left = kNever;
thread_local std::size_t failures_left = 0;
thread_local bool failed = false;

// Whether the allocation that is asked for shall fail.
bool shall_fail() noexcept {
  if (successes_left == kNever) return false;
  if (successes_left > 0) {
    --successes_left;
    return false;
  }
  if (failures_left == 0) return false;
  --failures_left;
  failed = true;
  return true;
}

// Null where there is no memory.
void* try_allocate(std::size_t size) noexcept {
  void* const memory = shall_fail() ? nullptr : std::malloc(size == 0 ? 1 : size);
  if (memory) live_bytes += malloc_usable_size(memory);
  return memory;
}

void* allocate(std::size_t size) {
  void* const memory = try_allocate(size);
  if (!memory) throw std::bad_alloc();
  return memory;
}

void release(void* memory) noexcept {
  if (memory) live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return try_allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return try_allocate(size);
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }

namespace fasterapi::support {

std::size_t allocated_bytes() noexcept { return live_bytes; }

FailingAllocations::FailingAllocations(std::size_t successes, std::size_t failures) noexcept {
  failed = false;
  successes_left = successes;
  failures_left = failures;
}

FailingAllocations::~FailingAllocations() { successes_left = kNever; }

bool FailingAllocations::end() noexcept {
  unused_ = std::exchange(successes_left, kNever);
  return failed;
}

}  // namespace fasterapi::support
