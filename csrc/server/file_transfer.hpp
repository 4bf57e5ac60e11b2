// server/file_transfer.hpp: what of a file is still to be sent on a stream. Bounded per turn of the
// loop, so that a fast peer does not keep the others waiting; without the GIL.
#pragma once

#include <utility>

#include "loop/file.hpp"
#include "loop/tcp_stream.hpp"

namespace fasterapi::server {

class FileTransfer : base::Counted<FileTransfer> {
 public:
  explicit FileTransfer(loop::File file) noexcept : file_(std::move(file)) {}

  [[nodiscard]] std::uint64_t size() const noexcept { return file_.size(); }
  // From its beginning.
  void set_bytes(std::uint64_t bytes) noexcept { left_ = bytes; }

  enum class Outcome {
    Complete,  // the last bytes are in the stream's queue
    GoOn,      // more may be sent in the next turn
    Wait,      // the peer lags behind: on_drained() comes
    Failed,    // the file has become shorter or cannot be read, or the stream is closed
  };
  [[nodiscard]] Outcome send(loop::TcpStream& stream);

 private:
  [[nodiscard]] bool append_piece(loop::TcpStream& stream, std::size_t size);

  loop::File file_;
  std::uint64_t offset_ = 0;
  std::uint64_t left_ = 0;
};

}  // namespace fasterapi::server
