// tests/fuzz/server_fuzz/network.hpp: libuv, the listener and the clock without a kernel: peers are
// strings, and time passes when the fuzzer says so. loop::Loop and loop::TcpStream are the real
// ones. One network at a time.
#pragma once

#include <uv.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "loop/accepted_socket.hpp"

namespace fasterapi::fuzz {

// A connection, seen from the peer's end.
struct Peer {
  explicit Peer(int fd_number) : fd(fd_number) {}

  // What the peer does.
  std::string sent;                // and not yet read by the server
  std::size_t segment = SIZE_MAX;  // how many bytes of it one read gives
  std::size_t room = SIZE_MAX;     // how many bytes more the kernel takes of the server
  bool ended = false;              // sends nothing more
  bool reset = false;
  // What the server does.
  std::string received;
  bool closed = false;
  bool cut = false;  // closed while a write was under way

  struct Write {
    uv_write_t* request;
    uv_write_cb callback;
    std::string left;
  };
  const int fd;                   // and the peer's port: its name
  uv_stream_t* stream = nullptr;  // null before open and after close
  uv_alloc_cb alloc = nullptr;
  uv_read_cb read = nullptr;  // null: not reading
  std::optional<Write> write;
};

class Network {
 public:
  Network();
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  Peer& connect();
  [[nodiscard]] const std::vector<std::unique_ptr<Peer>>& peers() const noexcept { return peers_; }
  void pass_ms(std::uint64_t ms) noexcept { now_ms_ += ms; }
  // Memory that the network itself needs.
  [[nodiscard]] std::size_t held_bytes() const;

  // For the functions that stand for libuv's.
  static Network& current();
  [[nodiscard]] std::uint64_t now_ms() const noexcept { return now_ms_; }
  [[nodiscard]] Peer& peer_of(int fd);
  [[nodiscard]] Peer* peer_of(const uv_handle_t* handle);
  int run();
  void close(uv_handle_t* handle, uv_close_cb callback);

  struct Timer {
    uv_timer_cb callback;
    std::uint64_t due_ms;
  };
  std::map<uv_timer_t*, Timer> timers;
  std::set<const uv_handle_t*> handles;
  std::function<void(loop::AcceptedSocket)> on_connection;  // null: nobody listens
  bool listener_paused = false;

 private:
  void accept_waiting();
  static void read_from(Peer& peer);
  static void write_to(Peer& peer);
  void close_handles();
  void fire_timers();

  std::vector<std::unique_ptr<Peer>> peers_;
  std::deque<Peer*> waiting_;
  std::vector<std::pair<uv_handle_t*, uv_close_cb>> closing_;
  std::uint64_t now_ms_ = 1'000'000;
};

}  // namespace fasterapi::fuzz
