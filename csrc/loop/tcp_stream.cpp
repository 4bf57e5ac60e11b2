// loop/tcp_stream.cpp: see tcp_stream.hpp.
#include "loop/tcp_stream.hpp"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "loop/entry.hpp"

namespace fasterapi::loop {

// Owns the bytes that the kernel did not take at once, until libuv has written them or the stream
// is closed.
struct TcpStream::WriteRequest : base::Counted<WriteRequest> {
  uv_write_t request{};
  base::PayloadQueue bytes;
};

namespace {

std::size_t buffers_of(const base::PayloadQueue& queue,
                       std::array<uv_buf_t, base::kWriteVectors>& buffers) {
  std::size_t count = 0;
  queue.look(buffers.size(), [&](base::ByteView view) {
    buffers[count].base = const_cast<char*>(view.data());  // libuv does not write to it
    buffers[count++].len = view.size();                    // uv_buf_init() takes only 32 bits of it
  });
  return count;
}

}  // namespace

UvError TcpStream::open(AcceptedSocket socket) {
  const bool is_unix = socket.is_unix();
  peer_ = socket.peer();
  UvError error = handle_.open(this, [&](StreamMemory* memory) {
    return is_unix ? uv_pipe_init(loop_.uv(), &memory->pipe, 0)
                   : uv_tcp_init(loop_.uv(), &memory->tcp);
  });
  if (!error.ok()) return error;
  error = UvError(is_unix ? uv_pipe_open(&handle_.get()->pipe, socket.fd())
                          : uv_tcp_open(&handle_.get()->tcp, socket.fd()));
  if (!error.ok()) {
    handle_.close();
    return error;
  }
  (void)socket.release();  // libuv's
  // As asyncio's transports; head and body leave together anyway.
  if (!is_unix) uv_tcp_nodelay(&handle_.get()->tcp, 1);
  return {};
}

void TcpStream::start_reading() noexcept {
  if (reading_ || !is_open()) return;
  reading_ = uv_read_start(&handle_.get()->stream, on_alloc, on_read) == 0;
  loop_.want_turn();  // libuv tells the kernel at the next poll
}

void TcpStream::stop_reading() noexcept {
  if (reading_ && is_open()) uv_read_stop(&handle_.get()->stream);
  reading_ = false;
}

// One read per turn: libuv would read 32 times in a row from a peer that sends fast enough, while
// all others wait. The kernel reports what is left at the next poll.
void TcpStream::on_alloc(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
  auto* self = static_cast<TcpStream*>(handle->data);
  *buffer = uv_buf_init(nullptr, 0);
  if (!self || std::exchange(self->read_turn_, self->loop_.turn()) == self->loop_.turn()) return;
  uv_entry([&] { *buffer = uv_buf_init(self->loop_.receive_buffer(), base::kReceiveBufferBytes); },
           [] {});  // without it the bytes wait for another turn
}

void TcpStream::on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  auto* self = static_cast<TcpStream*>(stream->data);
  if (!self || count == 0 || count == UV_ENOBUFS) return;  // 0: EAGAIN; see on_alloc()
  StreamUser& user = self->user_;
  if (count < 0) self->stop_reading();
  uv_entry(
      [&] {
        if (count > 0) return user.on_bytes({buffer->base, static_cast<std::size_t>(count)});
        if (count == UV_EOF) return user.on_peer_closed();
        user.on_broken(UvError(static_cast<int>(count)));
      },
      [&] { user.on_broken(UvError(UV_ENOMEM)); });
}

void TcpStream::flush() noexcept {
  if (in_flight_bytes_ > 0 || unsent_.empty() || !is_open()) return;
  uv_entry([this] { send_unsent(); }, [this] { user_.on_broken(UvError(UV_ENOMEM)); });
}

void TcpStream::send_unsent() {
  while (!unsent_.empty()) {
    std::array<uv_buf_t, base::kWriteVectors> buffers;
    const std::size_t count = buffers_of(unsent_, buffers);
    const int sent =
        uv_try_write(&handle_.get()->stream, buffers.data(), static_cast<unsigned>(count));
    if (sent == UV_EAGAIN) return write_rest();
    if (sent < 0) {
      unsent_.clear();
      return user_.on_broken(UvError(sent));
    }
    written_bytes_ += static_cast<std::size_t>(sent);
    unsent_.consume(static_cast<std::size_t>(sent));
  }
  unsent_.keep_at_most(base::kIdleBufferBytes);
}

void TcpStream::write_rest() {
  auto request = std::make_unique<WriteRequest>();
  request->bytes = std::exchange(unsent_, {});
  std::array<uv_buf_t, base::kWriteVectors> buffers;
  const std::size_t count = buffers_of(request->bytes, buffers);
  given_bytes_ = 0;
  for (std::size_t index = 0; index < count; ++index) given_bytes_ += buffers[index].len;
  in_flight_bytes_ = request->bytes.size();
  request->request.data = request.get();
  const UvError error(uv_write(&request->request, &handle_.get()->stream, buffers.data(),
                               static_cast<unsigned>(count), on_written));
  if (!error.ok()) {
    in_flight_bytes_ = 0;
    return user_.on_broken(error);
  }
  (void)request.release();  // owned by libuv until on_written
}

void TcpStream::on_written(uv_write_t* request, int status) {
  const std::unique_ptr<WriteRequest> written(static_cast<WriteRequest*>(request->data));
  auto* self = static_cast<TcpStream*>(request->handle->data);
  if (!self) return;
  self->in_flight_bytes_ = 0;
  self->written_bytes_ += self->given_bytes_;
  StreamUser& user = self->user_;
  if (status < 0) return user.on_broken(UvError(status));
  uv_entry(
      [&] {
        self->go_on_behind(written->bytes, self->given_bytes_);
        if (!request->handle->data) return;  // it broke, and its user has closed it
        if (self->unsent_bytes() == 0) user.on_drained();
      },
      [&] { user.on_broken(UvError(UV_ENOMEM)); });
}

// What was not given to libuv yet stands before what was appended since.
void TcpStream::go_on_behind(base::PayloadQueue& written, std::size_t count) {
  written.consume(count);
  if (!written.empty()) {
    written.append(std::move(unsent_));
    unsent_ = std::move(written);
  }
  flush();
}

base::Result<std::size_t, UvError> TcpStream::send_file(const File& file, std::uint64_t offset,
                                                        std::size_t count) noexcept {
  auto from = static_cast<off_t>(offset);
  ssize_t sent = 0;
  do {
    sent = sendfile(fd(), file.fd(), &from, count);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return UvError(-errno);
  written_bytes_ += static_cast<std::size_t>(sent);
  return static_cast<std::size_t>(sent);
}

void TcpStream::shut_down_writing() noexcept {
  // Not by uv_shutdown(), which waits for writes, of which there are none, and needs memory.
  ::shutdown(fd(), SHUT_WR);
}

int TcpStream::fd() const noexcept {
  uv_os_fd_t found = -1;
  return is_open() && uv_fileno(handle_.base(), &found) == 0 ? found : -1;
}

// What the kernel has taken and the peer's has not.
std::size_t TcpStream::kernel_bytes() const noexcept {
  int bytes = 0;
  return ioctl(fd(), SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

std::uint64_t TcpStream::bytes_delivered() const noexcept {
  if (!is_open()) return written_bytes_;
  std::uint64_t written = written_bytes_;
  if (in_flight_bytes_ > 0)
    written += given_bytes_ - uv_stream_get_write_queue_size(&handle_.get()->stream);
  return written - std::min<std::uint64_t>(written, kernel_bytes());
}

void TcpStream::close() noexcept {
  // Else the kernel would keep megabytes for minutes for a peer whose window stays shut (tcp(7)).
  if (is_open() && kernel_bytes() > 0)
    setsockopt(fd(), IPPROTO_TCP, TCP_USER_TIMEOUT, &base::kUndeliveredMs,
               sizeof base::kUndeliveredMs);
  handle_.close();
}

void TcpStream::reset() noexcept {
  constexpr linger kAtOnce{1, 0};
  setsockopt(fd(), SOL_SOCKET, SO_LINGER, &kAtOnce, sizeof kAtOnce);
  handle_.close();
}

base::Address TcpStream::unix_address(PipeName name) const {
  base::Address found;
  std::array<char, 256> path{};
  std::size_t size = path.size();
  found.is_unix = true;
  if (name(&handle_.get()->pipe, path.data(), &size) == 0) found.host.assign(path.data(), size);
  return found;
}

base::Address TcpStream::peer_address() const {
  if (!is_open()) return {};
  return is_unix() ? unix_address(uv_pipe_getpeername) : to_text(peer_);
}

base::Address TcpStream::local_address() const {
  if (!is_open()) return {};
  if (is_unix()) return unix_address(uv_pipe_getsockname);
  PeerAddress address{};
  int size = sizeof address;
  if (uv_tcp_getsockname(&handle_.get()->tcp, &address.any, &size) != 0) return {};
  return to_text(address);
}

}  // namespace fasterapi::loop
