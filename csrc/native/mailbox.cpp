// native/mailbox.cpp: see mailbox.hpp.
#include "native/mailbox.hpp"

#include <utility>

#include "native/request.hpp"

namespace fasterapi::native {

bool Mailbox::post(Request& request) noexcept {
  const std::lock_guard lock(mutex_);
  if (!wake_) return false;
  request.next = nullptr;
  if (last_) {
    last_->next = &request;
  } else {
    first_ = &request;
  }
  last_ = &request;
  // Within the lock: close() then knows that nobody is about to wake a loop that is gone.
  if (!any_.exchange(true, std::memory_order_release)) wake_();
  return true;
}

Request* Mailbox::take() noexcept {
  // In most turns there is none, and looking costs no lock.
  if (!any_.load(std::memory_order_acquire)) return nullptr;
  const std::lock_guard lock(mutex_);
  any_.store(false, std::memory_order_relaxed);
  last_ = nullptr;
  return std::exchange(first_, nullptr);
}

void Mailbox::close() noexcept {
  const std::lock_guard lock(mutex_);
  wake_ = nullptr;
}

}  // namespace fasterapi::native
