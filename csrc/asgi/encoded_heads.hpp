// asgi/encoded_heads.hpp: the heads that an application sends again and again, encoded once: a
// response object that is returned each time, or a constant message. A head is known by its pairs:
// the same tuples of bytes in the same order. They cannot change, and a reference keeps each one's
// address from being used for another; so it does not matter whose list they are in, or what is
// done to that list. Needs the GIL; runs no Python.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "http/encoded_fields.hpp"
#include "py/ref.hpp"
#include "server/exchange.hpp"

namespace fasterapi::asgi {

class EncodedHeads {
 private:
  struct Head;

 public:
  struct Found {
    const http::EncodedFields* fields = nullptr;  // of a head that is kept, until the next call
    Head* place = nullptr;                        // else, of one that seems to come again
  };
  [[nodiscard]] Found find(int status, py::PyBorrowed headers) noexcept;

  // Keeps a head in the place that was found for it. Its fields have been added to the exchange one
  // by one, and no Python has run since find(). REQUIRES: pairs_of_bytes() returned the headers as
  // they are. After std::bad_alloc the exchange's head is gone.
  static void keep(Head& place, int status, py::PyBorrowed headers,
                   const server::Exchange& exchange);

  [[nodiscard]] int traverse(visitproc visit, void* arg) const;
  void clear() noexcept { heads_ = {}; }

 private:
  static constexpr int kIndexBits = 6;
  static constexpr std::size_t kMostFields = 32;  // of one head; one with more is never kept
  static constexpr std::size_t kMostBytes = 4096;
  static constexpr int kPatience = 32;  // other heads that a kept one outlives unused

  using Pairs = std::span<PyObject* const>;

  struct Head {
    [[nodiscard]] bool is(int other_status, Pairs other) const noexcept;
    void take(int new_status, Pairs new_pairs) noexcept;

    std::uint64_t seen = 0;  // key of the last head that was to have this place
    int patience = 0;
    int status = 0;
    std::size_t count = 0;  // of pairs; 0: none is kept
    std::array<py::PyRef, kMostFields> pairs;
    http::EncodedFields fields;
  };

  [[nodiscard]] static Pairs pairs_of(PyObject* headers) noexcept;
  [[nodiscard]] static bool may_be_kept(Pairs pairs) noexcept;
  [[nodiscard]] static std::uint64_t key_of(int status, Pairs pairs) noexcept;

  std::array<Head, std::size_t{1} << kIndexBits> heads_;
};

}  // namespace fasterapi::asgi
