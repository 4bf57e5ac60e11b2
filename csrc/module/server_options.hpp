// module/server_options.hpp: what Python hands over as options, checked and in the server's form.
// All are false with the Python error set. Needs the GIL.
#pragma once

#include "py/ref.hpp"
#include "server/options.hpp"

namespace fasterapi::module {

// A number of 0 or more; None leaves what `limit` is.
[[nodiscard]] bool read_limit(PyObject* object, const char* name, std::size_t& limit);

// A dict by the names of base::Limits, or None for the defaults; None for one is no limit.
[[nodiscard]] bool read_limits(PyObject* given, base::Limits& limits);

// A dict of paths by the names of server::ProbePaths, or None for none.
[[nodiscard]] bool read_probe_paths(PyObject* given, server::ProbePaths& paths);

// A list of pairs of bytes, or null. They go through the writer that checks every response's: a
// bad one fails here, not there.
[[nodiscard]] bool read_default_fields(PyObject* pairs, server::Options& options);

// The reason phrases of this Python's http module, so that status line and access log agree with
// everything else.
[[nodiscard]] bool read_phrases(http::StatusLines& lines);

}  // namespace fasterapi::module
