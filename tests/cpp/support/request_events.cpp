// tests/cpp/support/request_events.cpp: see request_events.hpp.
#include "request_events.hpp"

#include <algorithm>

#include "http/connection.hpp"
#include "text.hpp"

namespace fasterapi::support {
namespace {

std::string name_of(http::ProtocolError error) {
  switch (error) {
#define X(name, status, cause)    \
  case http::ProtocolError::name: \
    return #name;
    FASTERAPI_PROTOCOL_ERRORS(X)
#undef X
  }
  return "unknown";
}

// One connection whose application answers every request with an empty 200.
class Conversation {
 public:
  explicit Conversation(const base::Limits& limits) : http_(limits, status_lines()) {}

  // False as soon as the connection would close.
  bool receive(std::string_view piece) {
    const std::string bytes(
        piece);  // its own memory: a view kept too long is found by AddressSanitizer
    http_.receive(bytes);
    const bool open = pump();
    http_.retain();
    return open;
  }

  Lines lines() {
    end_body();
    return with_runs_joined(lines_);
  }

 private:
  // Ten and more equal lines are one.
  static Lines with_runs_joined(const Lines& lines) {
    Lines joined;
    for (auto run = lines.begin(); run != lines.end();) {
      const auto end =
          std::find_if(run, lines.end(), [&](const auto& line) { return line != *run; });
      if (const auto length = end - run; length >= 10) {
        joined.push_back(*run + " (" + std::to_string(length) + " times)");
      } else {
        joined.insert(joined.end(), run, end);
      }
      run = end;
    }
    return joined;
  }

  static const http::StatusLines& status_lines() {
    static const http::StatusLines made;
    return made;
  }

  bool pump() {
    while (true) {
      const http::Event event = http_.next_event();
      const bool more =
          event.kind == http::EventKind::BodyChunk || event.kind == http::EventKind::NeedData;
      if (!more) end_body();
      switch (event.kind) {
        case http::EventKind::NeedData:
          return true;
        case http::EventKind::Paused:
          if (!answer()) return false;
          break;
        case http::EventKind::RequestHead:
          add_head();
          break;
        case http::EventKind::BodyChunk:
          body_ += event.body;
          break;
        case http::EventKind::EndOfMessage:
          lines_.emplace_back("end");
          break;
        case http::EventKind::Error:
          lines_.push_back("error " + name_of(event.error));
          return false;
      }
    }
  }

  void add_head() {
    const http::RequestHead& head = http_.head();
    lines_.push_back("head " + std::string(head.method()) + " " + readable(head.target()) +
                     " HTTP/1." + std::to_string(head.minor_version()));
    if (head.raw_path() != head.target()) lines_.push_back("path " + readable(head.raw_path()));
    if (!head.query().empty()) lines_.push_back("query " + readable(head.query()));
    for (std::size_t index = 0; index < head.field_count(); ++index) {
      const auto field = head.field(index);
      lines_.push_back("field " + readable(field.name) + ": " + readable(field.value));
    }
    if (head.expect_continue()) lines_.emplace_back("expect 100-continue");
    if (head.upgrade()) lines_.emplace_back("upgrade");
    if (!head.keep_alive()) lines_.emplace_back("close");
  }

  void end_body() {
    if (!body_.empty()) lines_.push_back("body \"" + readable(body_) + "\"");
    body_.clear();
  }

  bool answer() {
    base::PayloadQueue out;
    const bool sent = http_.begin_head(out, 200, {}) == http::SendError::None &&
                      http_.response().add_field("content-length", "0") == http::SendError::None &&
                      http_.end_head() == http::SendError::None &&
                      http_.send_body(out, base::ByteView(), false) == http::SendError::None;
    if (!sent) lines_.emplace_back("the response was refused");
    return sent && http_.start_next_cycle();
  }

  http::Connection http_;
  Lines lines_;
  std::string body_;
};

}  // namespace

Lines events_of_pieces(const std::vector<std::string_view>& pieces, const base::Limits& limits) {
  Conversation conversation(limits);
  for (const std::string_view piece : pieces) {
    if (!conversation.receive(piece)) break;
  }
  return conversation.lines();
}

Lines events_of(std::string_view bytes, const base::Limits& limits) {
  return events_of_pieces({bytes}, limits);
}

Lines events_byte_by_byte(std::string_view bytes, const base::Limits& limits) {
  std::vector<std::string_view> pieces;
  for (std::size_t index = 0; index < bytes.size(); ++index)
    pieces.push_back(bytes.substr(index, 1));
  return events_of_pieces(pieces, limits);
}

std::size_t first_harmful_split(std::string_view bytes, const Lines& expected,
                                const base::Limits& limits) {
  constexpr std::size_t kTries = 1000;
  for (std::size_t split = 1; split < bytes.size(); split += 1 + bytes.size() / kTries) {
    if (events_of_pieces({bytes.substr(0, split), bytes.substr(split)}, limits) != expected)
      return split;
  }
  return std::string_view::npos;
}

bool ended(const Lines& events) {
  return !events.empty() && (events.back() == "end" || events.back().starts_with("error "));
}

Lines with_trailing_request(Lines events) {
  // The last head's "close" stands behind the last head.
  const auto last_head = std::find_if(events.rbegin(), events.rend(),
                                      [](const auto& line) { return line.starts_with("head "); });
  const bool closes = std::find(events.rbegin(), last_head, "close") != last_head;
  if (events.back() == "end" && !closes) {
    for (const char* line : {"head GET /trailing HTTP/1.1", "field host: t", "end"}) {
      events.emplace_back(line);
    }
  }
  return events;
}

}  // namespace fasterapi::support
