// py/names.cpp: see names.hpp.
#include "py/names.hpp"

namespace fasterapi::py {

bool Names::intern() {
  const auto make = [](PyRef& to, const char* text) {
    to = PyRef::steal(PyUnicode_InternFromString(text));
    return static_cast<bool>(to);
  };
  bool made = true;
#define X(name) made = made && make(this->name, #name);
  FASTERAPI_NAMES(X)
#undef X
  return made && make(http_disconnect, "http.disconnect") && make(http_request, "http.request") &&
         make(http_response_start, "http.response.start") &&
         make(http_response_body, "http.response.body") &&
         make(http_response_early_hint, "http.response.early_hint") &&
         make(http_response_pathsend, "http.response.pathsend") &&
         make(http_response_trailers, "http.response.trailers") && make(throw_, "throw") &&
         make(fasterapi_cache, "fasterapi.cache") && make(http_1_1, "1.1") &&
         make(http_1_0, "1.0") && make(asgi_version, "3.0");
}

}  // namespace fasterapi::py
