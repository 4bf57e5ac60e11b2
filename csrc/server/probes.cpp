// server/probes.cpp: see probes.hpp.
#include "server/probes.hpp"

#include "server/exchange.hpp"
#include "server/server.hpp"

namespace fasterapi::server {

bool Probes::answer(Exchange& exchange) const {
  const http::RequestHead& head = exchange.head();
  const base::ByteView path = head.raw_path();
  if (!knows(path)) return false;
  const bool is_read = head.method() == "GET" || head.is_head();
  const Response response = is_read ? respond(path) : Response{405, kText, "method not allowed\n"};
  exchange.record_access(response.status);
  // No error is possible: status and fields are ours.
  (void)exchange.begin_head(response.status);
  if (!is_read) (void)exchange.add_field("allow", "GET, HEAD");
  (void)exchange.add_field("cache-control", "no-store");
  (void)exchange.add_field("content-type", response.content_type);
  (void)exchange.add_field("content-length", std::to_string(response.body.size()));
  (void)exchange.end_head();
  (void)exchange.send_body(base::ByteView(response.body), false);
  return true;
}

bool Probes::knows(base::ByteView path) const noexcept {
  if (path.empty()) return false;
  return path == paths_.health || path == paths_.ready || path == paths_.metrics;
}

Probes::Response Probes::respond(base::ByteView path) const {
  if (path == paths_.health) return {200, kText, "ok\n"};
  if (path == paths_.metrics) {
    return {200, "text/plain; version=0.0.4; charset=utf-8", reported_.metrics_text()};
  }
  switch (reported_.readiness()) {
    case Readiness::Starting:
      return {503, kText, "starting\n"};
    case Readiness::Ready:
      return {200, kText, "ready\n"};
    case Readiness::Draining:
      break;
  }
  return {503, kText, "draining\n"};
}

}  // namespace fasterapi::server
