// asgi/shadow_names.cpp: see shadow_names.hpp.
#include "asgi/shadow_names.hpp"

#include <algorithm>
#include <array>

namespace fasterapi::asgi {
namespace {

using base::ByteView;

constexpr std::array kNames{ByteView("content-length"),     ByteView("transfer-encoding"),
                            ByteView("x-real-ip"),          ByteView("x-client-ip"),
                            ByteView("x-original-url"),     ByteView("x-original-host"),
                            ByteView("x-rewrite-url"),      ByteView("x-http-method-override"),
                            ByteView("x-cluster-client-ip")};
constexpr ByteView kForwarded = "x-forwarded-";

char unified(char c) noexcept { return c == '_' ? '-' : c; }

bool equal(ByteView name, ByteView known) noexcept {
  return std::equal(name.begin(), name.end(), known.begin(), known.end(),
                    [](char a, char b) { return unified(a) == b; });
}

}  // namespace

bool is_shadow_name(ByteView name) noexcept {
  if (name.find('_') == ByteView::npos) return false;
  return equal(name.substr(0, kForwarded.size()), kForwarded) ||
         std::any_of(kNames.begin(), kNames.end(),
                     [&](ByteView known) { return equal(name, known); });
}

}  // namespace fasterapi::asgi
