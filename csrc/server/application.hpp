// server/application.hpp: something that can answer exchanges: the ASGI application, native
// handlers, a test's fake. This header and exchange.hpp are all that the application's side sees of
// the server: no libuv, no Python.
#pragma once

#include <cstddef>

namespace fasterapi::server {

class Exchange;

// What an application keeps with a connection from request to request; dropped with it.
class ConnectionData {
 public:
  virtual ~ConnectionData() = default;
};

class Application {
 public:
  virtual ~Application() = default;

  // A request head is complete. True: the exchange is taken and will be answered, now or later.
  // False: not mine. Called while the loop polls: it queues or answers, and runs no Python.
  virtual bool start(Exchange& exchange) = 0;

  // Runs what waits, at most `most` new exchanges; returns how many it started. Called at the end
  // of each turn.
  virtual std::size_t run_pending(std::size_t most) = 0;
  [[nodiscard]] virtual bool has_pending() const noexcept = 0;

  // Exchanges taken whose application code has not ended.
  [[nodiscard]] virtual std::size_t running() const noexcept = 0;
};

}  // namespace fasterapi::server
