// loop/handle.hpp: UvHandle<T> owns a libuv handle: closed first, freed in the close callback
// (libuv's design guide). Built empty; the memory is handed to uv_X_init, and only an initialised
// handle is closed. After the owner is gone `data` is null and late callbacks find nobody. An owner
// may therefore die in its own callback.
#pragma once

#include <uv.h>

#include <memory>
#include <utility>

#include "base/counters.hpp"
#include "loop/uv_error.hpp"

namespace fasterapi::loop {

template <class T>
class UvHandle {
 public:
  UvHandle() noexcept = default;
  UvHandle(const UvHandle&) = delete;
  UvHandle& operator=(const UvHandle&) = delete;
  ~UvHandle() { close(); }

  // Calls init(T*) on fresh memory; on success the handle is open and its callbacks find `owner`.
  template <class Init>
  UvError open(void* owner, Init&& init) {
    auto memory = std::make_unique<Memory>();
    const UvError error(init(&memory->handle));
    if (!error.ok()) return error;
    close();
    memory_ = memory.release();
    base()->data = owner;
    return {};
  }

  // No callback of the handle finds its owner after this; the memory is freed a turn later.
  void close() noexcept {
    Memory* memory = std::exchange(memory_, nullptr);
    if (!memory) return;
    auto* handle = reinterpret_cast<uv_handle_t*>(&memory->handle);
    handle->data = nullptr;
    uv_close(handle, [](uv_handle_t* closed) { delete reinterpret_cast<Memory*>(closed); });
  }

  [[nodiscard]] bool is_open() const noexcept { return memory_ != nullptr; }
  // REQUIRES: is_open().
  [[nodiscard]] T* get() const noexcept { return &memory_->handle; }
  [[nodiscard]] uv_handle_t* base() const noexcept { return reinterpret_cast<uv_handle_t*>(get()); }

 private:
  struct Memory : base::Counted<UvHandle<T>> {
    T handle;
  };
  // The close callback turns the handle's address back into its Memory's.
  static_assert(offsetof(Memory, handle) == 0);
  Memory* memory_ = nullptr;
};

}  // namespace fasterapi::loop
