// tests/fuzz/chunked_fuzz.cpp: a chunked body is what a plain decoder makes of it, or it is
// refused; and neither depends on how the bytes were split. The input is the body, or a request and
// its body.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "http/connection.hpp"

namespace http = fasterapi::http;

namespace {

constexpr std::string_view kHead =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kNext = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

fasterapi::base::Limits small_limits() {
  fasterapi::base::Limits limits;
  limits.head_bytes = 1000;
  limits.head_fields = 20;
  limits.field_bytes = 300;
  limits.chunk_extension_bytes = 200;
  return limits;
}

enum class End { Missing, Whole, Refused };

struct Understood {
  std::string body;
  // Not for which mistake: of a field that is too long and malformed, the split decides which of
  // the two is seen first.
  End end = End::Missing;
  std::size_t next_heads = 0;  // of requests behind the body
  bool operator==(const Understood&) const = default;
};

class Recipient {
 public:
  void receive(std::string_view piece) {
    if (closed_) return;
    const std::string bytes(piece);  // its own memory: AddressSanitizer sees a view kept too long
    http_.receive(bytes);
    while (take_event()) {
    }
    http_.retain();
  }
  Understood understood;

 private:
  // False if there is nothing more for now.
  bool take_event() {
    const http::Event event = http_.next_event();
    switch (event.kind) {
      case http::EventKind::NeedData:
        return false;
      case http::EventKind::RequestHead:
        if (http_.head().raw_path() == "/next") ++understood.next_heads;
        return true;
      case http::EventKind::BodyChunk:
        if (understood.end == End::Missing) understood.body += event.body;
        return true;
      case http::EventKind::EndOfMessage:
        if (understood.end == End::Missing) understood.end = End::Whole;
        return true;
      case http::EventKind::Paused:
        return start_next();
      case http::EventKind::Error:
        if (understood.end == End::Missing) understood.end = End::Refused;
        return false;
    }
    return false;
  }

  bool start_next() {
    fasterapi::base::PayloadQueue out;
    require(http_.begin_head(out, 204, {}) == http::SendError::None, "a response is refused");
    require(http_.end_head() == http::SendError::None, "a head is refused");
    require(http_.send_body(out, fasterapi::base::ByteView(), false) == http::SendError::None,
            "an end is refused");
    closed_ = !http_.start_next_cycle();
    return !closed_;
  }

  static const fasterapi::base::Limits& limits() {
    static const auto made = small_limits();
    return made;
  }
  static const http::StatusLines& status_lines() {
    static const http::StatusLines made;
    return made;
  }
  http::Connection http_{limits(), status_lines()};
  bool closed_ = false;
};

Understood understood_of(const std::vector<std::string_view>& pieces) {
  Recipient recipient;
  for (const std::string_view piece : pieces) recipient.receive(piece);
  return recipient.understood;
}

// RFC 9112 section 7.1, read from a whole body; lenient about what stands in extensions and
// trailers.
struct Reference {
  std::string body;
  End end = End::Missing;
  bool plain = true;     // neither extensions nor trailers
  std::size_t size = 0;  // of the whole body, with its framing

  explicit Reference(std::string_view bytes) : left_(bytes) {
    const std::size_t all = bytes.size();
    while (end == End::Missing && read_chunk()) {
    }
    size = all - left_.size();
  }

 private:
  // The line without its line break; nothing and an end where there is none.
  std::optional<std::string_view> take_line() {
    const auto at = left_.find_first_of(std::string_view("\r\n\0", 3));
    if (at == std::string_view::npos || at + 1 == left_.size()) {
      if (at != std::string_view::npos && left_[at] != '\r') end = End::Refused;
      return std::nullopt;
    }
    if (left_.substr(at, 2) != "\r\n") {
      end = End::Refused;
      return std::nullopt;
    }
    const std::string_view line = left_.substr(0, at);
    left_.remove_prefix(at + 2);
    return line;
  }

  bool read_chunk() {
    const auto line = take_line();
    if (!line) return false;
    const std::string_view digits = line->substr(0, line->find(';'));
    plain &= digits.size() == line->size();
    if (digits.empty() || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos ||
        digits.size() > 16) {
      end = End::Refused;
      return false;
    }
    const std::uint64_t count = std::stoull(std::string(digits), nullptr, 16);
    return count == 0 ? read_trailers() : read_data(count);
  }

  bool read_data(std::uint64_t count) {
    body += left_.substr(0, count);
    if (left_.size() < count) return false;
    left_.remove_prefix(count);
    if (!std::string_view("\r\n").starts_with(left_.substr(0, 2))) {
      end = End::Refused;
      return false;
    }
    if (left_.size() < 2) return false;
    left_.remove_prefix(2);
    return true;
  }

  bool read_trailers() {
    while (const auto line = take_line()) {
      if (line->empty()) {
        end = End::Whole;
        return false;
      }
      plain = false;
    }
    return false;
  }

  std::string_view left_;
};

std::vector<std::string_view> split(std::string_view bytes, unsigned seed) {
  std::minstd_rand random(seed);
  std::vector<std::string_view> pieces;
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(1 + random() % 40, bytes.size());
    pieces.push_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return pieces;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view body(reinterpret_cast<const char*>(data), size);
  if (const auto head_end = body.find("\r\n\r\n"); head_end != std::string_view::npos)
    body.remove_prefix(head_end + 4);
  const std::string whole_bytes = std::string(kHead).append(body);

  const Understood whole = understood_of({whole_bytes});
  std::vector<std::string_view> single;
  for (const char& byte : whole_bytes) single.emplace_back(&byte, 1);
  require(understood_of(single) == whole, "single bytes say something else");
  require(understood_of(split(whole_bytes, static_cast<unsigned>(size) + 1)) == whole,
          "pieces say something else");

  const Reference reference(body);
  require(reference.body.starts_with(whole.body), "another body");
  if (whole.end == End::Whole) {
    require(reference.end == End::Whole, "a malformed body is taken");
    require(whole.body == reference.body, "a part of the body");
    // It ends where the reference says: the next request begins there.
    const std::string two = std::string(kHead).append(body.substr(0, reference.size)).append(kNext);
    require(understood_of({two}).next_heads == 1, "another end");
  }
  if (reference.end == End::Whole && reference.plain)
    require(whole.end == End::Whole, "a plain body is refused");
  if (reference.end == End::Refused) require(whole.end == End::Refused, "a mistake is not seen");
  return 0;
}
