// server/file_transfer.cpp: see file_transfer.hpp.
#include "server/file_transfer.hpp"

#include <algorithm>
#include <string>

#include "base/limits.hpp"

namespace fasterapi::server {

FileTransfer::Outcome FileTransfer::send(loop::TcpStream& stream) {
  std::uint64_t most = base::kFileBytesPerTurn;
  while (left_ > base::kFilePieceBytes && most > 0) {
    stream.flush();
    if (!stream.is_open()) return Outcome::Failed;
    if (stream.unsent_bytes() > 0) return Outcome::Wait;
    const auto sent = stream.send_file(file_, offset_, std::min(left_, most));
    if (!sent) {
      // No second watch on the socket: the next piece goes through the queue, and when that has
      // drained there is room again. Whatever else is wrong shows there, too.
      if (!append_piece(stream, base::kFilePieceBytes)) return Outcome::Failed;
      most -= std::min<std::uint64_t>(most, base::kFilePieceBytes);
      continue;
    }
    if (sent.value() == 0) return Outcome::Failed;
    offset_ += sent.value();
    left_ -= sent.value();
    most -= sent.value();
  }
  if (left_ > base::kFilePieceBytes) return Outcome::GoOn;
  // A small file and the last piece of a large one leave together with what is around them.
  return append_piece(stream, left_) ? Outcome::Complete : Outcome::Failed;
}

bool FileTransfer::append_piece(loop::TcpStream& stream, std::size_t size) {
  std::string piece(size, '\0');
  if (!file_.read(offset_, piece.data(), size)) return false;
  stream.unsent().append(base::Payload::of_string(std::move(piece)));
  offset_ += size;
  left_ -= size;
  return true;
}

}  // namespace fasterapi::server
