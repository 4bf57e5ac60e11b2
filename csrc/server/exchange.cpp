// server/exchange.cpp: see exchange.hpp. The application's view of server/connection.
#include "server/exchange.hpp"

#include <new>
#include <utility>

#include "base/clock.hpp"
#include "loop/entry.hpp"
#include "server/connection.hpp"
#include "server/server.hpp"

namespace fasterapi::server {

void Exchange::pass_on(const Application& from) noexcept {
  observe(nullptr);
  connection_.body_wanted_ = 0;
  const auto fail = [&] { refuse(500, "Internal Server Error"); };
  loop::uv_entry(
      [&] {
        if (!connection_.server_.dispatcher().dispatch_behind(from, *this)) fail();
      },
      fail);
  connection_.server_.loop().want_turn();
}

void Exchange::note_start() noexcept {
  if (connection_.begun_ns_ == 0) return;
  connection_.server_.metrics()->request_started(base::monotonic_ns() - connection_.begun_ns_);
}

void Exchange::offer_head() { connection_.http_.offer_head(); }

const http::RequestHead& Exchange::head() const noexcept { return connection_.http_.head(); }

const base::Address& Exchange::peer() const { return connection_.peer(); }

const base::Address& Exchange::local() const {
  if (!connection_.local_) connection_.local_ = connection_.stream_.local_address();
  return *connection_.local_;
}

base::ByteView Exchange::body() const noexcept { return connection_.body_.view(); }

void Exchange::consume_body() {
  connection_.body_.clear();
  connection_.update_reading();
}

bool Exchange::request_complete() const noexcept {
  return connection_.http_.request_state() == http::RequestState::Done;
}

bool Exchange::peer_closed() const noexcept { return connection_.peer_closed_; }

void Exchange::send_continue() {
  if (head_sent() || std::exchange(connection_.continue_sent_, true)) return;
  connection_.stream_.unsent().append("HTTP/1.1 100 Continue\r\n\r\n");
  connection_.continue_due_ = false;
  connection_.server_.note_dirty(connection_);
  connection_.update_reading();  // from now on the body is waited for
}

void Exchange::want_body(std::size_t bytes) {
  connection_.body_wanted_ = bytes;
  connection_.update_reading();
}

http::SendError Exchange::begin_head(int status) {
  return connection_.http_.begin_head(connection_.stream_.unsent(), status,
                                      connection_.server_.default_fields());
}

http::SendError Exchange::add_field(base::ByteView name, base::ByteView value) {
  return connection_.http_.response().add_field(name, value);
}

http::EncodedFields Exchange::encoded_fields() const {
  return connection_.http_.response().encoded_fields();
}

void Exchange::add_encoded(const http::EncodedFields& fields) {
  connection_.http_.response().add_encoded(fields);
}

http::SendError Exchange::end_head() {
  const http::SendError error = connection_.http_.end_head();
  connection_.bytes_appended();
  return error;
}

template <class Bytes>
http::SendError Exchange::send(Bytes bytes, bool more) {
  try {
    const http::SendError error =
        connection_.http_.send_body(connection_.stream_.unsent(), std::move(bytes), more);
    connection_.body_sent(error, more);
    return error;
  } catch (const std::bad_alloc&) {
    connection_.give_up_response();  // nobody knows how much of the piece is in the queue
    throw;
  }
}

http::SendError Exchange::send_body(base::ByteView bytes, bool more) { return send(bytes, more); }

http::SendError Exchange::send_body(base::Payload payload, bool more) {
  return send(std::move(payload), more);
}

template <class Bytes>
void Exchange::send_ready(int status, base::ByteView lines, base::ByteView more_lines, Bytes body) {
  connection_.http_.send_ready(connection_.stream_.unsent(), status,
                               {connection_.server_.default_fields(), lines, more_lines},
                               std::move(body));
  connection_.body_sent(http::SendError::None, false);
}
template void Exchange::send_ready(int, base::ByteView, base::ByteView, base::ByteView);
template void Exchange::send_ready(int, base::ByteView, base::ByteView, base::Payload);

http::SendError Exchange::begin_informational(int status) {
  return connection_.http_.begin_informational(connection_.stream_.unsent(), status);
}

http::SendError Exchange::add_informational_field(base::ByteView name, base::ByteView value) {
  return connection_.http_.response().add_informational_field(name, value);
}

void Exchange::end_informational() {
  (void)connection_.http_.response().end_informational();  // no error is possible
  connection_.bytes_appended();
}

int Exchange::open_file(const std::string& path) {
  auto opened = loop::File::open(path);
  if (!opened) return opened.error().errno_value();
  connection_.file_ = std::make_unique<FileTransfer>(std::move(opened.value()));
  return 0;
}

http::SendError Exchange::send_file() {
  try {
    return connection_.begin_file();
  } catch (const std::bad_alloc&) {
    connection_.give_up_response();
    throw;
  }
}

bool Exchange::wants_trailers() const noexcept { return connection_.http_.wants_trailers(); }

http::SendError Exchange::begin_trailers() {
  return connection_.http_.begin_trailers(connection_.stream_.unsent());
}

http::SendError Exchange::add_trailer(base::ByteView name, base::ByteView value) {
  return connection_.http_.response().add_trailer(name, value);
}

void Exchange::end_trailers(bool more) {
  (void)connection_.http_.end_trailers(more);  // no error is possible
  connection_.body_sent(http::SendError::None, more);
}

bool Exchange::head_sent() const noexcept {
  return connection_.http_.response_state() != http::ResponseState::Idle;
}

bool Exchange::must_wait() const noexcept {
  return connection_.stream_.unsent_bytes() > connection_.server_.options().limits.unsent_bytes;
}

void Exchange::record_access(int status) const { connection_.record_access(status); }

void Exchange::refuse(int status, base::ByteView text) noexcept {
  loop::uv_entry(
      [&] {
        connection_.record_access(status);
        connection_.http_.send_last_reply(connection_.stream_.unsent(), status, text,
                                          connection_.server_.default_fields());
        connection_.server_.note_dirty(connection_);
        connection_.response_complete();
      },
      [&] { connection_.give_up_response(); });
}

void Exchange::abort() { connection_.abort_response(); }

std::unique_ptr<ConnectionData>& Exchange::connection_data() noexcept { return connection_.data_; }

}  // namespace fasterapi::server
