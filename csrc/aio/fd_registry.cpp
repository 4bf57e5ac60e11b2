// aio/fd_registry.cpp: see fd_registry.hpp.
#include "aio/fd_registry.hpp"

#include <cerrno>
#include <climits>

namespace fasterapi::aio {
namespace {

constexpr int kInvalid = -1;  // with the Python error set

// The rules and texts of the selectors module.
int number_of(PyObject* file) {
  py::PyRef number = py::PyRef::borrow(file);
  if (!PyLong_Check(file)) {
    const auto got = py::PyRef::steal(PyObject_CallMethod(file, "fileno", nullptr));
    number = py::PyRef::steal(got ? PyNumber_Long(got.get()) : nullptr);
    if (!number) {
      if (PyErr_ExceptionMatches(PyExc_AttributeError) || PyErr_ExceptionMatches(PyExc_TypeError) ||
          PyErr_ExceptionMatches(PyExc_ValueError)) {
        PyErr_Format(PyExc_ValueError, "Invalid file object: %R", file);
      }
      return kInvalid;
    }
  }
  int overflow = 0;
  const long fd = PyLong_AsLongAndOverflow(number.get(), &overflow);
  if (fd == -1 && PyErr_Occurred()) return kInvalid;
  if (fd >= 0 && fd <= INT_MAX) return static_cast<int>(fd);
  if (fd > INT_MAX || overflow > 0) {
    PyErr_SetString(PyExc_OverflowError, "Python int too large to convert to C int");
  } else {
    PyErr_Format(PyExc_ValueError, "Invalid file descriptor: %S", number.get());
  }
  return kInvalid;
}

}  // namespace

void FdRegistry::close() noexcept {
  events_.close();
  clear();
}

bool FdRegistry::add(Side side, PyObject* file, PyObject* handle) {
  const int fd = number_of(file);
  if (fd < 0) return false;
  const Entry* before = find(fd);
  const unsigned known = before ? before->watched : 0;
  const unsigned wanted = known | static_cast<unsigned>(side);
  if (const loop::UvError error = events_.watch(fd, known, wanted); !error.ok()) {
    errno = error.errno_value();
    PyErr_SetFromErrno(PyExc_OSError);
    return false;
  }
  if (!before) entries_.resize(static_cast<std::size_t>(fd) + 1);  // only for one that exists
  Entry& entry = *find(fd);
  entry.watched = wanted;
  if (known == 0 && !PyLong_Check(file)) entry.file = py::PyRef::borrow(file);
  const py::PyRef replaced =
      std::exchange(entry.callback(side), py::PyRef::borrow(handle));  // dies last: it runs Python
  return !replaced || cancel(replaced);
}

int FdRegistry::remove(Side side, PyObject* file) {
  const int fd = number_of_known(file);
  if (fd >= 0) return drop(side, fd);
  if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return -1;
  PyErr_Clear();  // no descriptor has such a number: nor has it a callback
  return 0;
}

// As number_of(), but for a file that is closed by now the number that it was added under.
int FdRegistry::number_of_known(PyObject* file) {
  const int fd = number_of(file);
  if (fd >= 0 || !PyErr_ExceptionMatches(PyExc_ValueError)) return fd;
  for (std::size_t index = 0; index < entries_.size(); ++index) {
    if (entries_[index].file.get() == file) return PyErr_Clear(), static_cast<int>(index);
  }
  return kInvalid;
}

int FdRegistry::drop(Side side, int fd) {
  Entry* entry = find(fd);
  if (!entry || entry->watched == 0) return 0;
  const py::PyRef dropped = std::exchange(entry->callback(side), py::PyRef());
  const unsigned wanted = entry->wanted();
  // A descriptor that was closed meanwhile is no longer the kernel's concern; nor is this one's.
  if (wanted != entry->watched) (void)events_.watch(fd, entry->watched, wanted).ok();
  entry->watched = wanted;
  const py::PyRef file = wanted == 0 ? std::exchange(entry->file, py::PyRef()) : py::PyRef();
  if (!dropped) return 0;
  return cancel(dropped) ? 1 : -1;
}

bool FdRegistry::cancel(const py::PyRef& handle) {
  return static_cast<bool>(
      py::PyRef::steal(PyObject_CallMethodNoArgs(handle.get(), state_.names.cancel.get())));
}

bool FdRegistry::collect(ReadyQueue& ready) {
  for (const epoll_event& event : events_.take()) {
    // Errors and hang-ups concern both sides.
    const bool readable = (event.events & ~static_cast<unsigned>(EPOLLOUT)) != 0;
    const bool writable = (event.events & ~static_cast<unsigned>(EPOLLIN)) != 0;
    if (readable && !offer(event.data.fd, Side::Read, ready)) return false;
    if (writable && !offer(event.data.fd, Side::Write, ready)) return false;
  }
  return true;
}

bool FdRegistry::offer(int fd, Side side, ReadyQueue& ready) {
  Entry* entry = find(fd);
  if (!entry || !entry->callback(side)) return true;
  PyObject* handle = entry->callback(side).get();
  if (slots_.cancelled(handle)) return drop(side, fd) >= 0;
  ready.push(py::PyRef::borrow(handle));
  return true;
}

py::PyRef FdRegistry::as_dict() const {
  py::PyRef watched = py::PyRef::steal(PyDict_New());
  const auto object = [](const py::PyRef& ref) { return ref ? ref.get() : Py_None; };
  for (std::size_t fd = 0; watched && fd < entries_.size(); ++fd) {
    const Entry& entry = entries_[fd];
    if (entry.watched == 0) continue;
    const int events = (entry.reader ? 1 : 0) | (entry.writer ? 2 : 0);  // EVENT_READ, EVENT_WRITE
    const auto number = py::PyRef::steal(PyLong_FromSize_t(fd));
    const auto key =
        py::PyRef::steal(Py_BuildValue("(Oi(OO))", entry.file ? entry.file.get() : number.get(),
                                       events, object(entry.reader), object(entry.writer)));
    if (!number || !key || PyDict_SetItem(watched.get(), number.get(), key.get()) < 0) return {};
  }
  return watched;
}

int FdRegistry::traverse(visitproc visit, void* arg) const {
  for (const Entry& entry : entries_) {
    Py_VISIT(entry.reader.get());
    Py_VISIT(entry.writer.get());
    Py_VISIT(entry.file.get());
  }
  return 0;
}

}  // namespace fasterapi::aio
