// loop/tcp_stream.cpp: see tcp_stream.hpp.
#include "loop/tcp_stream.hpp"

#include <array>
#include <memory>

#include "loop/entry.hpp"

namespace fasterapi::loop {

// Owns the bytes that the kernel did not take at once, until libuv has written them or the stream
// is closed.
struct TcpStream::WriteRequest : base::Counted<WriteRequest> {
  uv_write_t request{};
  base::PayloadQueue bytes;
  std::size_t given_bytes = 0;  // to libuv; the rest has more segments than one writev takes
};

namespace {

std::size_t buffers_of(const base::PayloadQueue& queue,
                       std::array<uv_buf_t, base::kWriteVectors>& buffers) {
  std::array<base::ByteView, base::kWriteVectors> views;
  const std::size_t count = queue.gather(views);
  for (std::size_t index = 0; index < count; ++index) {
    buffers[index].base = const_cast<char*>(views[index].data());  // libuv does not write to it
    buffers[index].len = views[index].size();  // uv_buf_init() takes only 32 bits of it
  }
  return count;
}

}  // namespace

UvError TcpStream::accept(uv_stream_t* listener) {
  const bool is_unix = listener->type == UV_NAMED_PIPE;
  const UvError opened = handle_.open(this, [&](StreamMemory* memory) {
    return is_unix ? uv_pipe_init(loop_.uv(), &memory->pipe, 0)
                   : uv_tcp_init(loop_.uv(), &memory->tcp);
  });
  if (!opened.ok()) return opened;
  const UvError accepted(uv_accept(listener, &handle_.get()->stream));
  if (!accepted.ok()) {
    handle_.close();
  } else if (!is_unix) {
    uv_tcp_nodelay(&handle_.get()->tcp,
                   1);  // as asyncio's transports; head and body leave together anyway
  }
  return accepted;
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

void TcpStream::on_alloc(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
  auto* self = static_cast<TcpStream*>(handle->data);
  *buffer = self ? uv_buf_init(self->loop_.receive_buffer(), base::kReceiveBufferBytes)
                 : uv_buf_init(nullptr, 0);
}

void TcpStream::on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  auto* self = static_cast<TcpStream*>(stream->data);
  if (!self || count == 0) return;  // 0: EAGAIN
  StreamUser& user = self->user_;
  if (count > 0) {
    return uv_entry([&] { user.on_bytes({buffer->base, static_cast<std::size_t>(count)}); },
                    [&] { user.on_broken(UvError(UV_ENOMEM)); });
  }
  self->stop_reading();
  if (count == UV_EOF) return user.on_peer_closed();
  user.on_broken(UvError(static_cast<int>(count)));
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
    unsent_.consume(static_cast<std::size_t>(sent));
  }
  unsent_.keep_at_most(base::kIdleBufferBytes);
}

void TcpStream::write_rest() {
  auto request = std::make_unique<WriteRequest>();
  request->bytes = std::exchange(unsent_, {});
  std::array<uv_buf_t, base::kWriteVectors> buffers;
  const std::size_t count = buffers_of(request->bytes, buffers);
  for (std::size_t index = 0; index < count; ++index) request->given_bytes += buffers[index].len;
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
  StreamUser& user = self->user_;
  if (status < 0) return user.on_broken(UvError(status));
  uv_entry([&] { self->go_on_behind(written->bytes, written->given_bytes); },
           [&] { user.on_broken(UvError(UV_ENOMEM)); });
  if (!request->handle->data) return;  // it broke, and its user has closed it
  if (self->unsent_bytes() == 0) user.on_drained();
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

void TcpStream::shut_down_writing() noexcept {
  if (!is_open()) return;
  auto request = std::make_unique<uv_shutdown_t>();
  const int status = uv_shutdown(request.get(), &handle_.get()->stream,
                                 [](uv_shutdown_t* done, int) { delete done; });
  if (status == 0) (void)request.release();  // owned by libuv until its callback
}

base::Address TcpStream::address(TcpName tcp_name, PipeName pipe_name) const {
  base::Address found;
  if (!is_open()) return found;
  if (handle_.get()->stream.type == UV_NAMED_PIPE) {
    std::array<char, 256> path{};
    std::size_t size = path.size();
    found.is_unix = true;
    if (pipe_name(&handle_.get()->pipe, path.data(), &size) == 0)
      found.host.assign(path.data(), size);
    return found;
  }
  sockaddr_storage storage{};
  int size = sizeof storage;
  if (tcp_name(&handle_.get()->tcp, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
    return found;
  std::array<char, 64> text{};
  if (storage.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
    uv_ip6_name(v6, text.data(), text.size());
    found.port = ntohs(v6->sin6_port);
  } else {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
    uv_ip4_name(v4, text.data(), text.size());
    found.port = ntohs(v4->sin_port);
  }
  found.host = text.data();
  return found;
}

}  // namespace fasterapi::loop
