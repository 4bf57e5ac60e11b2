// http/known_heads.hpp: heads that come again and again with the same bytes, as those of health
// checks do: a message that begins with them is not parsed anew. Only whole requests without a body
// are kept. Shared by a server's connections; one owner, one thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "http/event.hpp"

namespace fasterapi::http {

class KnownHeads {
 public:
  static constexpr std::size_t kSlots = 4;

  struct Known {
    const RequestHead* head = nullptr;
    std::size_t size = 0;  // of the request
  };
  // The request that `input` begins with; a null head if none of these.
  [[nodiscard]] Known find(base::ByteView input) noexcept {
    for (Slot& slot : slots_) {
      if (slot.id == 0 || !input.starts_with(slot.raw)) continue;
      slot.used_at = ++uses_;
      return {&slot.head, slot.raw.size()};
    }
    return {};
  }

  // A head that may come again, in the bytes it came in. One that comes now and then does not take
  // the place of one that comes always. REQUIRES: no body, no expectation, no upgrade.
  void offer(base::ByteView raw, const RequestHead& head);

 private:
  struct Slot {
    std::uint64_t id = 0;  // 0: nothing is kept
    std::uint64_t used_at = 0;
    std::string raw;
    RequestHead head;
  };

  std::array<Slot, kSlots> slots_;
  std::uint64_t uses_ = 0;
  std::uint64_t last_id_ = 0;
  unsigned offers_ = 0;  // since one was taken
};

}  // namespace fasterapi::http
