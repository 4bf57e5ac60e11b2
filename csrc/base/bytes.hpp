// base/bytes.hpp: views of bytes and a buffer that grows at its end and is consumed at its
// beginning. A ByteView never outlives the call that received it; keeping means copying into a
// ByteBuffer. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fasterapi::base {

using ByteView = std::string_view;

class ByteBuffer {
 public:
  void append(ByteView bytes) { bytes_.append(bytes); }

  // Forgets the first `count` bytes; earlier views are invalid. REQUIRES: count <= size().
  void consume(std::size_t count) noexcept {
    begin_ += count;
    if (begin_ < bytes_.size() - begin_) return;
    bytes_.erase(
        0, begin_);  // moves no more than was consumed: a buffer never quite emptied stays small
    begin_ = 0;
  }

  void clear() noexcept {
    bytes_.clear();
    begin_ = 0;
  }

  // Gives memory back that an unusually large message needed: an idle connection keeps at most
  // `bytes`.
  void keep_at_most(std::size_t bytes) {
    // Swapped, not assigned: a string that is assigned an empty one keeps its memory.
    if (empty() && bytes_.capacity() > bytes) std::string().swap(bytes_);
  }

  [[nodiscard]] ByteView view() const noexcept { return ByteView(bytes_).substr(begin_); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() - begin_; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

 private:
  std::string bytes_;
  std::size_t begin_ = 0;
};

}  // namespace fasterapi::base
