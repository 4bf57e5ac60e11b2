// loop/file.cpp: see file.hpp.
#include "loop/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace fasterapi::loop {

base::Result<File, UvError> File::open(const std::string& path) noexcept {
  // Not waiting: a named pipe without a writer would stop the loop.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return UvError(-errno);
  struct stat status{};
  const int error = fstat(fd, &status) != 0 ? -errno : 0;
  File file(fd, static_cast<std::uint64_t>(status.st_size));
  if (error != 0) return UvError(error);
  if (!S_ISREG(status.st_mode)) return UvError(S_ISDIR(status.st_mode) ? UV_EISDIR : UV_EINVAL);
  return file;
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

bool File::read(std::uint64_t offset, char* to, std::size_t count) const noexcept {
  while (count > 0) {
    const ssize_t got = pread(fd_, to, count, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    offset += static_cast<std::uint64_t>(got);
    to += got;
    count -= static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace fasterapi::loop
