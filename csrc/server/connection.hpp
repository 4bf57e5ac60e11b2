// server/connection.hpp: joins a stream to HTTP: bytes to events, events to an exchange, the
// response to bytes. Owned by the Server, which frees it at the end of a turn: it may end in any of
// its own callbacks.
#pragma once

#include <memory>
#include <optional>

#include "base/counters.hpp"
#include "http/connection.hpp"
#include "loop/tcp_stream.hpp"
#include "server/deadlines.hpp"
#include "server/exchange.hpp"
#include "server/file_transfer.hpp"
#include "server/pace.hpp"

namespace fasterapi::server {

class Server;

class Connection final : loop::StreamUser, base::Counted<Connection> {
 public:
  explicit Connection(Server& server);
  ~Connection();

  // Takes the socket over and begins to read.
  loop::UvError open(loop::AcceptedSocket socket);

  // What the server asks of its connections.
  void advance();               // the response is complete: begin the next request, or close
  void flush();                 // send what the turn has produced
  void shut_down();             // close now if idle, else after the current response
  void close();                 // now, whatever is under way
  void on_deadline(Wait wait);  // the peer has taken too long
  [[nodiscard]] bool closed() const noexcept { return phase_ == Phase::Closed; }
  [[nodiscard]] const base::Address& peer() const;

  // What the metrics look at.
  [[nodiscard]] bool counts_request() const noexcept { return begun_ns_ != 0; }
  [[nodiscard]] std::uint64_t received_bytes() const noexcept { return received_bytes_; }
  [[nodiscard]] std::uint64_t sent_bytes() const noexcept { return stream_.written_bytes(); }

  std::size_t position = 0;  // among the server's connections
  bool dirty = false;        // is in the server's list of connections to flush
  bool file_due = false;     // the next flush() goes on with a file

 private:
  friend class Exchange;
  enum class Phase : std::uint8_t {
    Open,
    Ending,     // everything is said: close when it is sent
    Lingering,  // the write side is shut; discarding until the peer closes (RFC 9112 section 9.6)
    Closed,
  };

  void on_bytes(base::ByteView bytes) override;
  void on_peer_closed() override;
  void on_broken(loop::UvError error) override;
  void on_drained() override;

  void pump();
  void begin_exchange();
  void receive_body(base::ByteView bytes);
  void refuse(http::ProtocolError error);
  void body_sent(http::SendError error, bool more);
  void bytes_appended();
  [[nodiscard]] http::SendError begin_file();
  void send_file();
  void file_sent();
  void abort_response();
  void give_up_response() noexcept;
  void advance_later();
  void response_complete();
  void count_request(int status) noexcept;
  void finish(bool linger);
  void finish_sent();
  void update_reading();
  void update_deadline();
  void await_next_request();
  [[nodiscard]] bool has_had_its_share() noexcept;
  void flush_stream();
  void watch_writing();
  void watch_progress();
  void check_progress();
  // A body is missing, and it is the peer's turn.
  [[nodiscard]] bool wants_body() const noexcept {
    return exchange_open_ && !continue_due_ && stream_.reading() &&
           http_.request_state() == http::RequestState::Body;
  }
  // Request and response are complete, and the next has not begun.
  [[nodiscard]] bool cycle_complete() const noexcept {
    return http_.request_state() == http::RequestState::Done &&
           http_.response_state() == http::ResponseState::Done;
  }
  void record_access(int status);

  Server& server_;
  loop::TcpStream stream_;
  http::Connection http_;
  Exchange exchange_;
  base::ByteBuffer body_;
  std::unique_ptr<FileTransfer> file_;  // the body of the open response, or what is left of it
  std::size_t body_wanted_ = 0;  // bytes that its application waits for before it consumes any
  std::size_t discarded_bytes_ = 0;
  std::unique_ptr<ConnectionData> data_;
  mutable std::optional<base::Address> peer_;
  mutable std::optional<base::Address> local_;
  DeadlineList::Link deadline_;
  DeadlineList::Link progress_;
  Pace body_pace_;
  Pace write_pace_;
  std::uint64_t progress_checked_ms_ = 0;
  std::uint64_t received_bytes_ = 0;
  std::uint64_t begun_ns_ = 0;        // when the open request began, while it is counted
  std::uint64_t turn_ = 0;            // of the loop, in which it last went on to a request
  std::size_t requests_in_turn_ = 0;  // that it has gone on to
  std::size_t requests_ = 0;
  Phase phase_ = Phase::Open;
  bool exchange_open_ = false;  // begun, response not complete
  bool advance_due_ = false;    // the server will call advance() at the end of the turn
  bool peer_closed_ = false;
  bool linger_ = false;
  bool continue_due_ = false;  // the peer may wait for 100 Continue before it sends the body
  bool continue_sent_ = false;
  bool stalled_ = false;  // the pace of a peer that has not taken all is looked at
};

}  // namespace fasterapi::server
