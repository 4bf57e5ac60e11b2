// benchmarks/load/response_parser.hpp
// Finds the end of each HTTP/1.1 response in a byte stream (RFC 9112 section 6.3): content-length,
// chunked, no body, or until close. Keeps no body. One per connection; used by connection.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace load {

class ResponseParser {
 public:
  enum class Status { NeedData, Complete, Malformed };

  /// Consumes from the front of `bytes`, at most to the end of one response.
  /// After Complete, status() and close() describe it and the next call begins another one.
  Status feed(std::string_view& bytes);

  /// Tells that the peer closed; true if that completes a response without a length.
  [[nodiscard]] bool finish() const { return stage_ == Stage::UntilClose; }

  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] bool close() const { return close_; }  // the response ends the connection

  void reset() { *this = ResponseParser(); }

 private:
  enum class Stage { Head, Length, ChunkSize, ChunkData, ChunkEnd, Trailer, UntilClose, Failed };

  static constexpr std::size_t kHeadLimit = 64 * 1024;

  void feed_head(std::string_view& bytes);
  void feed_line(std::string_view& bytes);
  void skip(std::string_view& bytes, Stage then);
  void read_head(std::string_view head);
  void begin_body();
  void read_field(std::string_view name, std::string_view value);
  void read_chunk_size(std::string_view line);

  Stage stage_ = Stage::Head;
  bool complete_ = false;
  bool close_ = false;
  bool chunked_ = false;
  bool has_length_ = false;
  int status_ = 0;
  std::uint64_t remaining_ = 0;  // bytes of the body or chunk still to come
  std::string partial_;          // a head or line that a read split
};

}  // namespace load
