// loop/uv_error.hpp: libuv's error codes as values: the only map from UV_E* to name and text.
#pragma once

#include <uv.h>

#include "base/bytes.hpp"

namespace fasterapi::loop {

class [[nodiscard]] UvError {
 public:
  UvError() noexcept = default;
  explicit UvError(int status) noexcept : status_(status < 0 ? status : 0) {}

  [[nodiscard]] bool ok() const noexcept { return status_ == 0; }
  [[nodiscard]] int code() const noexcept { return status_; }
  [[nodiscard]] int errno_value() const noexcept { return -status_; }  // on Unix UV_EXXX is -EXXX
  [[nodiscard]] base::ByteView name() const noexcept { return uv_err_name(status_); }
  [[nodiscard]] base::ByteView text() const noexcept { return uv_strerror(status_); }

 private:
  int status_ = 0;
};

}  // namespace fasterapi::loop
