// asgi/encoded_heads.cpp: see encoded_heads.hpp.
#include "asgi/encoded_heads.hpp"

#include <algorithm>
#include <utility>

#include "asgi/message.hpp"

namespace fasterapi::asgi {

// A new list of new pairs, at the addresses of dead ones, seems to come again and is kept in vain.
// That is how most responses are made, and patience makes it rare: it costs less than to hold every
// head until the next one has shown that it does not come again.
EncodedHeads::Found EncodedHeads::find(int status, py::PyBorrowed headers) noexcept {
  const Pairs pairs = pairs_of(headers);
  if (pairs.empty()) return {};
  const std::uint64_t key = key_of(status, pairs);
  Head& head = heads_[key >> (64 - kIndexBits)];
  if (head.is(status, pairs)) {
    head.patience = kPatience;
    return {&head.fields};
  }
  if (head.patience > 0) {
    --head.patience;
    return {};
  }
  return {nullptr, std::exchange(head.seen, key) == key ? &head : nullptr};
}

void EncodedHeads::keep(Head& place, int status, py::PyBorrowed headers,
                        const server::Exchange& exchange) {
  const Pairs pairs = pairs_of(headers);
  if (!may_be_kept(pairs)) return;
  place.fields = exchange.encoded_fields();
  place.take(status, pairs);
  place.patience = kPatience;
}

EncodedHeads::Pairs EncodedHeads::pairs_of(PyObject* headers) noexcept {
  if (!PyList_CheckExact(headers) && !PyTuple_CheckExact(headers)) return {};
  const auto count = static_cast<std::size_t>(PySequence_Fast_GET_SIZE(headers));
  return count <= kMostFields ? Pairs(PySequence_Fast_ITEMS(headers), count) : Pairs();
}

// A pair that is a list can change.
bool EncodedHeads::may_be_kept(Pairs pairs) noexcept {
  std::size_t bytes = 0;
  for (PyObject* pair : pairs) {
    if (!PyTuple_CheckExact(pair)) return false;
    bytes += view_of(PyTuple_GET_ITEM(pair, 0)).size() + view_of(PyTuple_GET_ITEM(pair, 1)).size();
  }
  return bytes <= kMostBytes;
}

// First and last: handlers that share a pair rarely share both. The factor, of the golden ratio,
// spreads addresses over the high bits.
std::uint64_t EncodedHeads::key_of(int status, Pairs pairs) noexcept {
  const auto first = reinterpret_cast<std::uintptr_t>(pairs.front());
  const auto last = reinterpret_cast<std::uintptr_t>(pairs.back());
  return (first * 3 + last + static_cast<unsigned>(status)) * 0x9e3779b97f4a7c15;
}

int EncodedHeads::traverse(visitproc visit, void* arg) const {
  for (const Head& head : heads_) {
    for (const py::PyRef& pair : std::span(head.pairs).first(head.count)) Py_VISIT(pair.get());
  }
  return 0;
}

bool EncodedHeads::Head::is(int other_status, Pairs other) const noexcept {
  return count == other.size() && status == other_status &&
         std::equal(other.begin(), other.end(), pairs.begin(),
                    [](PyObject* theirs, const py::PyRef& ours) { return theirs == ours.get(); });
}

void EncodedHeads::Head::take(int new_status, Pairs new_pairs) noexcept {
  for (std::size_t index = 0; index < new_pairs.size(); ++index)
    pairs[index] = py::PyRef::borrow(new_pairs[index]);
  for (std::size_t index = new_pairs.size(); index < count; ++index) pairs[index].reset();
  count = new_pairs.size();
  status = new_status;
}

}  // namespace fasterapi::asgi
