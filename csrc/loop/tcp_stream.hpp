// loop/tcp_stream.hpp: an accepted stream socket, TCP or Unix: reads into the loop's buffer, writes
// what it owns. Bytes to send are appended to unsent() and leave together at flush(), in one writev
// where the kernel takes them.
#pragma once

#include "base/address.hpp"
#include "base/payload_queue.hpp"
#include "loop/accepted_socket.hpp"
#include "loop/file.hpp"
#include "loop/loop.hpp"

namespace fasterapi::loop {

union StreamMemory {
  uv_stream_t stream;
  uv_tcp_t tcp;
  uv_pipe_t pipe;
};

class StreamUser {
 public:
  virtual void on_bytes(base::ByteView bytes) = 0;  // valid during the call
  virtual void on_peer_closed() = 0;                // the peer will send nothing more
  virtual void on_broken(
      UvError error) = 0;         // reading or writing failed; the stream is of no more use
  virtual void on_drained() = 0;  // everything that a flush() left behind has been written

 protected:
  ~StreamUser() = default;
};

class TcpStream : base::Counted<TcpStream> {
 public:
  TcpStream(Loop& loop, StreamUser& user) noexcept : loop_(loop), user_(user) {}

  // Takes the socket over.
  UvError open(AcceptedSocket socket);

  void start_reading() noexcept;
  void stop_reading() noexcept;
  [[nodiscard]] bool reading() const noexcept { return reading_; }

  [[nodiscard]] base::PayloadQueue& unsent() noexcept { return unsent_; }
  // Bytes not yet taken by the kernel, in flight or not.
  [[nodiscard]] std::size_t unsent_bytes() const noexcept {
    return unsent_.size() + in_flight_bytes_;
  }

  // Bytes that the kernel has taken, but for a write under way.
  [[nodiscard]] std::uint64_t written_bytes() const noexcept { return written_bytes_; }

  // How many bytes the peer's side of the connection has taken since it began. Asks the kernel,
  // whose buffer may hold megabytes that a slow peer has not seen.
  [[nodiscard]] std::uint64_t bytes_delivered() const noexcept;

  // Whether all of it has been taken.
  [[nodiscard]] bool all_delivered() const noexcept {
    return unsent_bytes() == 0 && kernel_bytes() == 0;
  }

  // Sends unsent(); what the kernel does not take now goes out as it does, then on_drained().
  void flush() noexcept;
  // Sends bytes of the file that the kernel takes at once, past unsent(); 0 if the file has ended.
  // An error says that it takes none now, or that they have to be written.
  // REQUIRES: nothing unsent, open.
  [[nodiscard]] base::Result<std::size_t, UvError> send_file(const File& file, std::uint64_t offset,
                                                             std::size_t count) noexcept;
  // Tells the peer that nothing more will come. REQUIRES: nothing unsent.
  void shut_down_writing() noexcept;

  // What the kernel still has to send goes out; a peer that does not take it is given up after a
  // while.
  void close() noexcept;
  // Closes so that the kernel forgets what the peer has not taken; the peer gets a reset.
  void reset() noexcept;
  [[nodiscard]] bool is_open() const noexcept { return handle_.is_open(); }

  [[nodiscard]] base::Address local_address() const;
  [[nodiscard]] base::Address peer_address() const;

 private:
  struct WriteRequest;
  using PipeName = int (*)(const uv_pipe_t*, char*, size_t*);

  static void on_alloc(uv_handle_t* handle, std::size_t suggested, uv_buf_t* buffer);
  static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer);
  static void on_written(uv_write_t* request, int status);
  void send_unsent();
  void write_rest();
  void go_on_behind(base::PayloadQueue& written, std::size_t count);
  [[nodiscard]] int fd() const noexcept;
  [[nodiscard]] std::size_t kernel_bytes() const noexcept;
  [[nodiscard]] bool is_unix() const noexcept {
    return handle_.get()->stream.type == UV_NAMED_PIPE;
  }
  [[nodiscard]] base::Address unix_address(PipeName name) const;

  Loop& loop_;
  StreamUser& user_;
  UvHandle<StreamMemory> handle_;
  base::PayloadQueue unsent_;
  std::size_t in_flight_bytes_ = 0;
  std::size_t given_bytes_ = 0;      // of these to libuv; a writev takes only so many segments
  std::uint64_t written_bytes_ = 0;  // to the kernel, but for what is in flight
  std::uint64_t read_turn_ = 0;      // the loop's turn that the last read belongs to
  PeerAddress peer_{};
  bool reading_ = false;
};

}  // namespace fasterapi::loop
