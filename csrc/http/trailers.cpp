// http/trailers.cpp: see trailers.hpp.
#include "http/trailers.hpp"

#include <algorithm>
#include <array>

#include "base/ascii.hpp"

namespace fasterapi::http {
namespace {

using base::ByteView;

constexpr std::array kNames{
    // framing and routing
    ByteView("transfer-encoding"), ByteView("host"), ByteView("connection"), ByteView("keep-alive"),
    ByteView("te"), ByteView("trailer"), ByteView("upgrade"), ByteView("max-forwards"),
    ByteView("via"), ByteView("forwarded"), ByteView("x-real-ip"), ByteView("x-original-url"),
    ByteView("x-rewrite-url"), ByteView("x-http-method-override"), ByteView("http2-settings"),
    // how the request is to be handled
    ByteView("expect"), ByteView("range"), ByteView("cache-control"), ByteView("pragma"),
    ByteView("prefer"), ByteView("early-data"), ByteView("origin"), ByteView("referer"),
    // who sends it
    ByteView("authorization"), ByteView("cookie"), ByteView("cookie2"), ByteView("set-cookie"),
    ByteView("set-cookie2"), ByteView("www-authenticate")};

constexpr std::array kPrefixes{ByteView("content-"),       ByteView("if-"),  ByteView("proxy-"),
                               ByteView("x-forwarded-"),   ByteView("sec-"), ByteView("accept"),
                               ByteView("access-control-")};

}  // namespace

bool must_stand_in_head(ByteView name) noexcept {
  if (name == "content-digest") return false;  // RFC 9530: known only behind the content
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() ||
         std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](ByteView prefix) { return name.starts_with(prefix); });
}

Trailers::Verdict Trailers::check_field(std::size_t end,
                                        const base::Limits& limits) const noexcept {
  if (end - field_begin_ > limits.field_bytes) return ProtocolError::HeadTooLarge;
  return check_size(end, limits);
}

Trailers::Verdict Trailers::add_name(base::ByteView part, std::size_t offset,
                                     const base::Limits& limits) noexcept {
  if (!in_field_) {
    in_field_ = true;
    field_begin_ = offset;
    name_bytes_ = 0;
  }
  for (const char c : part.substr(0, name_.size() - name_bytes_))
    name_[name_bytes_++] = base::to_lower(c);
  return check_field(offset + part.size(), limits);
}

Trailers::Verdict Trailers::add_value(base::ByteView part, std::size_t offset,
                                      const base::Limits& limits) noexcept {
  if (part.empty()) return std::nullopt;  // llhttp names a place behind the line
  return check_field(offset + part.size(), limits);
}

Trailers::Verdict Trailers::end_field(const base::Limits& limits) noexcept {
  in_field_ = false;
  if (++fields_ > limits.head_fields) return ProtocolError::HeadTooLarge;
  if (must_stand_in_head({name_.data(), name_bytes_})) return ProtocolError::BadTrailer;
  return std::nullopt;
}

}  // namespace fasterapi::http
