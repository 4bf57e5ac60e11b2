// asgi/application.hpp: the ASGI application as the server sees it: exchanges queue while the loop
// polls; at the end of the turn their scopes are built and their tasks started as one batch, under
// the GIL that the turn holds.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "asgi/declarations.hpp"
#include "asgi/encoded_heads.hpp"
#include "asgi/extensions.hpp"
#include "asgi/http_cycle.hpp"
#include "asgi/scope.hpp"
#include "asgi/task_runner.hpp"
#include "py/gil.hpp"
#include "server/access_log.hpp"
#include "server/application.hpp"

namespace fasterapi::asgi {

// What the Python side hands over, all required unless said otherwise.
struct ApplicationParts {
  py::PyRef app;
  py::PyRef run_asgi;  // async def run_asgi(app, scope, receive, send, cycle)
  py::PyRef loop;
  py::PyRef state;             // dict
  py::PyRef root_path;         // str
  py::PyRef is_trusted;        // may be null: no peer is
  py::PyRef apply_forwarded;   // may be null
  py::PyRef spec_version;      // str; "2.3" or "2.4"
  py::PyRef disconnect_error;  // what send() raises when the peer is gone; null: nothing
  py::PyRef extensions;        // tuple of str; null: none
  py::PyRef cached_endpoints;  // dict by what scopes call endpoint; null: nothing is learned
  py::PyRef learn;             // learn(raw_path: bytes, scope)
};

class Application final : public server::Application,
                          server::ExchangeObserver,
                          base::Counted<Application> {
 public:
  // `module_state` and `releases` outlive the application. Null with the Python error set.
  [[nodiscard]] static std::unique_ptr<Application> make(py::State& module_state,
                                                         py::ReleaseQueue& releases,
                                                         ApplicationParts parts);
  ~Application() override;

  bool start(server::Exchange& exchange) override;
  std::size_t run_pending(std::size_t most) override;
  [[nodiscard]] bool has_pending() const noexcept override {
    return !pending_.empty() || !woken_.empty();
  }
  [[nodiscard]] std::size_t running() const noexcept override {
    return running_.size() + pending_.size();
  }

  // For cycles.
  [[nodiscard]] py::ReleaseQueue& releases() noexcept { return releases_; }
  [[nodiscard]] TaskRunner& tasks() noexcept { return tasks_; }
  [[nodiscard]] EncodedHeads& encoded_heads() noexcept { return encoded_heads_; }
  [[nodiscard]] server::AccessLog* access_log() noexcept { return access_log_; }
  [[nodiscard]] const Extensions& extensions() const noexcept { return extensions_; }
  [[nodiscard]] const Declarations& declarations() const noexcept { return declarations_; }
  [[nodiscard]] PyObject* disconnect_error() const noexcept {
    return parts_.disconnect_error.get();
  }
  void note_woken(HttpCycle& cycle);
  void note_ended(HttpCycle& cycle);

  void set_access_log(server::AccessLog* log) noexcept { access_log_ = log; }
  // Called whenever the last application that ran has ended.
  void set_on_idle(std::function<void()> on_idle) { on_idle_ = std::move(on_idle); }
  // To be called at the end of a turn with the loop's number of rounds. A task that is cancelled
  // before its first step never runs its coroutine: ends the cycles of those. True: a
  // further turn is needed.
  bool end_unstarted(std::uint64_t round);
  // A new set of the unfinished tasks. Null with the Python error set.
  [[nodiscard]] py::PyRef running_tasks() const;

  [[nodiscard]] int traverse(visitproc visit, void* arg) const;
  // Gives up every running cycle and all references.
  void clear() noexcept;

 private:
  Application(py::State& module_state, py::ReleaseQueue& releases, ApplicationParts parts);

  // Of exchanges that wait in pending_.
  void on_request_progress() override {}
  void on_drained() override {}
  void on_lost(server::Exchange& exchange) override;

  [[nodiscard]] bool read_extensions();
  void wake_cycles();
  bool end_if_cancelled(HttpCycle& cycle);
  [[nodiscard]] bool start_task(server::Exchange& exchange);
  [[nodiscard]] py::PyRef make_scope(server::Exchange& exchange);
  [[nodiscard]] const ConnectionScope* connection_scope(server::Exchange& exchange);
  [[nodiscard]] bool apply_forwarded(PyObject* scope);

  py::State& state_;
  py::ReleaseQueue& releases_;
  ApplicationParts parts_;
  ScopeBuilder scopes_;
  TaskRunner tasks_;
  EncodedHeads encoded_heads_;
  Extensions extensions_;
  Declarations declarations_;
  server::AccessLog* access_log_ = nullptr;
  std::function<void()> on_idle_;
  std::deque<server::Exchange*> pending_;
  server::Exchange* starting_ = nullptr;  // its scope is being made; null if it was lost meanwhile
  std::vector<HttpCycle*> woken_;
  // Cycles whose task's first step is queued: by this turn, and by those of round_.
  std::vector<HttpCycle*> queued_;
  std::vector<HttpCycle*> queued_in_round_;
  std::uint64_t round_ = 0;
  std::vector<PyObject*>
      running_;  // cycles whose application has not ended; each holds a reference
};

}  // namespace fasterapi::asgi
