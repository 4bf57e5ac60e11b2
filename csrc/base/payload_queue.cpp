// base/payload_queue.cpp: see payload_queue.hpp.
#include "base/payload_queue.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace fasterapi::base {

void PayloadQueue::append(Payload payload) {
  if (payload.view().empty()) return;
  // All memory first: if it is not to be had, the queue is as it was.
  if (segments_.capacity() - segments_.size() < 2)
    segments_.reserve(std::max<std::size_t>(4, 2 * segments_.size()));
  if (tail_.size() > tail_begin_) {
    auto copied = std::make_unique<std::string>();
    copied->swap(tail_);
    segments_.push_back(Payload::of_string(std::move(copied)));
    segments_.back().consume(std::exchange(tail_begin_, 0));
  }
  size_ += payload.view().size();
  segments_.push_back(std::move(payload));
}

void PayloadQueue::append(PayloadQueue&& other) {
  for (std::size_t index = other.first_; index < other.segments_.size(); ++index) {
    append(std::move(other.segments_[index]));
  }
  append(ByteView(other.tail_).substr(other.tail_begin_));
  other.clear();
}

char* PayloadQueue::grow(std::size_t count) {
  const std::size_t begin = tail_.size();
  tail_.resize(begin + count);
  size_ += count;
  return tail_.data() + begin;
}

void PayloadQueue::consume(std::size_t count) noexcept {
  size_ -= count;
  if (size_ == 0) return clear();
  while (count > 0 && first_ < segments_.size()) {
    Payload& segment = segments_[first_];
    const std::size_t taken = std::min(count, segment.view().size());
    segment.consume(taken);
    count -= taken;
    if (segment.view().empty()) segments_[first_++] = Payload();
  }
  tail_begin_ += count;
  drop_consumed();
}

// Moves no more than was consumed since the last time: a queue that is never quite emptied stays
// small.
void PayloadQueue::drop_consumed() noexcept {
  if (first_ >= segments_.size() - first_) {
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
  if (tail_begin_ >= tail_.size() - tail_begin_) {
    tail_.erase(0, tail_begin_);
    tail_begin_ = 0;
  }
}

void PayloadQueue::clear() noexcept {
  segments_.clear();
  first_ = 0;
  tail_.clear();
  tail_begin_ = 0;
  size_ = 0;
}

void PayloadQueue::keep_at_most(std::size_t bytes) {
  if (!empty()) return;
  if (tail_.capacity() > bytes) std::string().swap(tail_);  // an assigned string keeps its memory
  if (segments_.capacity() * sizeof(Payload) > bytes) segments_ = std::vector<Payload>();
}

}  // namespace fasterapi::base
