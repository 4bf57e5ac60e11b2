// server/probes.hpp: what the server itself answers about its process, while the loop polls and
// before a request counts for any limit: whether it lives, whether it is ready, what it
// counts. No Python.
#pragma once

#include <string>
#include <utility>

#include "base/bytes.hpp"
#include "server/options.hpp"

namespace fasterapi::server {

class Exchange;
class Server;

class Probes {
 public:
  // `reported` outlives it.
  Probes(ProbePaths paths, const Server& reported)
      : paths_(std::move(paths)), reported_(reported) {}

  [[nodiscard]] static bool any(const ProbePaths& paths) noexcept {
    return !(paths.health.empty() && paths.ready.empty() && paths.metrics.empty());
  }

  // Whether the path was one of ours; then the response is in the queue.
  [[nodiscard]] bool answer(Exchange& exchange) const;

 private:
  static constexpr base::ByteView kText = "text/plain; charset=utf-8";
  struct Response {
    int status = 200;
    base::ByteView content_type = kText;
    std::string body;
  };

  [[nodiscard]] bool knows(base::ByteView path) const noexcept;
  [[nodiscard]] Response respond(base::ByteView path) const;

  const ProbePaths paths_;
  const Server& reported_;
};

}  // namespace fasterapi::server
