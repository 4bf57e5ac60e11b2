// http/response_writer.hpp: one response to bytes: status line, fields, body in its framing (RFC
// 9112 sections 4 to 7). Validates before it writes: an illegal head leaves the queue as it was.
// One writer per connection, reused.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <new>
#include <optional>
#include <utility>

#include "base/payload_queue.hpp"
#include "http/body_framing.hpp"
#include "http/encoded_fields.hpp"
#include "http/error.hpp"
#include "http/status_lines.hpp"

namespace fasterapi::http {

class ResponseWriter {
 public:
  explicit ResponseWriter(const StatusLines& status_lines) noexcept : status_lines_(status_lines) {}

  struct Request {  // what of the request shapes the response
    bool is_head = false;
    int minor_version = 1;
    bool keep_alive = false;
  };

  // Writes the status line and `default_fields` (whole lines). Then add_field() for each field,
  // then end_head().
  [[nodiscard]] SendError begin_head(base::PayloadQueue& out, Request request, int status,
                                     base::ByteView default_fields);
  // Names are written in lower case. After an error, or std::bad_alloc of any of these, the
  // head is gone from the queue and must be begun anew.
  [[nodiscard]] SendError add_field(base::ByteView name, base::ByteView value);
  // What add_field() has written since begin_head().
  [[nodiscard]] EncodedFields encoded_fields();
  // In place of add_field() for each of them. REQUIRES: they were written for the same status, and
  // no field has been added.
  void add_encoded(const EncodedFields& fields);
  // Takes back what begin_head() and add_field() wrote. REQUIRES: the head is being written.
  void abandon_head() noexcept { out_->rollback(head_begin_); }
  // Adds the fields for framing and for closing that the application left out.
  [[nodiscard]] SendError end_head();

  // An informational response before the head, 102 or 103 (RFC 9110 section 15.2): begin, add
  // fields, end. It has no default fields; fields that frame a message are dropped. A peer of
  // HTTP/1.0 gets nothing of it.
  [[nodiscard]] SendError begin_informational(base::PayloadQueue& out, Request request, int status);
  [[nodiscard]] SendError add_informational_field(base::ByteView name, base::ByteView value);
  [[nodiscard]] SendError end_informational();

  // Writes a piece of the body, copied or by reference; `more` is false for the last. A body that
  // the message cannot have (HEAD, 204, 304) is dropped. The piece that makes the body longer than
  // declared is cut at the declared length.
  [[nodiscard]] SendError send_body(base::PayloadQueue& out, base::ByteView bytes, bool more);
  [[nodiscard]] SendError send_body(base::PayloadQueue& out, base::Payload payload, bool more);

  // A whole response at once. Its lines are right and frame the body, which must not depend on the
  // connection. Without the memory for it the queue is as it was.
  template <class Bytes>  // ByteView: copied, Payload: by reference
  void send_ready(base::PayloadQueue& out, Request request, int status,
                  std::initializer_list<base::ByteView> lines, Bytes body) {
    write_ready_head(out, request, status, lines);
    if (request.is_head || status == 304) return;
    or_abandoned([&] { return out.append(std::move(body)), SendError::None; });
  }

  // A body of `size` bytes that the caller writes itself: what stands before it. The result says
  // how many of the bytes it may write, maybe none, before end_external_body().
  struct Piece {
    std::size_t size = 0;
    SendError error = SendError::None;
  };
  [[nodiscard]] Piece begin_external_body(base::PayloadQueue& out, std::size_t size);
  void end_external_body(base::PayloadQueue& out);

  // Trailers in place of the end of a chunked body (RFC 9112 section 7.1.2): begin, add fields,
  // end; again if there are more. After an error those since the begin are gone.
  // REQUIRES: can_have_trailers().
  [[nodiscard]] bool can_have_trailers() const noexcept { return framing_ == BodyFraming::Chunked; }
  [[nodiscard]] SendError begin_trailers(base::PayloadQueue& out);
  [[nodiscard]] SendError add_trailer(base::ByteView name, base::ByteView value);
  [[nodiscard]] SendError end_trailers(bool more);

  // Whether the connection may carry another request after this response.
  [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }
  // From now on the response closes the connection; says so if its head is not yet written.
  void must_close() noexcept { keep_alive_ = false; }
  // To close the connection is to say that the body is whole.
  [[nodiscard]] bool is_ended_by_close() const noexcept {
    return framing_ == BodyFraming::UntilClose;
  }
  [[nodiscard]] int status() const noexcept { return status_; }

 private:
  SendError abandoned(SendError error) noexcept;
  template <class Write>
  auto or_abandoned(Write&& write) {
    try {
      return write();
    } catch (const std::bad_alloc&) {
      abandon_head();
      throw;
    }
  }
  void write_ready_head(base::PayloadQueue& out, Request request, int status,
                        std::initializer_list<base::ByteView> lines);
  SendError write_field(base::ByteView name, base::ByteView value);
  SendError note_length(base::ByteView value) noexcept;
  [[nodiscard]] SendError write_line(base::ByteView name, base::ByteView value,
                                     base::ByteView& lower_name);
  void drop_line(base::ByteView name, base::ByteView value) noexcept;
  void begin_chunk(base::PayloadQueue& out, std::size_t size);
  [[nodiscard]] Piece admit(std::size_t size, bool more) noexcept;
  template <class Bytes>
  SendError send(base::PayloadQueue& out, Bytes bytes, std::size_t size, bool more);

  const StatusLines& status_lines_;
  base::PayloadQueue* out_ = nullptr;  // while the head is being written
  std::size_t head_begin_ = 0;
  std::size_t fields_begin_ = 0;  // of the application's
  Request request_;
  int status_ = 0;
  std::optional<std::uint64_t> content_length_;
  std::uint64_t sent_bytes_ = 0;
  BodyFraming framing_ = BodyFraming::None;
  bool keep_alive_ = false;
  bool close_written_ = false;
  bool trailers_begun_ = false;
  bool chunk_open_ = false;
};

}  // namespace fasterapi::http
