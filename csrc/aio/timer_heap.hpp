// aio/timer_heap.hpp: asyncio.TimerHandle objects by time, first due first, equal times in the
// order of their making. Cancelled ones stay until they come up or are more than half (asyncio's
// rule). Needs the GIL.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "py/ref.hpp"

namespace fasterapi::aio {

class TimerHeap {
 public:
  struct Entry {
    double when;  // seconds of loop.time()
    std::uint64_t sequence;
    py::PyRef handle;
  };

  void push(double when, py::PyRef handle) {
    entries_.push_back({when, sequence_++, std::move(handle)});
    std::push_heap(entries_.begin(), entries_.end(), later);
  }

  [[nodiscard]] py::PyRef pop() noexcept {
    std::pop_heap(entries_.begin(), entries_.end(), later);
    py::PyRef handle = std::move(entries_.back().handle);
    entries_.pop_back();
    return handle;
  }

  // Drops every entry for which `gone` is true.
  template <class Predicate>
  void purge(Predicate&& gone) {
    std::vector<Entry> dropped;  // their destructors run when the heap is whole again
    const auto kept =
        std::stable_partition(entries_.begin(), entries_.end(),
                              [&](const Entry& entry) { return !gone(entry.handle.get()); });
    std::move(kept, entries_.end(), std::back_inserter(dropped));
    entries_.erase(kept, entries_.end());
    std::make_heap(entries_.begin(), entries_.end(), later);
  }

  void clear() noexcept { std::exchange(entries_, {}).clear(); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  // REQUIRES: !empty().
  [[nodiscard]] const Entry& first() const noexcept { return entries_.front(); }
  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }

 private:
  static bool later(const Entry& a, const Entry& b) noexcept {
    return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;
  }

  std::vector<Entry> entries_;
  std::uint64_t sequence_ = 0;
};

}  // namespace fasterapi::aio
