// server/options.hpp: what the user chose, fixed before the first connection.
#pragma once

#include <string>

#include "base/limits.hpp"
#include "http/status_lines.hpp"

namespace fasterapi::server {

// Paths that the server itself answers, as they stand in a request; an empty one is no path.
struct ProbePaths {
  std::string health;
  std::string ready;
  std::string metrics;
};

struct Options {
  base::Limits limits;
  http::StatusLines status_lines;
  ProbePaths probe_paths;
  std::string default_fields;  // whole lines, sent first in every response
  std::string worker;          // this process's name among the metrics
  std::string root_path;       // uvicorn's --root-path, for the access log
  bool date_field = true;
  bool counts = false;                           // for the metrics
  bool trace = false;                            // connections that come and go are told of
  std::size_t concurrency = base::kUnlimited;    // uvicorn's --limit-concurrency
  std::size_t max_responses = base::kUnlimited;  // uvicorn's --limit-max-requests
};

}  // namespace fasterapi::server
