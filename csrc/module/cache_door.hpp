// module/cache_door.hpp: the cache of responses as Python sees it: its fills are made by a Python
// callable, its rules come from one. Owned by the HttpServer. Needs the GIL unless said otherwise.
#pragma once

#include <memory>

#include "py/ref.hpp"
#include "server/response_cache.hpp"

namespace fasterapi::module {

class CacheDoor final : server::CacheFiller {
 public:
  // fill(number, path, query, scheme, fields); is_trusted(host), may be null: nobody is.
  CacheDoor(loop::Loop& loop, std::size_t bytes, const http::StatusLines& status_lines,
            py::PyRef fill, py::PyRef is_trusted);

  [[nodiscard]] server::ResponseCache& cache() noexcept { return cache_; }
  // Its references, too.
  void close() noexcept;

  // What the methods of HttpServer do; null with the Python error set.
  [[nodiscard]] py::PyRef declare(PyObject* args, PyObject* keywords);
  [[nodiscard]] py::PyRef complete(PyObject* args, PyObject* keywords);
  [[nodiscard]] py::PyRef fail(PyObject* args);
  // Any thread.
  [[nodiscard]] py::PyRef invalidate(PyObject* args);

  [[nodiscard]] int traverse(visitproc visit, void* arg) const;

 private:
  void fill(std::uint64_t id, const cache::KeyParts& parts) override;
  [[nodiscard]] bool is_trusted(const base::Address& peer) override;

  py::PyRef fill_;
  py::PyRef is_trusted_;
  server::ResponseCache cache_;
};

}  // namespace fasterapi::module
