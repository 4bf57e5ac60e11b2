// benchmarks/load/connection.hpp
// One keep-alive connection: the requests in flight, what is not yet written, and its parser.
// Owns its socket. Single thread. Used by runner, which decides when to send.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"
#include "response_parser.hpp"

namespace load {

class Connection {
 public:
  /// `stream` is the request repeated `pipeline` times; it must outlive the connection.
  Connection(const std::string& stream, std::uint32_t pipeline)
      : stream_(&stream), started_ns_(pipeline) {}
  ~Connection() { close(); }
  Connection(Connection&& other) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Connects (blocking, at most five seconds) and becomes non-blocking; false if refused.
  bool open(const Target& target);
  void close();

  /// Notes `count` more requests in flight, each counted from `started_ns`, and writes them.
  /// REQUIRES: outstanding() + count <= pipeline. False if the connection is lost.
  bool send(std::uint32_t count, std::uint64_t started_ns);

  /// Writes what an earlier send() could not; false if the connection is lost.
  bool flush();

  /// Ends the oldest request in flight and returns when it started. REQUIRES: outstanding() > 0.
  std::uint64_t complete();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::uint32_t outstanding() const { return outstanding_; }
  [[nodiscard]] bool free() const { return fd_ >= 0 && outstanding_ < started_ns_.size(); }
  [[nodiscard]] bool blocked() const { return unsent_ > 0; }
  [[nodiscard]] ResponseParser& parser() { return parser_; }

  bool waits_for_writable = false;  // what epoll was last told; kept by runner

 private:
  int fd_ = -1;
  const std::string* stream_;              // borrowed
  std::vector<std::uint64_t> started_ns_;  // a ring of start times, oldest at first_
  std::size_t first_ = 0;
  std::uint32_t outstanding_ = 0;
  std::size_t unsent_ = 0;    // bytes
  std::size_t position_ = 0;  // where in stream_ the next byte lies
  ResponseParser parser_;
};

}  // namespace load
