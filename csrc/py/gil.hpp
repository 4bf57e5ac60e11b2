// py/gil.hpp: giving up the GIL for a while, and dropping references by those who do not hold it.
#pragma once

#include <vector>

#include "base/payload.hpp"
#include "py/ref.hpp"

namespace fasterapi::py {

// The loop's thread gives up the GIL for the lifetime of this object.
class GilRelease {
 public:
  GilRelease() noexcept : state_(PyEval_SaveThread()) {}
  GilRelease(const GilRelease&) = delete;
  GilRelease& operator=(const GilRelease&) = delete;
  ~GilRelease() { PyEval_RestoreThread(state_); }

 private:
  PyThreadState* state_;
};

// Whether no other thread has ever to wait for the GIL: this interpreter has none.
[[nodiscard]] inline bool is_only_thread() noexcept {
  PyThreadState* first = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
  return PyThreadState_Next(first) == nullptr;
}

// References that the loop's thread wants to drop while it does not hold the GIL. One thread;
// drained under the GIL.
class ReleaseQueue {
 public:
  ReleaseQueue() = default;
  ReleaseQueue(const ReleaseQueue&) = delete;
  ReleaseQueue& operator=(const ReleaseQueue&) = delete;
  ~ReleaseQueue() { drain(); }

  // Takes over one reference.
  void push(PyObject* object) { waiting_.push_back(object); }

  void drain() noexcept {
    while (!waiting_.empty()) {  // a destructor that runs Python may push more
      PyObject* object = waiting_.back();
      waiting_.pop_back();
      Py_DECREF(object);
    }
  }

  // The bytes of `object`, kept alive by a reference that ends in this queue. REQUIRES: exact
  // bytes.
  [[nodiscard]] base::Payload payload_of(PyObject* object) noexcept {
    const base::ByteView view(PyBytes_AS_STRING(object),
                              static_cast<std::size_t>(PyBytes_GET_SIZE(object)));
    return {view, release, Py_NewRef(object), this};
  }

 private:
  static void release(void* object, void* queue) noexcept {
    static_cast<ReleaseQueue*>(queue)->push(static_cast<PyObject*>(object));
  }

  std::vector<PyObject*> waiting_;
};

}  // namespace fasterapi::py
