// server/connection.cpp: see connection.hpp. Down by calls, back by the same stairs: no callback
// re-enters the parser.
#include "server/connection.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/percent.hpp"
#include "loop/entry.hpp"
#include "server/probes.hpp"
#include "server/server.hpp"

namespace fasterapi::server {

Connection::Connection(Server& server)
    : server_(server),
      stream_(server.loop(), *this),
      http_(server.options().limits, server.options().status_lines, &server.known_heads()),
      exchange_(*this) {
  deadline_.owner = progress_.owner = this;
}

Connection::~Connection() {
  Deadlines::disarm(deadline_);
  Deadlines::disarm(progress_);
}

loop::UvError Connection::open(loop::AcceptedSocket socket) {
  const loop::UvError error = stream_.open(std::move(socket));
  if (!error.ok()) return error;
  stream_.start_reading();
  server_.deadlines().arm(deadline_, Wait::FirstByte);
  return error;
}

const base::Address& Connection::peer() const {
  if (!peer_) peer_ = stream_.peer_address();
  return *peer_;
}

void Connection::on_bytes(base::ByteView bytes) {
  if (phase_ != Phase::Open) return;
  received_bytes_ += bytes.size();
  http_.receive(bytes);
  pump();
  http_.retain();
  update_reading();
  update_deadline();
}

// After bytes have come: what the connection waits for now.
void Connection::update_deadline() {
  if (phase_ != Phase::Open) return;
  if (exchange_open_ || advance_due_) {
    Deadlines::disarm(deadline_);
  } else if (http_.request_state() == http::RequestState::Idle && !http_.idle()) {
    // Counted from its first byte: who sends one now and then gains nothing.
    if (deadline_.wait != Wait::Head) server_.deadlines().arm(deadline_, Wait::Head);
  }
  // Else a body is discarded that nobody reads: the time since the response counts on.
}

// Takes events as long as they come; a request that is answered at once makes way for the next.
void Connection::pump() {
  while (phase_ == Phase::Open) {
    const http::Event event = http_.next_event();
    switch (event.kind) {
      case http::EventKind::NeedData:
      case http::EventKind::Paused:
        return;
      case http::EventKind::RequestHead:
        begin_exchange();
        break;
      case http::EventKind::BodyChunk:
        receive_body(event.body);
        break;
      case http::EventKind::EndOfMessage:
        if (ExchangeObserver* observer = exchange_.observer_) observer->on_request_progress();
        if (!exchange_open_) advance_later();  // what was left of the body has been discarded
        break;
      case http::EventKind::Error:
        return refuse(event.error);
    }
  }
}

void Connection::begin_exchange() {
  exchange_open_ = true;
  discarded_bytes_ = body_wanted_ = 0;
  continue_due_ = http_.head().expect_continue();
  continue_sent_ = false;
  if (http_.head().has_body()) body_pace_.begin(received_bytes_);
  if (++requests_ >= server_.options().limits.requests_per_connection) http_.must_close();
  PeerWarnings& warnings = server_.warnings();
  if (http_.head().upgrade() && warnings.may_warn()) warnings.warn("Unsupported upgrade request.");
  // Sent at once: what else this turn has brought may hold the loop for long.
  if (const Probes* probes = server_.probes(); probes && probes->answer(exchange_))
    return flush_stream();
  if (server_.metrics()) begun_ns_ = base::monotonic_ns();
  if (server_.at_concurrency_limit()) {
    if (warnings.may_warn()) warnings.warn("Exceeded concurrency limit.");
    exchange_.refuse(503, "Service Unavailable");
  } else if (!server_.dispatcher().dispatch(exchange_)) {
    exchange_.refuse(500, "Internal Server Error");
  }
}

void Connection::receive_body(base::ByteView bytes) {
  if (exchange_open_) {
    continue_due_ = false;
    body_.append(bytes);
    if (ExchangeObserver* observer = exchange_.observer_) observer->on_request_progress();
    return;
  }
  // The response came first and nobody reads the body. RFC 9112 section 9.3: read it whole or
  // close.
  discarded_bytes_ += bytes.size();
  if (discarded_bytes_ > server_.options().limits.discarded_bytes) finish(true);
}

// The peer's mistake is answered once, after the responses to its earlier requests: those are
// complete by now, since the next request is not parsed before.
void Connection::refuse(http::ProtocolError error) {
  if (server_.warnings().may_warn()) {
    std::string text = "Invalid HTTP request received. (";
    if (!peer().is_unix) text.append(base::name_of(peer())).append(": ");
    server_.warnings().warn(text.append(http::cause_of(error)).append(")"));
  }
  const http::ResponseState response = http_.response_state();
  if (ExchangeObserver* observer = exchange_.take_observer()) observer->on_lost(exchange_);
  exchange_open_ = false;
  exchange_.tell_end(0);
  if (response == http::ResponseState::Done) return finish(true);  // the answer came first
  if (response != http::ResponseState::Idle) return close();
  const int status = http::status_hint(error);
  http_.send_last_reply(stream_.unsent(), status,
                        status == 400 ? "Invalid HTTP request received."
                                      : server_.options().status_lines.phrase(status),
                        server_.default_fields());
  if (begun_ns_ != 0) {
    count_request(status);
  } else if (Metrics* metrics = server_.metrics()) {
    metrics->response(status);
  }
  finish(true);
}

void Connection::body_sent(http::SendError error, bool more) {
  if (error == http::SendError::HeadNotSent || error == http::SendError::AlreadyComplete) return;
  if (error == http::SendError::None && more) return bytes_appended();
  server_.note_dirty(*this);
  response_complete();
}

// Past the mark the bytes leave at once: memory stays bounded while an application sends without
// pausing, and one that waits is told by on_drained() of what the kernel did not take.
void Connection::bytes_appended() {
  server_.note_dirty(*this);
  if (stream_.unsent_bytes() > server_.options().limits.unsent_bytes) flush_stream();
}

// The application has had its say; the response is complete when the file is sent.
http::SendError Connection::begin_file() {
  std::unique_ptr<FileTransfer> file = std::move(file_);  // closed if memory is missing
  const http::ResponseWriter::Piece piece =
      http_.begin_external_body(stream_.unsent(), file->size());
  if (piece.error == http::SendError::HeadNotSent ||
      piece.error == http::SendError::AlreadyComplete)
    return piece.error;
  server_.note_dirty(*this);
  if (piece.size == 0) {
    file_sent();
    return piece.error;
  }
  file->set_bytes(piece.size);
  file_ = std::move(file);
  (void)exchange_.take_observer();
  server_.note_file(*this);
  return piece.error;
}

void Connection::file_sent() {
  file_.reset();
  http_.end_external_body(stream_.unsent());
  response_complete();
}

// Not while the application runs: the disk may be slow, and another thread may have the GIL then.
void Connection::send_file() {
  const FileTransfer::Outcome outcome = file_->send(stream_);
  if (phase_ != Phase::Open) return;  // it broke meanwhile
  if (outcome == FileTransfer::Outcome::Complete) return file_sent();
  if (outcome == FileTransfer::Outcome::GoOn) return server_.note_file(*this);
  if (outcome == FileTransfer::Outcome::Wait) return;
  file_.reset();
  abort_response();
}

void Connection::abort_response() {
  (void)exchange_.take_observer();
  exchange_open_ = false;
  exchange_.tell_end(0);
  if (begun_ns_ != 0) count_request(0);
  finish(false);
}

// Without memory for the rest: what there is of the response leaves, and the close cuts it off.
void Connection::give_up_response() noexcept {
  exchange_open_ = false;
  exchange_.tell_end(0);
  if (begun_ns_ != 0) count_request(0);
  if (ExchangeObserver* observer = exchange_.take_observer()) observer->on_lost(exchange_);
  finish(false);
}

void Connection::advance_later() {
  if (!std::exchange(advance_due_, true)) server_.note_advance(*this);
}

void Connection::response_complete() {
  (void)exchange_.take_observer();
  exchange_open_ = false;
  exchange_.tell_end(http_.response().status());
  if (begun_ns_ != 0) count_request(http_.response().status());
  body_.clear();
  body_.keep_at_most(base::kIdleBufferBytes);
  server_.count_response();
  advance_later();
  update_reading();
}

// For the metrics; 0: without a whole response. REQUIRES: counts_request().
void Connection::count_request(int status) noexcept {
  const std::uint64_t begun_ns = std::exchange(begun_ns_, 0);
  if (status == 0) return server_.metrics()->request_aborted();
  server_.metrics()->request_answered(status, base::monotonic_ns() - begun_ns);
}

// Called at the end of a turn, never from within the application's send(): what follows parses.
void Connection::advance() {
  advance_due_ = false;
  if (phase_ != Phase::Open) return;
  const bool request_complete = http_.request_state() == http::RequestState::Done;
  // A peer that is still sending would get a reset in place of the response: let it read first.
  if (!http_.response().keep_alive()) {
    return finish(!request_complete || http_.unread_bytes() > 0);
  }
  if (!request_complete) {  // the rest of the body is discarded first
    return peer_closed_ ? finish(false) : await_next_request();
  }
  if (exchange_.must_wait()) flush_stream();
  // A peer that does not read gets no further request answered; on_drained() goes on.
  if (phase_ != Phase::Open || exchange_.must_wait()) return;
  if (has_had_its_share()) {
    advance_due_ = true;
    return server_.note_advance_next_turn(*this);
  }
  if (!http_.start_next_cycle()) return finish(false);
  http_.receive({});
  pump();
  http_.retain();
  update_reading();
  if (phase_ == Phase::Open && !exchange_open_ && !advance_due_) await_next_request();
}

// Of a loop's turn: a peer with a long pipeline does not keep the others waiting.
bool Connection::has_had_its_share() noexcept {
  if (std::exchange(turn_, server_.loop().turn()) != server_.loop().turn()) requests_in_turn_ = 0;
  return ++requests_in_turn_ > base::kRequestsPerConnectionAndTurn;
}

void Connection::await_next_request() {
  if (server_.shutting_down() || peer_closed_) return finish(false);
  server_.deadlines().arm(deadline_, Wait::NextRequest);
  if (http_.holds_spare_memory()) watch_progress();
  update_deadline();  // part of it may be here
}

// Reading pauses while the application lags behind: too much body, or too much of later requests.
void Connection::update_reading() {
  if (phase_ != Phase::Open || peer_closed_) return;
  const base::Limits& limits = server_.options().limits;
  const std::size_t most_body = std::max(limits.body_buffered_bytes, body_wanted_);
  if (body_.size() > most_body || http_.unread_bytes() > limits.unread_bytes) {
    stream_.stop_reading();
  } else {
    stream_.start_reading();
    if (wants_body()) watch_progress();
  }
}

void Connection::on_peer_closed() {
  if (phase_ == Phase::Lingering) return close();
  peer_closed_ = true;
  if (phase_ != Phase::Open) return;  // what is still to be sent may be read
  // A peer that has closed its sending side may still read (RFC 9112 section 9.6): what it asked
  // for is answered.
  if (exchange_open_) {
    if (ExchangeObserver* observer = exchange_.observer_) observer->on_request_progress();
  } else if (!advance_due_ && !cycle_complete()) {
    finish(false);
  }
}

void Connection::on_broken(loop::UvError) { close(); }

void Connection::on_drained() {
  stalled_ = false;
  if (phase_ == Phase::Ending) return finish_sent();
  if (ExchangeObserver* observer = exchange_.observer_) observer->on_drained();
  if (file_) return server_.note_file(*this);
  if (cycle_complete()) advance_later();
}

void Connection::flush() {
  if (std::exchange(file_due, false) && file_ && phase_ == Phase::Open)
    loop::uv_entry([this] { send_file(); }, [this] { close(); });
  flush_stream();
  if (phase_ == Phase::Ending && stream_.unsent_bytes() == 0) finish_sent();
}

void Connection::flush_stream() {
  stream_.flush();
  if (stream_.unsent_bytes() > 0 && phase_ != Phase::Closed) watch_writing();
}

void Connection::watch_writing() {
  if (std::exchange(stalled_, true)) return;
  write_pace_.begin(stream_.bytes_delivered());
  watch_progress();
}

// A look once a second costs a peer that is quick nothing, and one that is slow next to nothing.
void Connection::watch_progress() {
  if (progress_.linked()) return;
  progress_checked_ms_ = base::monotonic_ms();
  server_.deadlines().arm(progress_, Wait::Progress);
}

void Connection::check_progress() {
  const base::Limits& limits = server_.options().limits;
  // What the loop has been late by is not the peer's fault.
  const std::uint64_t elapsed_ms = std::min<std::uint64_t>(
      base::monotonic_ms() - progress_checked_ms_, 2 * limits.progress_check_ms);
  if (stalled_ && stream_.all_delivered()) stalled_ = false;
  if (stalled_ &&
      write_pace_.too_slow(stream_.bytes_delivered(), elapsed_ms, limits.write_idle_ms, limits)) {
    stream_.reset();  // the kernel's buffer is given up, too
    return close();
  }
  const bool wants = wants_body();
  if (wants && body_pace_.too_slow(received_bytes_, elapsed_ms, limits.body_idle_ms, limits))
    return refuse(http::ProtocolError::BodyTimeout);
  // Not after each request: who sends many has use for it.
  if (http_.idle()) http_.release_spare_memory();
  if (stalled_ || wants || http_.holds_spare_memory()) watch_progress();
}

void Connection::finish(bool linger) {
  phase_ = Phase::Ending;
  linger_ = linger;
  Deadlines::disarm(deadline_);
  server_.note_dirty(*this);
}

void Connection::finish_sent() {
  if (!linger_ || peer_closed_) return close();
  phase_ = Phase::Lingering;
  stream_.shut_down_writing();
  stream_.start_reading();
  server_.deadlines().arm(deadline_, Wait::Close);
}

void Connection::shut_down() {
  if (phase_ != Phase::Open) return;
  if (exchange_open_) return http_.must_close();
  if (stream_.unsent_bytes() == 0) return close();
  finish(false);
}

void Connection::on_deadline(Wait wait) {
  if (wait == Wait::Progress) return check_progress();
  if (wait == Wait::Head) return refuse(http::ProtocolError::HeadTimeout);
  if (wait == Wait::NextRequest && !stream_.all_delivered()) {  // it is still reading
    watch_writing();
    return await_next_request();
  }
  close();
}

void Connection::close() {
  if (phase_ == Phase::Closed) return;
  phase_ = Phase::Closed;
  Deadlines::disarm(deadline_);
  Deadlines::disarm(progress_);
  if (http_.close_would_complete()) stream_.reset();  // RFC 9112 section 8
  stream_.close();
  exchange_open_ = false;
  exchange_.tell_end(0);
  if (begun_ns_ != 0) count_request(0);
  if (ExchangeObserver* observer = exchange_.take_observer()) observer->on_lost(exchange_);
  server_.bury(*this);
}

void Connection::record_access(int status) {
  AccessLog* log = server_.access_log();
  if (!log) return;
  const http::RequestHead& head = http_.head();
  const std::string client = base::name_of(peer());
  std::string path;  // as the application's own responses log it: decoded, then encoded
  base::percent_encode(server_.options().root_path + base::percent_decode(head.raw_path()), path);
  if (!head.query().empty()) path.append("?").append(head.query());
  log->record({client, head.method(), path, head.minor_version(), status});
}

}  // namespace fasterapi::server
