// base/payload_queue.hpp: bytes on their way out, in order: small ones copied together, large ones
// by reference. Filled by http/response_writer, emptied by loop/tcp_stream. One owner, one thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/payload.hpp"

namespace fasterapi::base {

class PayloadQueue {
 public:
  void append(ByteView bytes) {
    tail_.append(bytes);
    size_ += bytes.size();
  }

  // Takes the payload without copying its bytes. Without the memory for it the queue stays as it
  // was.
  void append(Payload payload);

  // Takes all that `other` holds; it is empty afterwards.
  void append(PayloadQueue&& other);

  // Space for `count` bytes that the caller fills at once; valid until the next call.
  [[nodiscard]] char* grow(std::size_t count);

  // Undoes everything appended by copy since the queue had `size` bytes.
  // REQUIRES: no Payload was appended since, nothing was consumed since.
  void rollback(std::size_t size) noexcept {
    tail_.resize(tail_.size() - (size_ - size));
    size_ = size;
  }

  // The bytes that rollback() to the same size would undo; valid until the next call.
  [[nodiscard]] ByteView since(std::size_t size) const noexcept {
    return ByteView(tail_).substr(tail_.size() - (size_ - size));
  }

  // Gives `take` views from the front, at most so many.
  template <class Take>
  void look(std::size_t most, Take&& take) const {
    std::size_t left = most;
    for (std::size_t index = first_; index < segments_.size() && left > 0; ++index, --left)
      take(segments_[index].view());
    if (left > 0 && tail_.size() > tail_begin_) take(ByteView(tail_).substr(tail_begin_));
  }
  // Fills `views` so; returns how many were filled.
  [[nodiscard]] std::size_t gather(std::span<ByteView> views) const noexcept {
    std::size_t count = 0;
    look(views.size(), [&](ByteView view) { views[count++] = view; });
    return count;
  }

  // Forgets the first `count` bytes. REQUIRES: count <= size().
  void consume(std::size_t count) noexcept;

  void clear() noexcept;
  void keep_at_most(std::size_t bytes);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

 private:
  void drop_consumed() noexcept;

  std::vector<Payload> segments_;  // before the tail
  std::size_t first_ = 0;          // the first segment that is not yet consumed
  std::string tail_;
  std::size_t tail_begin_ = 0;
  std::size_t size_ = 0;
};

}  // namespace fasterapi::base
