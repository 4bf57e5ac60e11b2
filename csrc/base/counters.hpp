// base/counters.hpp: how many objects of each class are alive, in debug builds; nothing at all in
// release builds. Derive privately: `class Connection : base::Counted<Connection>`. Tests demand
// zero at their end.
#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <string>
#include <typeinfo>

namespace fasterapi::base {

using LiveCounts = std::map<std::string, std::size_t>;

#ifdef NDEBUG
template <class T>
class Counted {};
[[nodiscard]] inline LiveCounts live_counts() { return {}; }
#else
std::atomic<std::size_t>& live_counter(const std::type_info& type);
[[nodiscard]] LiveCounts live_counts();

template <class T>
class Counted {
 public:
  Counted() noexcept { ++counter(); }
  Counted(const Counted&) noexcept { ++counter(); }
  Counted& operator=(const Counted&) noexcept = default;
  ~Counted() { --counter(); }

 private:
  static std::atomic<std::size_t>& counter() {
    static std::atomic<std::size_t>& found = live_counter(typeid(T));
    return found;
  }
};
#endif

}  // namespace fasterapi::base
