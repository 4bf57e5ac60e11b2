// loop/listener.hpp: a listening socket that somebody else has bound; hands over each connection.
// It accepts itself, not by libuv, which keeps silent about a process without descriptors to spare
// and then spins.
#pragma once

#include <functional>

#include "loop/accepted_socket.hpp"
#include "loop/loop.hpp"
#include "loop/timer.hpp"

namespace fasterapi::loop {

class Listener : base::Counted<Listener> {
 public:
  using OnConnection = std::function<void(AcceptedSocket)>;
  // No connection can be accepted for lack of descriptors or memory; it is tried again soon.
  using OnShortage = std::function<void(UvError)>;
  Listener(OnConnection on_connection, OnShortage on_shortage);
  ~Listener() { close(); }

  // Listens on a duplicate of `fd`, whose family decides between TCP and Unix.
  UvError listen(Loop& loop, int fd, int backlog);
  void close() noexcept;

  // Lets connections wait in the kernel's backlog until resume().
  void pause() noexcept;
  void resume() noexcept;

 private:
  static void on_readable(uv_poll_t* poll, int status, int events);

  void watch() noexcept;
  void accept_some();
  bool accept_one();
  void rest(UvError why);
  void shed() noexcept;

  OnConnection on_connection_;
  OnShortage on_shortage_;
  UvHandle<uv_poll_t> handle_;
  Timer rested_;
  std::uint64_t rest_ended_ms_ = 0;
  int fd_ = -1;
  int spare_fd_ = -1;      // given up to accept and close connections when there is no other left
  std::size_t burst_ = 1;  // how many are accepted at once: more while more than one is waiting
  bool is_unix_ = false;
  bool paused_ = false;
};

}  // namespace fasterapi::loop
