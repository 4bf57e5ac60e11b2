// aio/ready_queue.hpp: the handles that run in the next turn: a ring that grows, first in first
// out. Needs the GIL.
#pragma once

#include <vector>

#include "py/ref.hpp"

namespace fasterapi::aio {

class ReadyQueue {
 public:
  void push(py::PyRef handle) {
    if (size_ == ring_.size()) grow();
    ring_[(begin_ + size_) & (ring_.size() - 1)] = std::move(handle);
    ++size_;
  }

  // REQUIRES: !empty().
  [[nodiscard]] py::PyRef pop() noexcept {
    py::PyRef handle = std::move(ring_[begin_]);
    begin_ = (begin_ + 1) & (ring_.size() - 1);
    --size_;
    return handle;
  }

  void clear() noexcept {
    while (!empty()) pop().reset();
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] int traverse(visitproc visit, void* arg) const {
    for (const py::PyRef& handle : ring_) Py_VISIT(handle.get());
    return 0;
  }

 private:
  void grow() {
    std::vector<py::PyRef> larger(ring_.empty() ? 64 : ring_.size() * 2);
    for (std::size_t index = 0; index < size_; ++index) {
      larger[index] = std::move(ring_[(begin_ + index) & (ring_.size() - 1)]);
    }
    ring_ = std::move(larger);
    begin_ = 0;
  }

  std::vector<py::PyRef> ring_;  // a power of two
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
};

}  // namespace fasterapi::aio
