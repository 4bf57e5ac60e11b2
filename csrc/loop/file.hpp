// loop/file.hpp: an open regular file, read at any offset. Reading blocks the calling thread while
// the disk is slow, as every read of a regular file does.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/counters.hpp"
#include "base/result.hpp"
#include "loop/uv_error.hpp"

namespace fasterapi::loop {

class File : base::Counted<File> {
 public:
  // An error for whatever is no regular file: a directory, a pipe, a device.
  [[nodiscard]] static base::Result<File, UvError> open(const std::string& path) noexcept;

  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}
  File& operator=(File&&) = delete;
  ~File();

  [[nodiscard]] int fd() const noexcept { return fd_; }
  // When it was opened.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  // Reads exactly so many bytes; false if the file cannot be read or ends before.
  [[nodiscard]] bool read(std::uint64_t offset, char* to, std::size_t count) const noexcept;

 private:
  File(int fd, std::uint64_t size) noexcept : fd_(fd), size_(size) {}
  int fd_;
  std::uint64_t size_;
};

}  // namespace fasterapi::loop
