// py/names.hpp: the strings that the hot path needs, interned once per module instance.
#pragma once

#include "py/ref.hpp"

namespace fasterapi::py {

// clang-format off: a list; clang-format would lay it out anew each time
#define FASTERAPI_NAMES(X) \
  X(GET) X(HEAD) X(POST) X(PUT) X(PATCH) X(DELETE) X(OPTIONS) X(type) X(asgi) X(http) \
  X(version) X(spec_version) X(http_version) X(server) X(client) X(scheme) X(root_path) \
  X(headers) X(state) X(method) X(path) X(raw_path) X(query_string) X(body) X(more_body) \
  X(status) X(loop) X(context) X(name) X(eager_start) X(set_result) X(done) X(send) X(receive) \
  X(_callback_failed) X(_run_handle_debug) X(_task_factory) X(get_debug) X(create_task) \
  X(create_future) X(cancel) X(write) X(data_received) X(get_buffer) X(buffer_updated) \
  X(_sock) X(fileno) X(_read_ready) X(_read_ready__on_eof) \
  X(pump) X(_on_soon) X(_on_timer) X(call_soon) X(call_later) X(get_task_factory) X(__module__) \
  X(Task) X(extensions) X(links) X(trailers) X(more_trailers) X(endpoint)
// clang-format on

struct Names {
#define X(name) PyRef name;
  FASTERAPI_NAMES(X)
#undef X
  // Those that are no identifiers.
  PyRef http_disconnect;
  PyRef http_request;
  PyRef http_response_start;
  PyRef http_response_body;
  PyRef http_response_early_hint;
  PyRef http_response_pathsend;
  PyRef http_response_trailers;
  PyRef fasterapi_cache;
  PyRef throw_;
  PyRef http_1_1;
  PyRef http_1_0;
  PyRef asgi_version;

  // False with the Python error set.
  [[nodiscard]] bool intern();
};

}  // namespace fasterapi::py
