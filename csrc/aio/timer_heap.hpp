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
  // Plain, so that the heap moves it as bytes; the heap owns a reference to the handle.
  struct Entry {
    double when;  // seconds of loop.time()
    std::uint64_t sequence;
    PyObject* handle;
  };

  TimerHeap() = default;
  TimerHeap(const TimerHeap&) = delete;
  TimerHeap& operator=(const TimerHeap&) = delete;
  ~TimerHeap() { clear(); }

  void push(double when, py::PyRef handle) {
    entries_.push_back({when, sequence_++, handle.get()});
    (void)handle.release();
    std::push_heap(entries_.begin(), entries_.end(), later);
  }

  [[nodiscard]] py::PyRef pop() noexcept {
    std::pop_heap(entries_.begin(), entries_.end(), later);
    py::PyRef handle = py::PyRef::steal(entries_.back().handle);
    entries_.pop_back();
    return handle;
  }

  // Drops every entry for which `gone` is true.
  template <class Predicate>
  void purge(Predicate&& gone) {
    const auto kept = std::partition(entries_.begin(), entries_.end(),
                                     [&](const Entry& entry) { return !gone(entry.handle); });
    const std::vector<Entry> dropped(kept, entries_.end());
    entries_.erase(kept, entries_.end());
    std::make_heap(entries_.begin(), entries_.end(), later);
    release(dropped);  // which runs destructors: the heap is whole again
  }

  void clear() noexcept { release(std::exchange(entries_, {})); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  // REQUIRES: !empty().
  [[nodiscard]] const Entry& first() const noexcept { return entries_.front(); }
  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }

 private:
  static constexpr auto later = [](const Entry& a, const Entry& b) noexcept {
    return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;
  };
  static void release(const std::vector<Entry>& entries) noexcept {
    for (const Entry& entry : entries) Py_DECREF(entry.handle);
  }

  std::vector<Entry> entries_;
  std::uint64_t sequence_ = 0;
};

}  // namespace fasterapi::aio
