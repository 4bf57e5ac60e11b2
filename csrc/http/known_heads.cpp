// http/known_heads.cpp: see known_heads.hpp.
#include "http/known_heads.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace fasterapi::http {

void KnownHeads::offer(base::ByteView raw, const RequestHead& head) {
  constexpr unsigned kOffers = 16;
  if (raw.empty() || raw.size() > base::kKnownHeadBytes) return;
  Slot& slot = *std::min_element(
      slots_.begin(), slots_.end(),
      [](const Slot& one, const Slot& other) { return one.used_at < other.used_at; });
  if (slot.id != 0 && ++offers_ < kOffers) return;
  offers_ = 0;
  slot.id = 0;  // of no use if memory is missing half-way
  slot.raw = raw;
  slot.head.assign(head);
  slot.used_at = ++uses_;
  slot.id = slot.head.known_id_ = ++last_id_;
}

}  // namespace fasterapi::http
