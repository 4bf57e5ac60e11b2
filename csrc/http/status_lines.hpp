// http/status_lines.hpp: "HTTP/1.1 200 OK\r\n" for every status, made once (RFC 9112 section 4).
// The reason phrases are RFC 9110's unless the owner names others: the server takes those of
// Python's http module, so that the status line and the access log say the same. Immutable while
// serving.
#pragma once

#include <array>
#include <string>

#include "base/bytes.hpp"

namespace fasterapi::http {

class StatusLines {
 public:
  static constexpr int kFirst = 100;
  static constexpr int kLast = 599;

  StatusLines();
  void set_phrase(int status, base::ByteView phrase);

  // REQUIRES: kFirst <= status <= kLast.
  [[nodiscard]] base::ByteView line(int status) const noexcept { return lines_[index(status)]; }
  [[nodiscard]] base::ByteView phrase(int status) const noexcept {
    constexpr std::size_t kBefore = sizeof "HTTP/1.1 200 " - 1;
    const base::ByteView whole = line(status);
    return whole.substr(kBefore, whole.size() - kBefore - 2);
  }

 private:
  static std::size_t index(int status) noexcept {
    return static_cast<std::size_t>(status - kFirst);
  }
  std::array<std::string, kLast - kFirst + 1> lines_;
};

}  // namespace fasterapi::http
