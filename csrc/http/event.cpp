// http/event.cpp: see event.hpp.
#include "http/event.hpp"

namespace fasterapi::http {

void RequestHead::assign(const RequestHead& other) {
  bytes_ = other.bytes_;
  fields_.assign(other.fields_);
  method_ = other.method_;
  target_ = other.target_;
  path_ = other.path_;
  query_ = other.query_;
  content_length_ = other.content_length_;
  minor_version_ = other.minor_version_;
  chunked_ = other.chunked_;
  keep_alive_ = other.keep_alive_;
  expect_continue_ = other.expect_continue_;
  upgrade_ = other.upgrade_;
  forwarded_ = other.forwarded_;
  known_id_ = other.known_id_;
}

}  // namespace fasterapi::http
