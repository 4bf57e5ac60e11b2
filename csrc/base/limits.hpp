// base/limits.hpp: every numeric limit with its unit, default and source. The only place where such
// a number stands.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fasterapi::base {

// Of one connection. The defaults hold unless the server's options say otherwise.
struct Limits {
  std::size_t head_bytes =
      64 * 1024;  // request line and fields together; nginx: 4 x 8 KiB, node: 16 KiB
  std::size_t head_fields = 100;            // hyper's and Apache's default
  std::size_t body_buffered_bytes = 65536;  // reading pauses above; uvicorn's HIGH_WATER_LIMIT
  std::size_t unread_bytes = 65536;  // parsed later, because an earlier request is still running
  std::size_t unsent_bytes = 65536;  // send() waits above; asyncio's high-water mark
  std::size_t discarded_bytes =
      65536;  // request body nobody reads, before the connection is given up
  std::uint64_t keep_alive_ms = 5000;  // uvicorn's --timeout-keep-alive
  std::uint64_t linger_ms = 1000;      // how long a refused peer may take to read the refusal
};

inline constexpr std::size_t kReceiveBufferBytes =
    65536;  // one per loop; above it glibc's malloc would mmap
inline constexpr std::size_t kIdleBufferBytes =
    1024;  // what an idle connection may keep of each buffer
inline constexpr std::size_t kCopiedBodyBytes =
    8192;                                         // copying beats a second iovec below 4 to 16 KiB
inline constexpr std::size_t kWriteVectors = 64;  // iovecs per writev; Linux allows 1024
inline constexpr std::size_t kRequestsPerTurn =
    128;  // started per turn of the loop, the rest waits for the next

}  // namespace fasterapi::base
