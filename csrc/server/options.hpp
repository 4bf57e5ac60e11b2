// server/options.hpp: what the user chose, fixed before the first connection.
#pragma once

#include <string>

#include "base/limits.hpp"
#include "http/status_lines.hpp"

namespace fasterapi::server {

struct Options {
  base::Limits limits;
  http::StatusLines status_lines;
  std::string default_fields;  // whole lines, sent first in every response
  std::string root_path;       // uvicorn's --root-path, for the access log
  bool date_field = true;
  bool trace = false;                            // connections that come and go are told of
  std::size_t concurrency = base::kUnlimited;    // uvicorn's --limit-concurrency
  std::size_t max_responses = base::kUnlimited;  // uvicorn's --limit-max-requests
};

}  // namespace fasterapi::server
