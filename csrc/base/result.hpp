// base/result.hpp: a value or an error. For mistakes of a peer or a caller, which are values here
// and never thrown.
#pragma once

#include <utility>
#include <variant>

namespace fasterapi::base {

template <class T, class E>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: meant to convert
  Result(E error) : held_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: meant to convert

  [[nodiscard]] bool ok() const noexcept { return held_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  // REQUIRES: ok().
  [[nodiscard]] T& value() noexcept { return *std::get_if<0>(&held_); }
  [[nodiscard]] const T& value() const noexcept { return *std::get_if<0>(&held_); }
  // REQUIRES: !ok().
  [[nodiscard]] const E& error() const noexcept { return *std::get_if<1>(&held_); }

 private:
  std::variant<T, E> held_;
};

}  // namespace fasterapi::base
