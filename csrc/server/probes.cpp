// server/probes.cpp: see probes.hpp.
#include "server/probes.hpp"

#include "server/exchange.hpp"
#include "server/server.hpp"

namespace fasterapi::server {

bool Probes::answer(Exchange& exchange) const {
  if (other_ == Other::IsNotOurs && !knows(exchange.head().raw_path())) return false;
  exchange.offer_head();
  const Response response = respond(exchange.head());
  exchange.record_access(response.status);
  // No error is possible: status and fields are ours.
  (void)exchange.begin_head(response.status);
  if (response.status == 405) (void)exchange.add_field("allow", "GET, HEAD");
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

Probes::Response Probes::respond(const http::RequestHead& head) const {
  const base::ByteView path = head.raw_path();
  if (!knows(path)) return {404, kText, "not found\n"};
  if (head.method() != "GET" && !head.is_head()) return {405, kText, "method not allowed\n"};
  if (path == paths_.health) return {200, kText, "ok\n"};
  if (path == paths_.metrics) {
    return {200, "text/plain; version=0.0.4; charset=utf-8", reported_.metrics_text()};
  }
  return readiness();
}

Probes::Response Probes::readiness() const {
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
