// native/route.hpp: which requests a native handler answers, and what it was promised.
#pragma once

#include <fasterapi_native.h>

#include <cstddef>
#include <string>

#include "base/limits.hpp"
#include "http/path_pattern.hpp"

namespace fasterapi::native {

struct Route {
  std::string method;  // "*": any; "GET" takes HEAD, too
  http::PathPattern pattern;
  fa_handler handler = nullptr;
  void* user = nullptr;
  std::size_t max_body = 0;                   // bytes; 0: the body is not read
  std::size_t timeout_ms = base::kUnlimited;  // of a deferred request
  bool holds_gil = false;                     // to be called at the end of the turn
};

}  // namespace fasterapi::native
