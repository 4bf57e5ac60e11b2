// http/connection.cpp: see connection.hpp.
#include "http/connection.hpp"

#include <string>

#include "base/ascii.hpp"

namespace fasterapi::http {
namespace {

// RFC 9110 section 15.5.6 wants a list. Which of them a resource has is the application's business.
constexpr base::ByteView kServedMethods = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";

}  // namespace

void Connection::receive(base::ByteView bytes) {
  if (kept_.empty()) {
    input_ = bytes;
  } else {
    kept_.append(bytes);
    input_ = kept_.view();
  }
}

void Connection::retain() {
  if (kept_.empty()) {
    kept_.append(input_);
  } else {
    kept_.consume(kept_.size() - input_.size());
  }
  input_ = kept_.view();
  kept_.keep_at_most(base::kIdleBufferBytes);
  parser_.forget_input();
}

Event Connection::next_event() noexcept {
  while (true) {
    if (parser_.take_head()) {
      request_state_ = next(request_state_, RequestEvent::HeadComplete);
      return {EventKind::RequestHead};
    }
    if (const base::ByteView body = parser_.take_body(); !body.empty())
      return {EventKind::BodyChunk, body};
    if (parser_.take_end()) {
      request_state_ = next(request_state_, RequestEvent::MessageComplete);
      return {EventKind::EndOfMessage};
    }
    if (const auto error = parser_.error()) {
      if (request_state_ != RequestState::Idle) request_state_ = RequestState::Failed;
      return {EventKind::Error, {}, *error};
    }
    if (request_state_ == RequestState::Done) return {EventKind::Paused};
    if (input_.empty()) return {EventKind::NeedData};
    input_.remove_prefix(parser_.parse(input_));
  }
}

SendError Connection::check_head() const noexcept {
  if (response_state_ == ResponseState::Idle) return SendError::None;
  return response_state_ == ResponseState::Body ? SendError::HeadAlreadySent
                                                : SendError::AlreadyComplete;
}

SendError Connection::begin_head(base::PayloadQueue& out, int status,
                                 base::ByteView default_fields) {
  if (const SendError error = check_head(); error != SendError::None) return error;
  return writer_.begin_head(out, shape(), status, default_fields);
}

SendError Connection::end_head() {
  const SendError error = writer_.end_head();
  if (error == SendError::None) response_state_ = next(response_state_, ResponseEvent::HeadSent);
  return error;
}

SendError Connection::check_body() const noexcept {
  if (response_state_ == ResponseState::Body) return SendError::None;
  return response_state_ == ResponseState::Idle ? SendError::HeadNotSent
                                                : SendError::AlreadyComplete;
}

SendError Connection::begin_informational(base::PayloadQueue& out, int status) {
  if (const SendError error = check_head(); error != SendError::None) return error;
  return writer_.begin_informational(out, {head().is_head(), head().minor_version(), false},
                                     status);
}

ResponseWriter::Piece Connection::begin_external_body(base::PayloadQueue& out, std::size_t size) {
  if (const SendError error = check_body(); error != SendError::None) return {0, error};
  return writer_.begin_external_body(out, size);
}

void Connection::end_external_body(base::PayloadQueue& out) {
  writer_.end_external_body(out);
  response_state_ = next(response_state_, ResponseEvent::BodyComplete);
}

bool Connection::wants_trailers() const noexcept {
  if (!writer_.can_have_trailers()) return false;
  for (std::size_t index = 0; index < head().field_count(); ++index) {
    const auto field = head().field(index);
    if (field.name == "te" && base::list_contains(field.value, "trailers")) return true;
  }
  return false;
}

SendError Connection::begin_trailers(base::PayloadQueue& out) {
  const SendError error = check_body();
  return error == SendError::None ? writer_.begin_trailers(out) : error;
}

SendError Connection::end_trailers(bool more) {
  const SendError error = writer_.end_trailers(more);
  if (!more) response_state_ = next(response_state_, ResponseEvent::BodyComplete);
  return error;
}

void Connection::send_last_reply(base::PayloadQueue& out, int status, base::ByteView text,
                                 base::ByteView default_fields) {
  last_ = true;
  const bool is_head = request_state_ != RequestState::Idle && head().is_head();
  // No error is possible: status and fields are ours.
  (void)writer_.begin_head(out, {is_head, 1, false}, status, default_fields);
  if (status == 405) (void)writer_.add_field("allow", kServedMethods);
  (void)writer_.add_field("content-type", "text/plain; charset=utf-8");
  (void)writer_.add_field("content-length", std::to_string(text.size()));
  (void)writer_.end_head();
  (void)writer_.send_body(out, text, false);
  response_state_ = ResponseState::Done;
}

bool Connection::start_next_cycle() noexcept {
  const bool both_complete =
      request_state_ == RequestState::Done && response_state_ == ResponseState::Done;
  if (!both_complete || last_ || !writer_.keep_alive()) return false;
  request_state_ = next(request_state_, RequestEvent::NextCycle);
  response_state_ = next(response_state_, ResponseEvent::NextCycle);
  parser_.start_next_message();
  return true;
}

}  // namespace fasterapi::http
