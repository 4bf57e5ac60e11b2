// module/access_sinks.cpp: see access_sinks.hpp.
#include "module/access_sinks.hpp"

#include <charconv>

#include "py/error.hpp"

namespace fasterapi::module {

void LineSink::record(const server::AccessRecord& record) {
  const auto& [status_open, status_close] =
      styles_.status[static_cast<std::size_t>(record.status / 100 - 1)];
  lines_.append(styles_.prefix)
      .append(" ")
      .append(record.client)
      .append(" - \"")
      .append(styles_.request.first);
  lines_.append(record.method).append(" ").append(record.path).append(" HTTP/1.");
  lines_.push_back(static_cast<char>('0' + record.minor_version));
  lines_.append(styles_.request.second).append("\" ").append(status_open);
  std::array<char, 4> digits;
  char* end = std::to_chars(digits.data(), digits.data() + digits.size(), record.status).ptr;
  lines_.append(digits.data(), end).append(" ").append(status_lines_.phrase(record.status));
  lines_.append(status_close).append("\n");
}

bool LineSink::flush() {
  if (lines_.empty()) return true;
  const auto text = py::PyRef::steal(PyUnicode_DecodeUTF8(
      lines_.data(), static_cast<Py_ssize_t>(lines_.size()), "backslashreplace"));
  lines_.clear();
  return text && py::PyRef::steal(PyObject_CallOneArg(write_.get(), text.get()));
}

void CallSink::record(const server::AccessRecord& record) {
  records_.push_back({std::string(record.client), std::string(record.method),
                      std::string(record.path), record.minor_version, record.status});
}

bool CallSink::flush() {
  bool called_all = true;
  for (const Kept& kept : std::exchange(records_, {})) {
    if (!called_all)
      py::report_unraisable(call_.get());  // of the record before: the rest is logged
    const char version[] = {'1', '.', static_cast<char>('0' + kept.minor_version), '\0'};
    called_all = static_cast<bool>(py::PyRef::steal(
        PyObject_CallFunction(call_.get(), "ssssi", kept.client.c_str(), kept.method.c_str(),
                              kept.path.c_str(), version, kept.status)));
  }
  return called_all;
}

}  // namespace fasterapi::module
