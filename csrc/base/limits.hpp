// base/limits.hpp: every numeric limit with its unit, default and source. The only place where such
// a number stands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace fasterapi::base {

inline constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();  // of anything

// Of one server. The defaults hold unless the server's options say otherwise. Time is in
// milliseconds.
struct Limits {
  // A request's head.
  std::size_t head_bytes =
      64 * 1024;                    // request line and fields together; nginx: 4 x 8 KiB, node: 16
  std::size_t head_fields = 100;    // hyper's and Apache's default
  std::size_t field_bytes = 16384;  // name and value of one field
  std::size_t target_bytes = 8192;  // RFC 9112 section 3: at least 8000
  // Its body.
  std::size_t body_bytes = kUnlimited;        // as in uvicorn
  std::size_t chunk_extension_bytes = 16384;  // of all chunks together, with their semicolons
  // Between parser and application.
  std::size_t body_buffered_bytes = 65536;  // reading pauses above; uvicorn's HIGH_WATER_LIMIT
  std::size_t unread_bytes = 65536;  // parsed later, because an earlier request is still running
  std::size_t unsent_bytes = 65536;  // send() waits above; asyncio's high-water mark
  std::size_t discarded_bytes =
      65536;  // request body nobody reads, before the connection is given up
  // How long a peer may take.
  std::size_t first_byte_ms = 10'000;    // from accept; nginx waits 60 s for first byte and head
  std::size_t head_ms = 10'000;          // from a head's first byte to its last
  std::size_t body_idle_ms = 30'000;     // without a byte of a body that is wanted
  std::size_t write_idle_ms = 30'000;    // without taking a byte of a response
  std::size_t bytes_per_second = 240;    // of a body or a response, on average; Kestrel's default
  std::size_t rate_grace_ms = 10'000;    // before the average counts
  std::size_t progress_check_ms = 1000;  // how often the two are looked at
  std::size_t keep_alive_ms = 5000;      // uvicorn's --timeout-keep-alive
  std::size_t crowded_idle_ms = 1000;    // instead, above four fifths of the connections
  std::size_t linger_ms = 1000;          // how long a refused peer may take to read the refusal
  // How many.
  std::size_t connections = kUnlimited;
  std::size_t connections_per_address = kUnlimited;
  std::size_t requests_per_connection = kUnlimited;
};

inline constexpr std::size_t kReceiveBufferBytes =
    65536;  // one per loop; above it glibc's malloc would mmap
inline constexpr std::size_t kIdleBufferBytes =
    1024;  // what an idle connection may keep of each buffer
inline constexpr std::size_t kCopiedBodyBytes =
    8192;                                         // copying beats a second iovec below 4 to 16 KiB
inline constexpr std::size_t kWriteVectors = 64;  // iovecs per writev; Linux allows 1024
inline constexpr std::size_t kFilePieceBytes = 65536;  // read at once; a smaller file is one
inline constexpr std::size_t kFileBytesPerTurn =
    524288;  // of one file and turn of the loop: some 0.1 ms
inline constexpr std::size_t kRequestsPerTurn =
    128;  // started per turn of the loop, the rest waits for the next
inline constexpr std::size_t kRequestsPerConnectionAndTurn = 16;  // of pipelined ones
inline constexpr std::uint64_t kLatePollNs =
    1'000'000;  // of callbacks between two polls, where some requests are answered while polling
inline constexpr std::size_t kAcceptsPerTurn = 16;  // of a listener
inline constexpr std::size_t kAcceptRestMs =
    100;  // of a listener when the process has no descriptors or no memory
inline constexpr std::size_t kShedPerRest = 64;  // connections that it then refuses at once
inline constexpr std::size_t kNativeFieldBytes =
    16384;  // of a native handler's response: names and values together
inline constexpr unsigned kUndeliveredMs = 30'000;    // without progress, behind a close (tcp(7))
inline constexpr std::size_t kKnownHeadBytes = 4096;  // of a head that is kept to be known again
// Of the cache of responses.
inline constexpr std::size_t kCacheBytes = 16 * 1024 * 1024;  // keys, entries and what finds them
inline constexpr std::size_t kCacheLearnedRules = 1024;       // of paths; the oldest makes room
inline constexpr std::size_t kCacheVaries = 8;       // fields that responses may add to a key
inline constexpr std::size_t kCacheFills = 64;       // under way at once
inline constexpr std::uint64_t kCacheWaitMs = 5000;  // of a request for a fill
inline constexpr std::uint64_t kCacheRefusedMs =
    10'000;                                      // before a refused response is tried again
inline constexpr std::size_t kCachePeers = 256;  // of which it is known whether to trust them

inline constexpr std::size_t kPeerWarnings = 100;  // in the log about all peers at once, then
inline constexpr std::size_t kPeerWarningsPerSecond = 10;  // so many

}  // namespace fasterapi::base
