// http/response_trailers.cpp: see response_trailers.hpp.
#include "http/response_trailers.hpp"

#include <algorithm>
#include <array>

namespace fasterapi::http {
namespace {

using base::ByteView;

constexpr std::array kNames{
    // framing and routing
    ByteView("transfer-encoding"), ByteView("host"), ByteView("connection"), ByteView("keep-alive"),
    ByteView("te"), ByteView("trailer"), ByteView("upgrade"), ByteView("max-forwards"),
    // control of the response
    ByteView("age"), ByteView("cache-control"), ByteView("date"), ByteView("expires"),
    ByteView("location"), ByteView("pragma"), ByteView("retry-after"), ByteView("vary"),
    ByteView("warning"), ByteView("range"), ByteView("expect"),
    // who is who
    ByteView("authorization"), ByteView("cookie"), ByteView("set-cookie"),
    ByteView("www-authenticate")};

constexpr std::array kPrefixes{ByteView("content-"), ByteView("if-"), ByteView("proxy-"),
                               ByteView("access-control-"), ByteView("sec-")};

}  // namespace

bool may_be_response_trailer(ByteView name) noexcept {
  if (name == "content-digest") return true;  // RFC 9530: known only behind the content
  return std::find(kNames.begin(), kNames.end(), name) == kNames.end() &&
         std::none_of(kPrefixes.begin(), kPrefixes.end(),
                      [&](ByteView prefix) { return name.starts_with(prefix); });
}

}  // namespace fasterapi::http
