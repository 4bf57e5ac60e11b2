// http/response_trailers.cpp: see response_trailers.hpp.
#include "http/response_trailers.hpp"

#include <algorithm>
#include <array>

#include "http/trailers.hpp"

namespace fasterapi::http {
namespace {

using base::ByteView;

// What tells the recipient how to handle a response.
constexpr std::array kControls{ByteView("age"),        ByteView("date"), ByteView("expires"),
                               ByteView("location"),   ByteView("vary"), ByteView("warning"),
                               ByteView("retry-after")};

}  // namespace

bool may_be_response_trailer(ByteView name) noexcept {
  return !must_stand_in_head(name) &&
         std::find(kControls.begin(), kControls.end(), name) == kControls.end();
}

}  // namespace fasterapi::http
