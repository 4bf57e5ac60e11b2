// native/response.cpp: see response.hpp.
#include "native/response.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/ascii.hpp"
#include "base/limits.hpp"

namespace fasterapi::native {
namespace {

using base::ByteView;

// Framing and the connection are the server's alone: no handler can smuggle.
bool is_reserved(ByteView lower_name) noexcept {
  switch (lower_name.size()) {
    case 4:
      return lower_name == "date";
    case 7:
      return lower_name == "upgrade" || lower_name == "trailer";
    case 10:
      return lower_name == "connection" || lower_name == "keep-alive";
    case 14:
      return lower_name == "content-length";
    case 17:
      return lower_name == "transfer-encoding";
    default:
      return false;
  }
}

}  // namespace

int Response::note(int mistake) noexcept {
  if (mistake_ == FA_OK) mistake_ = mistake;
  return mistake;
}

int Response::set_status(int status) noexcept {
  if (status < 200 || status > 599) return note(FA_E_STATUS);
  status_ = status;
  return FA_OK;
}

int Response::add_field(ByteView name, ByteView value) {
  const std::size_t begin = text_.size();
  // Each compared alone: their sum may be beyond any number.
  if (name.size() > base::kNativeFieldBytes || value.size() > base::kNativeFieldBytes ||
      begin + name.size() + value.size() > base::kNativeFieldBytes)
    return note(FA_E_TOO_LARGE);
  if (name.empty()) return note(FA_E_NAME);
  text_.resize(begin + name.size());
  std::transform(name.begin(), name.end(), text_.begin() + static_cast<std::ptrdiff_t>(begin),
                 base::token_to_lower);
  const ByteView lower_name = ByteView(text_).substr(begin);
  int mistake = FA_OK;
  if (lower_name.find('\0') != ByteView::npos) {
    mistake = FA_E_NAME;
  } else if (is_reserved(lower_name)) {
    mistake = FA_E_RESERVED;
  } else if (!base::is_field_value(value)) {
    mistake = FA_E_VALUE;
  }
  if (mistake != FA_OK) {
    text_.resize(begin);
    return note(mistake);
  }
  text_.append(value);
  fields_.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(name.size()),
                     static_cast<std::uint32_t>(value.size())});
  return FA_OK;
}

int Response::append_body(ByteView bytes) {
  body_ = {};
  copied_.append(bytes);
  return FA_OK;
}

int Response::set_body(base::Payload body) noexcept {
  copied_.clear();
  body_ = std::move(body);
  return FA_OK;
}

// What an unusually large response needed is given back.
void Response::reset() noexcept {
  text_.clear();
  fields_.clear();
  copied_.clear();
  if (copied_.capacity() > base::kCopiedBodyBytes) std::string().swap(copied_);
  body_ = {};
  status_ = 200;
  mistake_ = FA_OK;
}

Response::Field Response::field(std::size_t index) const noexcept {
  const Range& range = fields_[index];
  const ByteView both = ByteView(text_).substr(range.begin, range.name_size + range.value_size);
  return {both.substr(0, range.name_size), both.substr(range.name_size)};
}

ByteView Response::small_body() const noexcept {
  if (body_size() > base::kCopiedBodyBytes) return {};
  return copied_.empty() ? body_.view() : ByteView(copied_);
}

base::Payload Response::take_body() {
  if (copied_.empty()) return std::move(body_);
  return base::Payload::of_string(std::exchange(copied_, {}));
}

ByteView text_of_mistake(int mistake) noexcept {
  switch (mistake) {
    case FA_E_MEMORY:
      return "there was no memory";
    case FA_E_STATUS:
      return "a status is from 200 to 599";
    case FA_E_NAME:
      return "invalid header name";
    case FA_E_VALUE:
      return "invalid header value";
    case FA_E_RESERVED:
      return "a header that only the server sends";
    case FA_E_TOO_LARGE:
      return "headers are too large";
    case FA_E_TICKET:
      return "a ticket that is not valid";
    default:
      return "an argument that is not valid";
  }
}

}  // namespace fasterapi::native
