// native/mailbox.hpp: where any thread leaves requests that it has completed, and the loop's thread
// finds them. Kept alive by the application and by each deferred request.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>

#include "base/counters.hpp"

namespace fasterapi::native {

class Request;

class Mailbox : base::Counted<Mailbox> {
 public:
  // `wake` ends the loop's poll; any thread calls it, none after close().
  explicit Mailbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  // False: nobody looks any more.
  [[nodiscard]] bool post(Request& request) noexcept;
  // All that were posted, in their order, linked by Request::next; null: none. Loop's thread.
  [[nodiscard]] Request* take() noexcept;
  void close() noexcept;

 private:
  std::mutex mutex_;
  std::function<void()> wake_;  // empty: closed
  Request* first_ = nullptr;
  Request* last_ = nullptr;
  std::atomic<bool> any_ = false;
};

}  // namespace fasterapi::native
