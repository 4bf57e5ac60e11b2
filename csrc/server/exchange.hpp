// server/exchange.hpp: one request and its response, as an Application sees them.
// Lives inside its connection, which reuses it. An application may use it from start() until the
// response is complete or its observer heard on_lost(), whichever comes first. Loop's thread only.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/address.hpp"
#include "base/payload.hpp"
#include "http/encoded_fields.hpp"
#include "http/error.hpp"
#include "http/event.hpp"
#include "server/application.hpp"

namespace fasterapi::server {

class Connection;
class Exchange;

// Told once of the end of an exchange that somebody else answers: its status, 0 without a whole
// response.
class EndObserver {
 public:
  virtual void on_end(Exchange& exchange, int status) noexcept = 0;

 protected:
  ~EndObserver() = default;
};

// Told while the loop polls: it notes what happened and acts in run_pending().
class ExchangeObserver {
 public:
  // Body bytes or the end of the request arrived, or the peer stopped sending. May answer, too.
  virtual void on_request_progress() = 0;
  virtual void on_drained() = 0;  // everything unsent has been written
  virtual void on_lost(
      Exchange& exchange) = 0;  // the connection is gone; the exchange must not be used any more

 protected:
  ~ExchangeObserver() = default;
};

class Exchange {
 public:
  explicit Exchange(Connection& connection) noexcept : connection_(connection) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void observe(ExchangeObserver* observer) noexcept { observer_ = observer; }
  // Of this request only; outlives it.
  void observe_end(EndObserver& observer) noexcept { end_observer_ = &observer; }

  // An application that has taken it gives it back as it was: those behind it are asked.
  // REQUIRES: !head_sent(), nothing of the body was consumed.
  void pass_on(const Application& from) noexcept;

  // The application begins with it: for the metrics.
  void note_start() noexcept;

  // Says that a request like this may come again, byte for byte: it will be known without being
  // parsed. Heeded within start() only.
  void offer_head();

  // The request. Its views live as long as the exchange.
  [[nodiscard]] const http::RequestHead& head() const noexcept;
  [[nodiscard]] const base::Address& peer() const;
  [[nodiscard]] const base::Address& local() const;
  [[nodiscard]] base::ByteView body() const noexcept;    // received and not yet consumed
  void consume_body();                                   // all of body(); reading goes on
  [[nodiscard]] bool request_complete() const noexcept;  // no more body will come
  [[nodiscard]] bool peer_closed() const noexcept;  // the peer stopped sending; it may still read
  void send_continue();                             // 100 Continue (RFC 9110 section 10.1.1), once
  // Reading goes on until more than so many bytes of the body wait to be consumed, however few the
  // limits allow.
  void want_body(std::size_t bytes);

  // The response: begin_head, add_field ..., end_head, send_body ... with more == false last.
  // After an error of the head, or std::bad_alloc, nothing of it is sent and it may be begun anew.
  // After std::bad_alloc in the body the observer has heard on_lost().
  [[nodiscard]] http::SendError begin_head(int status);
  [[nodiscard]] http::SendError add_field(base::ByteView name, base::ByteView value);
  // What add_field() has written, and in place of it the same again, in a head of the same status.
  [[nodiscard]] http::EncodedFields encoded_fields() const;
  void add_encoded(const http::EncodedFields& fields);
  [[nodiscard]] http::SendError end_head();
  [[nodiscard]] http::SendError send_body(base::ByteView bytes, bool more);
  [[nodiscard]] http::SendError send_body(base::Payload payload, bool more);
  [[nodiscard]] bool head_sent() const noexcept;

  // All of the response at once, from lines that are whole, right, and frame the body; those of
  // every response come before them. After std::bad_alloc nothing of it is sent.
  // REQUIRES: !head_sent().
  template <class Bytes>
  void send_ready(int status, base::ByteView lines, base::ByteView more_lines, Bytes body);

  // Before the head, as often as wanted: an informational response, 102 or 103.
  [[nodiscard]] http::SendError begin_informational(int status);
  [[nodiscard]] http::SendError add_informational_field(base::ByteView name, base::ByteView value);
  void end_informational();
  // In place of the last send_body(): a file. 0, or the errno that says why it cannot be opened;
  // only then send_file(), after which the exchange must not be used any more.
  [[nodiscard]] int open_file(const std::string& path);
  [[nodiscard]] http::SendError send_file();
  // In place of the last send_body(), where the head allows it: trailers, the last with more ==
  // false. After an error those since begin_trailers() are gone.
  [[nodiscard]] bool wants_trailers() const noexcept;
  [[nodiscard]] http::SendError begin_trailers();
  [[nodiscard]] http::SendError add_trailer(base::ByteView name, base::ByteView value);
  void end_trailers(bool more);
  // More than the high-water mark is unsent: wait for on_drained().
  [[nodiscard]] bool must_wait() const noexcept;

  // Of a response that is not an application's: says to the access log that it begins.
  void record_access(int status) const;

  // A whole plain-text response that closes the connection, or only the close where there is no
  // memory for it. REQUIRES: !head_sent().
  void refuse(int status, base::ByteView text) noexcept;
  // Closes the connection without completing the response.
  void abort();

  // What the application keeps with the connection.
  [[nodiscard]] std::unique_ptr<ConnectionData>& connection_data() noexcept;

 private:
  friend class Connection;
  [[nodiscard]] ExchangeObserver* take_observer() noexcept {
    return std::exchange(observer_, nullptr);
  }

  void tell_end(int status) noexcept {
    if (EndObserver* observer = std::exchange(end_observer_, nullptr))
      observer->on_end(*this, status);
  }

  template <class Bytes>
  [[nodiscard]] http::SendError send(Bytes bytes, bool more);

  Connection& connection_;
  ExchangeObserver* observer_ = nullptr;
  EndObserver* end_observer_ = nullptr;
};

}  // namespace fasterapi::server
