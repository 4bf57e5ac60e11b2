// http/authority.hpp: the host a request is for, as the Host field or an absolute target names it
// (RFC 9110 section 7.2, RFC 3986 section 3.2). A pure function.
#pragma once

#include "base/bytes.hpp"

namespace fasterapi::http {

// uri-host [ ":" port ], and nothing that another recipient could read as something else: no
// userinfo, no comma, no empty host, no port above 65535, no IPv6 address without brackets.
[[nodiscard]] bool is_authority(base::ByteView bytes) noexcept;

}  // namespace fasterapi::http
