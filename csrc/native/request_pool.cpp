// native/request_pool.cpp: see request_pool.hpp.
#include "native/request_pool.hpp"

#include <atomic>

namespace fasterapi::native {

// Not destroyed at exit: threads of plug-ins may still run.
RequestPool& RequestPool::of_process() {
  static RequestPool& pool = *new RequestPool;
  return pool;
}

Request& RequestPool::take() {
  const std::lock_guard lock(mutex_);
  if (!first_) return *new Request;
  Request& request = *first_;
  first_ = request.next;
  return request;
}

void RequestPool::give_back(Request& request) noexcept {
  const std::lock_guard lock(mutex_);
  request.next = first_;
  first_ = &request;
}

std::uint64_t new_ticket() noexcept {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

}  // namespace fasterapi::native
