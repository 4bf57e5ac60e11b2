// http/connection.hpp: one HTTP/1.1 connection without any I/O: bytes in, events out; a response
// in, bytes out (RFC 9112). Requests are taken one at a time: the next begins with
// start_next_cycle(). One owner, one thread.
#pragma once

#include "base/counters.hpp"
#include "base/limits.hpp"
#include "base/payload_queue.hpp"
#include "http/event.hpp"
#include "http/request_parser.hpp"
#include "http/response_writer.hpp"
#include "http/state.hpp"

namespace fasterapi::http {

class Connection : base::Counted<Connection> {
 public:
  // The arguments outlive the connection; `known_heads` may be null.
  Connection(const base::Limits& limits, const StatusLines& status_lines,
             KnownHeads* known_heads = nullptr) noexcept
      : parser_(limits, known_heads), writer_(status_lines) {}

  // Takes bytes of the peer. The view is used until retain(), which keeps a copy of what was not
  // yet parsed.
  void receive(base::ByteView bytes);
  void retain();
  // Bytes received and not yet parsed.
  [[nodiscard]] std::size_t unread_bytes() const noexcept { return input_.size(); }

  [[nodiscard]] Event next_event() noexcept;

  // Of the request that is open. REQUIRES: an event RequestHead came since the last cycle began.
  [[nodiscard]] const RequestHead& head() const noexcept { return parser_.head(); }

  // Says that a request like the open one may come again. REQUIRES: as for head(), and in the same
  // call of receive().
  void offer_head() { parser_.offer_head(); }

  [[nodiscard]] RequestState request_state() const noexcept { return request_state_; }
  [[nodiscard]] ResponseState response_state() const noexcept { return response_state_; }
  // No request has begun, not even in part.
  [[nodiscard]] bool idle() const noexcept {
    return request_state_ == RequestState::Idle && parser_.at_message_start() && input_.empty();
  }

  // More than an idle connection may keep: to be released if it stays idle. REQUIRES for the
  // release: idle().
  [[nodiscard]] bool holds_spare_memory() const noexcept { return parser_.holds_spare_memory(); }
  void release_spare_memory() noexcept { parser_.release_spare_memory(); }

  // The response to the open request, appended to `out`. Fields go to response().add_field()
  // between begin and end.
  [[nodiscard]] SendError begin_head(base::PayloadQueue& out, int status,
                                     base::ByteView default_fields);
  [[nodiscard]] SendError end_head();
  template <class Bytes>  // ByteView: copied, Payload: by reference
  [[nodiscard]] SendError send_body(base::PayloadQueue& out, Bytes bytes, bool more) {
    if (const SendError error = check_body(); error != SendError::None) return error;
    const SendError error = writer_.send_body(out, std::move(bytes), more);
    if (error != SendError::None || !more)
      response_state_ = next(response_state_, ResponseEvent::BodyComplete);
    return error;
  }
  // All of the response at once; see ResponseWriter. REQUIRES: response_state() == Idle.
  template <class Bytes>
  void send_ready(base::PayloadQueue& out, int status, std::initializer_list<base::ByteView> lines,
                  Bytes body) {
    writer_.send_ready(out, shape(), status, lines, std::move(body));
    response_state_ = ResponseState::Done;
  }
  [[nodiscard]] ResponseWriter& response() noexcept { return writer_; }
  // A body that is not complete would look so if the connection were closed now.
  [[nodiscard]] bool close_would_complete() const noexcept {
    return response_state_ == ResponseState::Body && writer_.is_ended_by_close();
  }

  // An informational response before the head; fields go to response().add_informational_field().
  [[nodiscard]] SendError begin_informational(base::PayloadQueue& out, int status);
  // The rest of the body, written by the caller. `piece.size` bytes, then end_external_body().
  [[nodiscard]] ResponseWriter::Piece begin_external_body(base::PayloadQueue& out,
                                                          std::size_t size);
  void end_external_body(base::PayloadQueue& out);
  // The peer takes trailers, and the response can have some.
  [[nodiscard]] bool wants_trailers() const noexcept;
  // Fields go to response().add_trailer() between begin and end.
  [[nodiscard]] SendError begin_trailers(base::PayloadQueue& out);
  [[nodiscard]] SendError end_trailers(bool more);

  // A whole plain-text response, the last one of the connection: the peer's or the server's
  // failure. Whatever else was to be answered is given up. REQUIRES: response_state() == Idle.
  void send_last_reply(base::PayloadQueue& out, int status, base::ByteView text,
                       base::ByteView default_fields);

  // The current response is the last one.
  void must_close() noexcept {
    last_ = true;
    writer_.must_close();
  }

  // After both messages are complete: true and ready for the next request, or false if the
  // connection has to close.
  [[nodiscard]] bool start_next_cycle() noexcept;

 private:
  // What of the open request shapes its response.
  [[nodiscard]] ResponseWriter::Request shape() const noexcept {
    return {head().is_head(), head().minor_version(),
            head().keep_alive() && !last_ && request_state_ != RequestState::Failed};
  }
  [[nodiscard]] SendError check_head() const noexcept;
  [[nodiscard]] SendError check_body() const noexcept;

  RequestParser parser_;
  ResponseWriter writer_;
  base::ByteView input_;  // the unparsed rest: a view of the caller's bytes or of kept_
  base::ByteBuffer kept_;
  RequestState request_state_ = RequestState::Idle;
  ResponseState response_state_ = ResponseState::Idle;
  bool last_ = false;
};

}  // namespace fasterapi::http
