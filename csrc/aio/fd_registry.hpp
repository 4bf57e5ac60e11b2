// aio/fd_registry.hpp: the callbacks of add_reader() and add_writer(), by file descriptor. What
// asyncio's SelectorEventLoop keeps in its selector, with the same answers. Needs the GIL.
#pragma once

#include <vector>

#include "aio/handle.hpp"
#include "aio/ready_queue.hpp"
#include "loop/fd_events.hpp"

namespace fasterapi::aio {

class FdRegistry {
 public:
  enum class Side : unsigned { Read = EPOLLIN, Write = EPOLLOUT };

  FdRegistry(const py::State& state, const HandleSlots& slots) noexcept
      : state_(state), slots_(slots) {}

  loop::UvError open(loop::Loop& loop) { return events_.open(loop); }
  // Also forgets every callback.
  void close() noexcept;
  // To be called in a child process after fork(), behind the loop's own: nothing is watched here.
  void leave_parent() noexcept { events_.close(); }

  // Watches `file`, an int or something with fileno(), and cancels the callback that was there.
  // False with the Python error set.
  [[nodiscard]] bool add(Side side, PyObject* file, PyObject* handle);
  // Stops watching and cancels. 1 if there was a callback, 0 if not, -1 with the Python error set.
  [[nodiscard]] int remove(Side side, PyObject* file);
  // Callbacks of the descriptors that the last poll found ready. False with the Python error set.
  [[nodiscard]] bool collect(ReadyQueue& ready);

  // What is watched, for asyncio's debug output: {fd: (file, events of selectors, (reader,
  // writer))}.
  [[nodiscard]] py::PyRef as_dict() const;

  [[nodiscard]] int traverse(visitproc visit, void* arg) const;
  void clear() noexcept { std::exchange(entries_, {}).clear(); }

 private:
  struct Entry {
    py::PyRef reader;
    py::PyRef writer;
    py::PyRef file;  // what it was added by, unless that was a number
    unsigned watched = 0;

    [[nodiscard]] py::PyRef& callback(Side side) noexcept {
      return side == Side::Read ? reader : writer;
    }
    [[nodiscard]] unsigned wanted() const noexcept {
      return (reader ? static_cast<unsigned>(EPOLLIN) : 0U) |
             (writer ? static_cast<unsigned>(EPOLLOUT) : 0U);
    }
  };

  [[nodiscard]] Entry* find(int fd) noexcept {
    return static_cast<std::size_t>(fd) < entries_.size() ? &entries_[static_cast<std::size_t>(fd)]
                                                          : nullptr;
  }
  [[nodiscard]] int number_of_known(PyObject* file);
  [[nodiscard]] bool cancel(const py::PyRef& handle);
  [[nodiscard]] bool offer(int fd, Side side, ReadyQueue& ready);
  int drop(Side side, int fd);

  const py::State& state_;
  const HandleSlots& slots_;
  loop::FdEvents events_;
  std::vector<Entry> entries_;  // by descriptor: the kernel gives the smallest numbers first
};

}  // namespace fasterapi::aio
