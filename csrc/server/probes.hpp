// server/probes.hpp: what the server itself answers about its process, while the loop polls and
// before a request counts for any limit: whether it lives, whether it is ready, what it
// counts. No Python.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/bytes.hpp"
#include "http/event.hpp"
#include "server/options.hpp"

namespace fasterapi::server {

class Exchange;
class Server;

class Probes {
 public:
  enum class Other : std::uint8_t { IsNotOurs, IsNotFound };

  // `reported` outlives it. `other` says what a path is that none of `paths` is.
  Probes(ProbePaths paths, Other other, const Server& reported)
      : paths_(std::move(paths)), other_(other), reported_(reported) {}

  [[nodiscard]] static bool any(const ProbePaths& paths) noexcept {
    return !(paths.health.empty() && paths.ready.empty() && paths.metrics.empty());
  }

  // Whether the request was ours; then the response is in the queue. Cold, like all
  // that it calls: otherwise the optimizer inlines less of llhttp, 135 instructions per request.
  [[nodiscard, gnu::cold]] bool answer(Exchange& exchange) const;

 private:
  static constexpr base::ByteView kText = "text/plain; charset=utf-8";
  struct Response {
    int status = 200;
    base::ByteView content_type = kText;
    std::string body;
  };

  [[nodiscard]] bool knows(base::ByteView path) const noexcept;
  [[nodiscard, gnu::cold]] Response respond(const http::RequestHead& head) const;
  [[nodiscard]] Response readiness() const;

  const ProbePaths paths_;
  const Other other_;
  const Server& reported_;
};

}  // namespace fasterapi::server
