// native/route_table.hpp: finds the route of a request: literal paths by their hash, then patterns
// in the order in which they were added. Fixed while serving.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "native/route.hpp"

namespace fasterapi::native {

class RouteTable {
 public:
  // False: there is one for this method and this path.
  [[nodiscard]] bool add(Route route);
  [[nodiscard]] bool empty() const noexcept { return routes_.empty(); }

  // Null: none is for it.
  [[nodiscard]] const Route* find(base::ByteView method, base::ByteView raw_path,
                                  http::PathPattern::Captures& captures) const noexcept;

 private:
  using Routes = std::vector<const Route*>;  // of one path
  struct Hash : std::hash<base::ByteView> {
    using is_transparent = void;
  };

  [[nodiscard]] static const Route* best_of(const Routes& routes, base::ByteView method) noexcept;

  std::deque<Route> routes_;  // each stays in its place
  std::unordered_map<std::string, Routes, Hash, std::equal_to<>> literals_;
  std::vector<Routes> patterns_;
};

}  // namespace fasterapi::native
