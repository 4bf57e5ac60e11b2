// cache/response.hpp: whether a response may be stored, and the entry it makes. The rules are those
// of RFC 9111 section 3, and stricter: what tells users apart, or does not say where it ends, is
// never stored.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "cache/entry.hpp"
#include "cache/rule.hpp"
#include "http/status_lines.hpp"

namespace fasterapi::cache {

// name, text as logged
#define FASTERAPI_CACHE_REFUSALS(X)                                       \
  X(Status, "its status is none that is stored")                          \
  X(SetCookie, "it sets a cookie")                                        \
  X(CacheControl, "its Cache-Control says no-store, no-cache or private") \
  X(Pragma, "it has a Pragma field")                                      \
  X(NoLifetime, "its Cache-Control has no max-age and no s-maxage")       \
  X(Expired, "it has no lifetime left")                                   \
  X(VaryAll, "it varies by everything (Vary: *)")                         \
  X(VaryMany, "it varies by more than 8 fields")                          \
  X(Partial, "it is a part of something (Content-Range)")                 \
  X(Stored, "it comes from another cache (Age)")                          \
  X(Trailers, "it announces trailers")                                    \
  X(Field, "a header of it is invalid")                                   \
  X(Length, "its body has not the length that Content-Length names")

enum class Refusal : std::uint8_t {
#define X(name, text) name,
  FASTERAPI_CACHE_REFUSALS(X)
#undef X
};

[[nodiscard]] base::ByteView text_of(Refusal refusal) noexcept;

struct Response {
  int status = 0;
  std::vector<std::pair<base::ByteView, base::ByteView>> fields;
  base::ByteView body;
  base::ByteView made_etag;  // for one that brings none of its own
  // What the application has declared of this one; no longer than the rule's count.
  std::uint64_t fresh_ms = kNever;
  std::uint64_t stale_ms = kNever;
  std::vector<std::string> vary = {};  // lower-case
};

struct Stored {
  EntryPtr entry;
  std::vector<std::string> varies;  // fields that Vary names and the rule does not, lower-case
};

// REQUIRES: made under `rule`, begun at `begun_ms`.
[[nodiscard]] base::Result<Stored, Refusal> make_entry(const Response& response, const Rule& rule,
                                                       std::uint64_t begun_ms,
                                                       const http::StatusLines& status_lines);

}  // namespace fasterapi::cache
