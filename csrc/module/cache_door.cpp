// module/cache_door.cpp: see cache_door.hpp.
#include "module/cache_door.hpp"

#include <utility>

#include "module/server_options.hpp"
#include "py/error.hpp"

namespace fasterapi::module {
namespace {

py::PyRef bytes_of(base::ByteView view) {
  return py::PyRef::steal(
      PyBytes_FromStringAndSize(view.data(), static_cast<Py_ssize_t>(view.size())));
}

// [(name, value)] of bytes.
py::PyRef list_of(const std::vector<http::RequestHead::Field>& fields) {
  py::PyRef list = py::PyRef::steal(PyList_New(0));
  for (const auto& [name, value] : fields) {
    const py::PyRef name_bytes = bytes_of(name);
    const py::PyRef value_bytes = bytes_of(value);
    if (!list || !name_bytes || !value_bytes) return {};
    const auto pair = py::PyRef::steal(PyTuple_Pack(2, name_bytes.get(), value_bytes.get()));
    if (!pair || PyList_Append(list.get(), pair.get()) < 0) return {};
  }
  return list;
}

bool read_names(PyObject* given, std::vector<std::string>& names) {
  const auto items = py::PyRef::steal(PySequence_Tuple(given));
  for (Py_ssize_t index = 0; items && index < PyTuple_GET_SIZE(items.get()); ++index) {
    const char* name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(items.get(), index));
    if (!name) return false;
    names.emplace_back(name);
  }
  return static_cast<bool>(items);
}

bool read_statuses(PyObject* given, std::vector<int>& statuses) {
  const auto items = py::PyRef::steal(PySequence_Tuple(given));
  for (Py_ssize_t index = 0; items && index < PyTuple_GET_SIZE(items.get()); ++index) {
    const long status = PyLong_AsLong(PyTuple_GET_ITEM(items.get(), index));
    if (status == -1 && PyErr_Occurred()) return false;
    if (status < http::StatusLines::kFirst || status > http::StatusLines::kLast) {
      PyErr_Format(PyExc_ValueError, "%ld is no status", status);
      return false;
    }
    statuses.push_back(static_cast<int>(status));
  }
  return static_cast<bool>(items);
}

bool read_ms(PyObject* given, const char* name, std::uint64_t& ms) {
  std::size_t read = ms;
  if (!read_limit(given, name, read)) return false;
  ms = read;
  return true;
}

// The headers of a response as views of `fields`, which is a sequence of pairs of bytes.
bool read_fields(PyObject* fields, cache::Response& response) {
  for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(fields); ++index) {
    char *name = nullptr, *value = nullptr;
    Py_ssize_t name_size = 0, value_size = 0;
    PyObject* pair = PyTuple_GET_ITEM(fields, index);
    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
      PyErr_SetString(PyExc_TypeError, "each header must be a tuple of two bytes");
      return false;
    }
    if (PyBytes_AsStringAndSize(PyTuple_GET_ITEM(pair, 0), &name, &name_size) < 0 ||
        PyBytes_AsStringAndSize(PyTuple_GET_ITEM(pair, 1), &value, &value_size) < 0)
      return false;
    response.fields.emplace_back(base::ByteView(name, static_cast<std::size_t>(name_size)),
                                 base::ByteView(value, static_cast<std::size_t>(value_size)));
  }
  return true;
}

}  // namespace

CacheDoor::CacheDoor(loop::Loop& loop, std::size_t bytes, const http::StatusLines& status_lines,
                     py::PyRef fill, py::PyRef is_trusted)
    : fill_(std::move(fill)),
      is_trusted_(std::move(is_trusted)),
      cache_(loop, {bytes, static_cast<bool>(is_trusted_)}, status_lines, *this) {}

void CacheDoor::close() noexcept {
  cache_.close();
  fill_.reset();
  is_trusted_.reset();
}

void CacheDoor::fill(std::uint64_t id, const cache::KeyParts& parts) {
  const auto call = py::PyRef::borrow(fill_.get());  // it may close the server
  const py::PyRef fields = list_of(parts.fields);
  const py::PyRef path = bytes_of(parts.path);
  const py::PyRef query = bytes_of(parts.query);
  const py::PyRef host = bytes_of(parts.host);
  const auto called =
      fields && path && query && host
          ? py::PyRef::steal(PyObject_CallFunction(
                call.get(), "KOOs#OO", static_cast<unsigned long long>(id), path.get(), query.get(),
                parts.scheme.data(), static_cast<Py_ssize_t>(parts.scheme.size()), host.get(),
                fields.get()))
          : py::PyRef();
  if (called) return;
  py::report_unraisable(call.get());
  cache_.fail(id);
}

bool CacheDoor::is_trusted(const base::Address& peer) {
  const auto call = py::PyRef::borrow(is_trusted_.get());
  const auto answer = py::PyRef::steal(
      PyObject_CallFunction(call.get(), "s", peer.is_unix ? "" : peer.host.c_str()));
  const int truth = answer ? PyObject_IsTrue(answer.get()) : -1;
  if (truth < 0) py::report_unraisable(call.get());
  return truth > 0;
}

py::PyRef CacheDoor::declare(PyObject* args, PyObject* keywords) {
  static const char* const names[] = {"path",           "vary",     "query",
                                      "statuses",       "fresh_ms", "stale_ms",
                                      "needs_lifetime", "learned",  nullptr};
  const char* path = nullptr;
  Py_ssize_t path_size = 0;
  PyObject *vary = nullptr, *query = nullptr, *statuses = nullptr, *fresh_ms = nullptr,
           *stale_ms = nullptr;
  int needs_lifetime = 0, learned = 0;
  cache::Rule rule;
  rule.statuses.clear();
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "y#$OOOOOpp:cache_declare",
                                   const_cast<char**>(names), &path, &path_size, &vary, &query,
                                   &statuses, &fresh_ms, &stale_ms, &needs_lifetime, &learned))
    return {};
  if (!vary || !query || !statuses || !fresh_ms || !stale_ms) {
    PyErr_SetString(PyExc_TypeError,
                    "cache_declare() needs vary, query, statuses, fresh_ms and stale_ms");
    return {};
  }
  if (!read_names(vary, rule.vary) || !read_names(query, rule.query) ||
      !read_statuses(statuses, rule.statuses) || !read_ms(fresh_ms, "fresh_ms", rule.fresh_ms) ||
      !read_ms(stale_ms, "stale_ms", rule.stale_ms))
    return {};
  rule.needs_lifetime = needs_lifetime != 0;
  const std::string at(path, static_cast<std::size_t>(path_size));
  learned ? cache_.learn(at, std::move(rule)) : cache_.declare(at, std::move(rule));
  return py::PyRef::borrow(Py_None);
}

py::PyRef CacheDoor::complete(PyObject* args, PyObject* keywords) {
  static const char* const names[] = {"", "", "", "", "", "fresh_ms", "stale_ms", "vary", nullptr};
  unsigned long long id = 0;
  cache::Response response;
  const char *body = nullptr, *etag = nullptr;
  Py_ssize_t body_size = 0, etag_size = 0;
  PyObject *headers = nullptr, *vary = nullptr, *fresh_ms = Py_None, *stale_ms = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "KiOy#y#|$OOO:cache_complete",
                                   const_cast<char**>(names), &id, &response.status, &headers,
                                   &body, &body_size, &etag, &etag_size, &fresh_ms, &stale_ms,
                                   &vary))
    return {};
  if (!read_ms(fresh_ms, "fresh_ms", response.fresh_ms) ||
      !read_ms(stale_ms, "stale_ms", response.stale_ms) ||
      (vary && !read_names(vary, response.vary)))
    return {};
  const auto fields = py::PyRef::steal(PySequence_Tuple(headers));
  if (!fields || !read_fields(fields.get(), response)) return {};
  response.body = {body, static_cast<std::size_t>(body_size)};
  response.made_etag = {etag, static_cast<std::size_t>(etag_size)};
  const auto refusal = cache_.complete(id, response);
  if (!refusal) return py::PyRef::borrow(Py_None);
  const base::ByteView text = cache::text_of(*refusal);
  return py::PyRef::steal(
      PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

py::PyRef CacheDoor::fail(PyObject* args) {
  unsigned long long id = 0;
  if (!PyArg_ParseTuple(args, "K:cache_fail", &id)) return {};
  cache_.fail(id);
  return py::PyRef::borrow(Py_None);
}

py::PyRef CacheDoor::invalidate(PyObject* args) {
  const char* path = nullptr;
  Py_ssize_t size = 0;
  if (!PyArg_ParseTuple(args, "|z#:cache_invalidate", &path, &size)) return {};
  cache_.invalidate(path ? std::optional<std::string>({path, static_cast<std::size_t>(size)})
                         : std::nullopt);
  return py::PyRef::borrow(Py_None);
}

int CacheDoor::traverse(visitproc visit, void* arg) const {
  Py_VISIT(fill_.get());
  Py_VISIT(is_trusted_.get());
  return 0;
}

}  // namespace fasterapi::module
