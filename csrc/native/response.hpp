// native/response.hpp: a response as a handler makes it: checked piece by piece, sent when it is
// whole. Knows no thread: whoever has the request has it.
#pragma once

#include <fasterapi_native.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/payload.hpp"

namespace fasterapi::native {

class Response {
 public:
  // FA_OK or the mistake, which is kept until reset(). They throw bad_alloc, set_body() apart.
  int set_status(int status) noexcept;
  int add_field(base::ByteView name, base::ByteView value);
  int append_body(base::ByteView bytes);
  int set_body(base::Payload body) noexcept;
  void reset() noexcept;

  // Of all calls since reset(): the first mistake.
  [[nodiscard]] int mistake() const noexcept { return mistake_; }
  // For a mistake that somebody else has seen.
  int note(int mistake) noexcept;

  struct Field {
    base::ByteView name;  // in lower case
    base::ByteView value;
  };
  [[nodiscard]] int status() const noexcept { return status_; }
  [[nodiscard]] std::size_t field_count() const noexcept { return fields_.size(); }
  [[nodiscard]] Field field(std::size_t index) const noexcept;
  [[nodiscard]] std::size_t body_size() const noexcept {
    return copied_.size() + body_.view().size();
  }
  // The body if it is better copied than kept; else it is empty, and take_body() has it.
  [[nodiscard]] base::ByteView small_body() const noexcept;
  [[nodiscard]] base::Payload take_body();

 private:
  struct Range {
    std::uint32_t begin = 0;
    std::uint32_t name_size = 0;
    std::uint32_t value_size = 0;
  };

  std::string text_;  // of the fields
  std::vector<Range> fields_;
  std::string copied_;  // the body, or ...
  base::Payload body_;  // ... the body
  int status_ = 200;
  int mistake_ = FA_OK;
};

// In words, for the log.
[[nodiscard]] base::ByteView text_of_mistake(int mistake) noexcept;

}  // namespace fasterapi::native
