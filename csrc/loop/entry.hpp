// loop/entry.hpp: uv_entry, the noexcept door through which libuv calls us: no C++ exception may
// cross its C frames.
#pragma once

#include <new>

namespace fasterapi::loop {

// Runs `call`; of C++ exceptions only bad_alloc can fly, and becomes a call of `failed`.
template <class Call, class Failed>
void uv_entry(Call&& call, Failed&& failed) noexcept {
  try {
    call();
  } catch (const std::bad_alloc&) {
    failed();
  }
}

}  // namespace fasterapi::loop
