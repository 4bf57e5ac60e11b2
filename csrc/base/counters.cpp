// base/counters.cpp: the registry of counters.hpp.
#include "base/counters.hpp"

#ifndef NDEBUG
#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <mutex>

namespace fasterapi::base {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<std::string, std::atomic<std::size_t>> counters;
};

Registry& registry() {
  static auto* const made =
      new Registry;  // never destroyed: objects may outlive static destruction
  return *made;
}

std::string readable(const std::type_info& type) {
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, nullptr), &std::free);
  const std::string text = name ? name.get() : type.name();
  constexpr char kNamespace[] = "fasterapi::";
  return text.starts_with(kNamespace) ? text.substr(sizeof kNamespace - 1) : text;
}

}  // namespace

std::atomic<std::size_t>& live_counter(const std::type_info& type) {
  const std::lock_guard lock(registry().mutex);
  return registry().counters[readable(type)];
}

LiveCounts live_counts() {
  const std::lock_guard lock(registry().mutex);
  LiveCounts counts;
  for (const auto& [name, count] : registry().counters) counts[name] = count;
  return counts;
}

}  // namespace fasterapi::base
#endif
