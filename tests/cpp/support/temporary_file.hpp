// tests/cpp/support/temporary_file.hpp: a file that is gone at the end of the test.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace fasterapi::support {

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) {
    std::string name = std::filesystem::temp_directory_path() / "fasterapi-test-XXXXXX";
    if (const int fd = mkstemp(name.data()); fd >= 0) ::close(fd);
    path_ = name;
    std::ofstream(path_, std::ios::binary) << content;
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::filesystem::remove(path_); }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  void resize(std::size_t size) const { std::filesystem::resize_file(path_, size); }

 private:
  std::string path_;
};

}  // namespace fasterapi::support
