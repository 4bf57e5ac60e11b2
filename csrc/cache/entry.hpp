// cache/entry.hpp: a stored response, ready to be sent: immutable, shared by the store and by the
// bytes that are on their way. Made by cache/response.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cache/request.hpp"

namespace fasterapi::cache {

struct Entry : std::enable_shared_from_this<Entry> {
  int status = 0;         // 0: a note that the application's response cannot be stored
  std::string fields;     // whole lines, framing included, without those of every response
  std::string validated;  // those of them that a 304 has (RFC 9110 section 15.4.5)
  std::string body;
  std::string etag;           // as it stands in `fields`
  std::string last_modified;  // likewise; maybe empty
  // On the caller's clock.
  std::uint64_t stored_ms = 0;
  std::uint64_t fresh_until_ms = 0;
  std::uint64_t stale_until_ms = 0;  // until then it is sent while it is made anew

  [[nodiscard]] std::size_t bytes() const noexcept {
    return sizeof(Entry) + fields.size() + validated.size() + body.size() + etag.size() +
           last_modified.size();
  }
};

using EntryPtr = std::shared_ptr<const Entry>;

// A note that lasts until then: the application is asked each time.
[[nodiscard]] EntryPtr refused_until(std::uint64_t ms);

// Whether the conditions make a 304 of it (RFC 9110 section 13.2.2). REQUIRES: no note.
[[nodiscard]] bool not_modified(const Entry& entry, const Conditions& conditions) noexcept;

}  // namespace fasterapi::cache
