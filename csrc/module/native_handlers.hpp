// module/native_handlers.hpp: joins native::Application to a loop: its wake-up and its timer, and
// the Python objects that handlers live in. Needs the GIL, but for what the application itself
// does.
#pragma once

#include "loop/timer.hpp"
#include "native/application.hpp"
#include "py/ref.hpp"

namespace fasterapi::module {

// What Python hands over as native=: a tuple of (method, path, address, user, max_body, timeout,
// holds_gil, target). None and () are no routes. False with the Python error set.
[[nodiscard]] bool read_native_routes(PyObject* given, native::RouteTable& routes);

class NativeHandlers {
 public:
  // `kept` keeps the handlers alive. The loop and the log outlive this.
  NativeHandlers(loop::Loop& loop, native::RouteTable routes, py::PyRef kept,
                 server::EventLog& log);

  [[nodiscard]] native::Application& application() noexcept { return application_; }
  // The handlers stay: one of them may be what closes the server.
  void close() noexcept;
  // REQUIRES: close() was called, and no handler runs.
  void clear() noexcept { kept_.reset(); }
  [[nodiscard]] int traverse(visitproc visit, void* arg) const {
    Py_VISIT(kept_.get());
    return 0;
  }

 private:
  py::PyRef kept_;
  loop::Timer timer_;
  native::Application application_;
};

}  // namespace fasterapi::module
