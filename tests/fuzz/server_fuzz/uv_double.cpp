// tests/fuzz/server_fuzz/uv_double.cpp: the functions of libuv that the room loop calls, of its
// listener and of the clock, on the Network. Linked before the real ones, which are then not
// looked for; one that is missing here shows as a symbol that is defined twice.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/clock.hpp"
#include "loop/listener.hpp"
#include "network.hpp"

using fasterapi::fuzz::Network;
using fasterapi::fuzz::Peer;

namespace {

template <class T>
int init(uv_loop_t* loop, T* handle, uv_handle_type type) {
  std::memset(static_cast<void*>(handle), 0, sizeof *handle);
  handle->loop = loop;
  handle->type = type;
  Network::current().handles.insert(reinterpret_cast<uv_handle_t*>(handle));
  return 0;
}

template <class T>
Peer& peer_of(const T* handle) {
  Peer* peer = Network::current().peer_of(reinterpret_cast<const uv_handle_t*>(handle));
  if (!peer) std::abort();
  return *peer;
}

}  // namespace

extern "C" {

// --- the loop

int uv_loop_init(uv_loop_t* loop) {
  std::memset(static_cast<void*>(loop), 0, sizeof *loop);
  return 0;
}
int uv_loop_close(uv_loop_t*) { return Network::current().handles.empty() ? 0 : UV_EBUSY; }
int uv_loop_fork(uv_loop_t*) { return UV_ENOSYS; }
int uv_run(uv_loop_t*, uv_run_mode) { return Network::current().run(); }
int uv_backend_fd(const uv_loop_t*) { return -1; }
int uv_backend_timeout(const uv_loop_t*) { return 0; }
uint64_t uv_now(const uv_loop_t*) { return Network::current().now_ms(); }
void uv_update_time(uv_loop_t*) {}
int uv_metrics_info(uv_loop_t*, uv_metrics_t* metrics) {
  *metrics = {};
  return 0;
}

const char* uv_err_name(int) { return "UV_ERROR"; }
const char* uv_strerror(int) { return "an error"; }

// --- handles

void uv_close(uv_handle_t* handle, uv_close_cb callback) {
  Network::current().close(handle, callback);
}
int uv_is_active(const uv_handle_t* handle) {
  const auto& timers = Network::current().timers;
  return timers.contains(reinterpret_cast<uv_timer_t*>(const_cast<uv_handle_t*>(handle))) ? 1 : 0;
}
int uv_fileno(const uv_handle_t* handle, uv_os_fd_t* fd) {
  *fd = peer_of(handle).fd;
  return 0;
}
int uv_async_init(uv_loop_t* loop, uv_async_t* handle, uv_async_cb) {
  return init(loop, handle, UV_ASYNC);
}
int uv_async_send(uv_async_t*) { return 0; }
int uv_poll_init(uv_loop_t*, uv_poll_t*, int) { return UV_ENOSYS; }
int uv_poll_start(uv_poll_t*, int, uv_poll_cb) { return UV_ENOSYS; }
int uv_poll_stop(uv_poll_t*) { return 0; }

int uv_timer_init(uv_loop_t* loop, uv_timer_t* handle) { return init(loop, handle, UV_TIMER); }
int uv_timer_start(uv_timer_t* handle, uv_timer_cb callback, uint64_t timeout, uint64_t) {
  Network& network = Network::current();
  network.timers[handle] = {callback, network.now_ms() + timeout};
  return 0;
}
int uv_timer_stop(uv_timer_t* handle) {
  Network::current().timers.erase(handle);
  return 0;
}

// --- streams

int uv_tcp_init(uv_loop_t* loop, uv_tcp_t* handle) { return init(loop, handle, UV_TCP); }
int uv_tcp_open(uv_tcp_t* handle, uv_os_sock_t fd) {
  Network::current().peer_of(fd).stream = reinterpret_cast<uv_stream_t*>(handle);
  return 0;
}
int uv_tcp_nodelay(uv_tcp_t*, int) { return 0; }
int uv_tcp_getsockname(const uv_tcp_t*, sockaddr* address, int* size) {
  std::memset(address, 0, static_cast<std::size_t>(*size));
  address->sa_family = AF_INET;
  return 0;
}
int uv_pipe_init(uv_loop_t*, uv_pipe_t*, int) { return UV_ENOSYS; }
int uv_pipe_open(uv_pipe_t*, uv_file) { return UV_ENOSYS; }
int uv_pipe_getsockname(const uv_pipe_t*, char*, size_t*) { return UV_ENOSYS; }
int uv_pipe_getpeername(const uv_pipe_t*, char*, size_t*) { return UV_ENOSYS; }

uv_buf_t uv_buf_init(char* base, unsigned int size) {
  uv_buf_t buffer;
  buffer.base = base;
  buffer.len = size;
  return buffer;
}
int uv_read_start(uv_stream_t* stream, uv_alloc_cb alloc, uv_read_cb read) {
  Peer& peer = peer_of(stream);
  peer.alloc = alloc;
  peer.read = read;
  return 0;
}
int uv_read_stop(uv_stream_t* stream) {
  peer_of(stream).read = nullptr;
  return 0;
}
int uv_try_write(uv_stream_t* stream, const uv_buf_t buffers[], unsigned int count) {
  Peer& peer = peer_of(stream);
  if (peer.write || peer.room == 0) return UV_EAGAIN;
  if (peer.reset) return UV_EPIPE;
  std::size_t sent = 0;
  for (unsigned index = 0; index < count && peer.room > 0; ++index) {
    const std::size_t size = std::min(peer.room, buffers[index].len);
    peer.received.append(buffers[index].base, size);
    if (peer.room != SIZE_MAX) peer.room -= size;
    sent += size;
  }
  return static_cast<int>(sent);
}
int uv_write(uv_write_t* request, uv_stream_t* stream, const uv_buf_t buffers[], unsigned int count,
             uv_write_cb callback) {
  Peer& peer = peer_of(stream);
  if (peer.write) std::abort();  // the stream promises one at a time
  peer.write.emplace(Peer::Write{request, callback, {}});
  for (unsigned index = 0; index < count; ++index)
    peer.write->left.append(buffers[index].base, buffers[index].len);
  request->handle = stream;
  return 0;
}
size_t uv_stream_get_write_queue_size(const uv_stream_t* stream) {
  const Peer& peer = peer_of(stream);
  return peer.write ? peer.write->left.size() : 0;
}

}  // extern "C"

namespace fasterapi::loop {

Listener::Listener(OnConnection on_connection, OnShortage on_shortage)
    : on_connection_(std::move(on_connection)),
      on_shortage_(std::move(on_shortage)),
      rested_([] {}) {}

UvError Listener::listen(Loop&, int, int) {
  Network::current().on_connection = on_connection_;
  return {};
}

void Listener::close() noexcept { Network::current().on_connection = nullptr; }
void Listener::pause() noexcept { Network::current().listener_paused = true; }
void Listener::resume() noexcept { Network::current().listener_paused = false; }

}  // namespace fasterapi::loop

namespace fasterapi::base {

std::uint64_t monotonic_ms() noexcept { return Network::current().now_ms(); }
std::uint64_t monotonic_ns() noexcept { return monotonic_ms() * 1'000'000; }
std::uint64_t coarse_monotonic_ms() noexcept { return monotonic_ms(); }
ByteView HttpDate::at(std::time_t) noexcept { return "Sun, 06 Nov 1994 08:49:37 GMT"; }

}  // namespace fasterapi::base
