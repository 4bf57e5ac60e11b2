// cache/entry.cpp: see entry.hpp.
#include "cache/entry.hpp"

namespace fasterapi::cache {
namespace {

base::ByteView opaque(base::ByteView tag) noexcept {
  return tag.starts_with("W/") ? tag.substr(2) : tag;
}

// Whether a list of entity tags names this one, by the weak comparison (RFC 9110 sections 8.8.3.2
// and 13.1.2). A comma may stand within a tag; what is no list names nothing.
bool names(base::ByteView list, base::ByteView etag) noexcept {
  while (true) {
    list.remove_prefix(std::min(list.find_first_not_of(", \t"), list.size()));
    const std::size_t begin = list.starts_with("W/") ? 2 : 0;
    if (list.size() <= begin || list[begin] != '"') return false;
    const auto end = list.find('"', begin + 1);
    if (end == base::ByteView::npos) return false;
    if (opaque(list.substr(0, end + 1)) == opaque(etag)) return true;
    list.remove_prefix(end + 1);
  }
}

}  // namespace

EntryPtr refused_until(std::uint64_t ms) {
  auto note = std::make_shared<Entry>();
  note->fresh_until_ms = note->stale_until_ms = ms;
  return note;
}

bool not_modified(const Entry& entry, const Conditions& conditions) noexcept {
  if (entry.status != 200) return false;
  if (conditions.if_none_match.data())
    return conditions.if_none_match == "*" || names(conditions.if_none_match, entry.etag);
  // Clients send back what they were given. Any other date: the whole response is right, too.
  return !entry.last_modified.empty() && conditions.if_modified_since == entry.last_modified;
}

}  // namespace fasterapi::cache
