// aio/loop_host.hpp: what a server needs of the loop it runs on, whoever drives that loop: libuv's
// part of each turn, and the asyncio loop on which futures and tasks are made. Everything here
// holds the GIL, but for the poll.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "aio/gil_fairness.hpp"
#include "loop/loop.hpp"
#include "py/gil.hpp"
#include "py/state.hpp"

namespace fasterapi::aio {

class LoopHost {
 public:
  LoopHost(const LoopHost&) = delete;
  LoopHost& operator=(const LoopHost&) = delete;

  [[nodiscard]] loop::Loop& loop() noexcept { return loop_; }
  [[nodiscard]] py::ReleaseQueue& releases() noexcept { return releases_; }
  [[nodiscard]] py::State& state() const noexcept { return state_; }
  // The Python object that owns this. Borrowed.
  [[nodiscard]] PyObject* self() noexcept { return self_; }
  // The loop that runs callbacks: futures and tasks are made for it. Borrowed.
  [[nodiscard]] virtual PyObject* asyncio_loop() noexcept = 0;
  // Whether the calling thread may touch what belongs to the loop: it runs in no other one.
  [[nodiscard]] virtual bool in_loop_thread() const noexcept = 0;

  // Destroys `owned` in the loop's thread, at its next turn or with the loop.
  void destroy_later(std::shared_ptr<void> owned) {
    abandoned_.push_back(std::move(owned));
    loop_.wake();
  }
  // How often the asyncio loop has gone round: what a turn of an earlier round has queued has run.
  [[nodiscard]] std::uint64_t rounds() const noexcept { return rounds_; }
  // A Python object that takes part in the turn: it stays alive during each of them. Borrowed.
  void add_companion(PyObject* object) { companions_.push_back(object); }
  void remove_companion(PyObject* object) noexcept { std::erase(companions_, object); }

  // No server may be made on it any more, and nobody is woken.
  bool closed = false;

 protected:
  explicit LoopHost(py::State& state) noexcept : state_(state) {}
  ~LoopHost() = default;

  // The two halves of a turn: sends, polls without the GIL, drops what was given up meanwhile ...
  void poll(bool wait);
  // ... and does what the poll has brought.
  void end_turn();
  // Sends what the turn has produced, for who does not poll again at once. Without the GIL.
  void flush();
  // Whether the poll is under way; another thread that has the GIL may ask.
  [[nodiscard]] bool polling() const noexcept { return polling_; }
  // Closes every handle and what was to be destroyed.
  void close_loop();

  PyObject* self_ = nullptr;  // borrowed: it owns us
  py::State& state_;
  std::uint64_t rounds_ = 0;
  py::ReleaseQueue releases_;  // what dies with the loop still goes there
  loop::Loop loop_;

 private:
  template <class Call>
  void without_gil(Call&& call);

  std::vector<std::shared_ptr<void>> abandoned_;  // by other threads
  std::vector<PyObject*> companions_;
  std::vector<py::PyRef> kept_;  // references to the companions during end_turn()
  GilFairness fairness_;
  bool polling_ = false;  // written and read under the GIL only
};

}  // namespace fasterapi::aio
