// native/request.hpp: one request as its handler sees it, with the response that is being made.
// Pooled and never freed: a plug-in that holds on to one finds memory. The loop's thread has it,
// but for what a deferred request's plug-in may do from any one thread until complete().
#pragma once

#include <fasterapi_native.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "native/mailbox.hpp"
#include "native/response.hpp"
#include "native/route.hpp"
#include "server/exchange.hpp"

namespace fasterapi::native {

class Application;

// What a deferred request keeps: the connection may go before it is complete.
struct RequestCopy {
  RequestCopy(const server::Exchange& exchange, base::ByteView body,
              const http::PathPattern::Captures& captures);

  std::string bytes;
  base::ByteView method;  // static text
  base::ByteView raw_path;
  base::ByteView query;
  base::ByteView body;
  base::ByteView peer_host;
  std::vector<http::RequestHead::Field> fields;
  http::PathPattern::Captures captures;
  int peer_port = 0;
  int minor_version = 1;

 private:
  [[nodiscard]] base::ByteView keep(base::ByteView view);
};

class Request final : public fa_request, public server::ExchangeObserver {
 public:
  enum class State : std::uint8_t {
    Idle,      // in the pool
    Body,      // waits for its body
    Held,      // waits for the GIL
    Running,   // its handler runs
    Deferred,  // its plug-in is to complete it
  };

  // --- for the application, in the loop's thread

  void begin(Application& application, server::Exchange& exchange, const Route& route,
             const http::PathPattern::Captures& captures) noexcept;
  // Back to what it was before begin().
  void end() noexcept;
  // Nobody answers the exchange any more.
  void detach() noexcept;

  [[nodiscard]] server::Exchange* exchange() const noexcept { return exchange_; }
  [[nodiscard]] const Route& route() const noexcept { return *route_; }
  [[nodiscard]] bool deferred() const noexcept { return mailbox_ != nullptr; }
  // Takes the ticket back. False: it has been used, the request comes by the mailbox.
  [[nodiscard]] bool revoke() noexcept { return ticket_.exchange(0) != 0; }
  [[nodiscard]] int completion() const noexcept { return completion_; }
  void call_lost() noexcept;

  State state = State::Idle;
  std::size_t position = 0;       // among the application's requests
  std::uint64_t deadline_ms = 0;  // while it is deferred
  Request* next = nullptr;        // in the mailbox or in the pool

  // --- for the plug-in, by the table of functions

  Response response;

  [[nodiscard]] base::ByteView method() const noexcept;
  [[nodiscard]] base::ByteView raw_path() const noexcept;
  [[nodiscard]] base::ByteView query() const noexcept;
  [[nodiscard]] int minor_version() const noexcept;
  [[nodiscard]] base::ByteView peer_host() const;
  [[nodiscard]] int peer_port() const;
  [[nodiscard]] std::size_t field_count() const noexcept;
  [[nodiscard]] http::RequestHead::Field field(std::size_t index) const noexcept;
  [[nodiscard]] base::ByteView capture(std::size_t index) const noexcept;
  [[nodiscard]] base::ByteView body() const noexcept;
  [[nodiscard]] std::uint64_t defer();
  void set_lost(void (*call)(void*), void* argument) noexcept;
  [[nodiscard]] int complete(std::uint64_t ticket, int result) noexcept;

 private:
  void on_request_progress() override;
  void on_drained() override {}
  void on_lost(server::Exchange& exchange) override;

  Application* application_ = nullptr;
  server::Exchange* exchange_ = nullptr;  // null as soon as nobody answers it
  const Route* route_ = nullptr;
  http::PathPattern::Captures captures_;
  std::unique_ptr<RequestCopy> copy_;
  std::shared_ptr<Mailbox> mailbox_;
  std::atomic<std::uint64_t> ticket_ = 0;  // 0: nothing is due
  int completion_ = FA_ERROR;
  void (*lost_)(void*) = nullptr;
  void* lost_argument_ = nullptr;
};

}  // namespace fasterapi::native
