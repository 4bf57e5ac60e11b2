// native/request_pool.hpp: the process's spare requests. What a plug-in has once seen is never
// freed: a request that it completes twice, or after its server is gone, is still there. Any
// thread.
#pragma once

#include <cstdint>
#include <mutex>

#include "native/request.hpp"

namespace fasterapi::native {

class RequestPool {
 public:
  [[nodiscard]] static RequestPool& of_process();

  // Throws bad_alloc.
  [[nodiscard]] Request& take();
  // It has ended.
  void give_back(Request& request) noexcept;

 private:
  std::mutex mutex_;
  Request* first_ = nullptr;
};

// Never the same twice, never 0.
[[nodiscard]] std::uint64_t new_ticket() noexcept;

}  // namespace fasterapi::native
