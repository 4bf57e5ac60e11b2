// module/access_sinks.hpp: where access records go: nowhere, as finished lines once per turn, or
// one by one to Python. Records are taken with or without the GIL; flush() needs it.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "http/status_lines.hpp"
#include "py/ref.hpp"
#include "server/access_log.hpp"

namespace fasterapi::module {

class AccessSink : public server::AccessLog {
 public:
  virtual ~AccessSink() = default;
  // Hands on what was recorded since the last call. False with the Python error set.
  [[nodiscard]] virtual bool flush() = 0;
  [[nodiscard]] virtual int traverse(visitproc visit, void* arg) const = 0;
};

// Formats the line that uvicorn's AccessFormatter makes: prefix, client, "method path
// HTTP/version", status and phrase.
class LineSink final : public AccessSink {
 public:
  using Style = std::pair<std::string, std::string>;  // put before and behind
  struct Styles {
    std::string prefix;
    Style request;
    std::array<Style, 5> status;  // of 1xx to 5xx
  };

  LineSink(py::PyRef write, Styles styles, const http::StatusLines& status_lines)
      : write_(std::move(write)), styles_(std::move(styles)), status_lines_(status_lines) {}

  void record(const server::AccessRecord& record) override;
  [[nodiscard]] bool flush() override;
  [[nodiscard]] int traverse(visitproc visit, void* arg) const override {
    return write_.traverse(visit, arg);
  }

 private:
  py::PyRef write_;
  Styles styles_;
  const http::StatusLines& status_lines_;
  std::string lines_;
};

class CallSink final : public AccessSink {
 public:
  explicit CallSink(py::PyRef call) noexcept : call_(std::move(call)) {}

  void record(const server::AccessRecord& record) override;
  [[nodiscard]] bool flush() override;
  [[nodiscard]] int traverse(visitproc visit, void* arg) const override {
    return call_.traverse(visit, arg);
  }

 private:
  struct Kept {
    std::string client, method, path;
    int minor_version;
    int status;
  };
  py::PyRef call_;
  std::vector<Kept> records_;
};

}  // namespace fasterapi::module
