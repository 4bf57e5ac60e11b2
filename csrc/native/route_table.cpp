// native/route_table.cpp: see route_table.hpp.
#include "native/route_table.hpp"

#include <algorithm>
#include <utility>

namespace fasterapi::native {
namespace {

// How well a route's method fits: what names it goes before what takes it along.
int fitness(base::ByteView of_route, base::ByteView method) noexcept {
  if (of_route == method) return 3;
  if (of_route == "GET" && method == "HEAD") return 2;
  return of_route == "*" ? 1 : 0;
}

}  // namespace

bool RouteTable::add(Route route) {
  const std::string path = route.pattern.text();
  Routes* same_path = nullptr;
  if (route.pattern.is_literal()) {
    same_path = &literals_[path];
  } else {
    const auto found = std::find_if(patterns_.begin(), patterns_.end(), [&](const Routes& routes) {
      return routes.front()->pattern.text() == path;
    });
    same_path = found == patterns_.end() ? &patterns_.emplace_back() : &*found;
  }
  for (const Route* other : *same_path) {
    if (other->method == route.method) return false;
  }
  same_path->push_back(&routes_.emplace_back(std::move(route)));
  return true;
}

const Route* RouteTable::best_of(const Routes& routes, base::ByteView method) noexcept {
  const Route* best = nullptr;
  int best_fitness = 0;
  for (const Route* route : routes) {
    if (const int found = fitness(route->method, method); found > best_fitness) {
      best = route;
      best_fitness = found;
    }
  }
  return best;
}

const Route* RouteTable::find(base::ByteView method, base::ByteView raw_path,
                              http::PathPattern::Captures& captures) const noexcept {
  if (const auto found = literals_.find(raw_path); found != literals_.end()) {
    if (const Route* route = best_of(found->second, method)) return route;
  }
  for (const Routes& routes : patterns_) {
    if (!routes.front()->pattern.match(raw_path, captures)) continue;
    if (const Route* route = best_of(routes, method)) return route;
  }
  return nullptr;
}

}  // namespace fasterapi::native
