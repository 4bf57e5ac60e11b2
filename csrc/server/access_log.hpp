// server/access_log.hpp: what is told about every response when it begins, and about peers that
// misbehave. The sinks are chosen at start; called on the loop's thread, with or without the GIL.
#pragma once

#include "base/bytes.hpp"

namespace fasterapi::server {

struct AccessRecord {
  base::ByteView client;  // "127.0.0.1:5000", empty for a Unix socket
  base::ByteView method;
  base::ByteView path;  // percent-encoded, with the query
  int minor_version = 1;
  int status = 0;
};

class AccessLog {
 public:
  virtual void record(const AccessRecord& record) = 0;

 protected:
  ~AccessLog() = default;
};

class EventLog {
 public:
  virtual void warning(base::ByteView text) = 0;
  // Connections that come and go; only with Options::trace.
  virtual void trace(base::ByteView) {}
  // The number of responses that Options::max_responses names has been sent. Once.
  virtual void max_responses_reached() = 0;

 protected:
  ~EventLog() = default;
};

}  // namespace fasterapi::server
