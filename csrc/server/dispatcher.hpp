// server/dispatcher.hpp: who answers an exchange: asked in fixed order, cache, native handlers,
// application.
#pragma once

#include <algorithm>
#include <vector>

#include "server/application.hpp"

namespace fasterapi::server {

class Dispatcher {
 public:
  // Asked after those added before. Outlives the dispatcher's use.
  void add(Application& application) { applications_.push_back(&application); }

  // False if nobody takes it.
  [[nodiscard]] bool dispatch(Exchange& exchange) {
    return dispatch_from(applications_.begin(), exchange);
  }
  // Asks those behind one that has taken it and gives it back.
  [[nodiscard]] bool dispatch_behind(const Application& application, Exchange& exchange) {
    const auto found = std::find(applications_.begin(), applications_.end(), &application);
    return dispatch_from(std::next(found), exchange);
  }

  std::size_t run_pending(std::size_t most) {
    std::size_t started = 0;
    for (Application* application : applications_)
      started += application->run_pending(most - std::min(most, started));
    return started;
  }

  [[nodiscard]] bool has_pending() const noexcept {
    return std::any_of(applications_.begin(), applications_.end(),
                       [](const Application* application) { return application->has_pending(); });
  }

  [[nodiscard]] std::size_t running() const noexcept {
    std::size_t count = 0;
    for (const Application* application : applications_) count += application->running();
    return count;
  }

 private:
  using Applications = std::vector<Application*>;

  [[nodiscard]] bool dispatch_from(Applications::const_iterator first, Exchange& exchange) {
    return std::any_of(first, applications_.cend(),
                       [&](Application* application) { return application->start(exchange); });
  }

  Applications applications_;
};

}  // namespace fasterapi::server
