// native/api.cpp: see api.hpp.
#include "native/api.hpp"

#include <algorithm>
#include <new>

#include "base/ascii.hpp"
#include "base/clock.hpp"
#include "base/percent.hpp"
#include "native/request.hpp"

namespace fasterapi::native {
namespace {

using base::ByteView;

const Request& of(const fa_request* request) noexcept {
  return *static_cast<const Request*>(request);
}
Request& of(fa_request* request) noexcept { return *static_cast<Request*>(request); }

// Where there is nothing, the text is "" and not NULL.
const char* given(ByteView view, size_t* size) noexcept {
  *size = view.size();
  return view.data() ? view.data() : "";
}
const char* absent(size_t* size) noexcept {
  *size = 0;
  return nullptr;
}
ByteView view_of(const void* bytes, size_t size) noexcept {
  return size > 0 ? ByteView(static_cast<const char*>(bytes), size) : ByteView();
}

// The door: without memory the response has a mistake.
template <class Call>
int entry(fa_request* request, Call&& call) noexcept {
  try {
    return call(of(request).response);
  } catch (const std::bad_alloc&) {
    return of(request).response.note(FA_E_MEMORY);
  }
}

// --- the request

int method_kind(const fa_request* request) noexcept {
  static constexpr ByteView kKinds[] = {{},    "GET",   "HEAD",   "POST",
                                        "PUT", "PATCH", "DELETE", "OPTIONS"};
  const auto* found = std::find(std::begin(kKinds), std::end(kKinds), of(request).method());
  return found == std::end(kKinds) ? FA_METHOD_OTHER : static_cast<int>(found - kKinds);
}

const char* method(const fa_request* request, size_t* size) noexcept {
  return given(of(request).method(), size);
}

const char* raw_path(const fa_request* request, size_t* size) noexcept {
  return given(of(request).raw_path(), size);
}

const char* query(const fa_request* request, size_t* size) noexcept {
  return given(of(request).query(), size);
}

const char* scheme(const fa_request*, size_t* size) noexcept { return given("http", size); }

int http_minor(const fa_request* request) noexcept { return of(request).minor_version(); }

const char* peer_host(const fa_request* request, size_t* size) noexcept {
  try {
    return given(of(request).peer_host(), size);
  } catch (const std::bad_alloc&) {
    return given({}, size);
  }
}

int peer_port(const fa_request* request) noexcept {
  try {
    return of(request).peer_port();
  } catch (const std::bad_alloc&) {
    return 0;
  }
}

size_t header_count(const fa_request* request) noexcept { return of(request).field_count(); }

int header_at(const fa_request* request, size_t index, fa_field* to) noexcept {
  if (index >= of(request).field_count()) return FA_E_ARGUMENT;
  const http::RequestHead::Field field = of(request).field(index);
  to->name.data = given(field.name, &to->name.size);
  to->value.data = given(field.value, &to->value.size);
  return FA_OK;
}

const char* header(const fa_request* request, const char* name, size_t name_size,
                   size_t* size) noexcept {
  const ByteView wanted = view_of(name, name_size);
  for (std::size_t index = 0; index < of(request).field_count(); ++index) {
    const http::RequestHead::Field field = of(request).field(index);
    if (base::equals_ignoring_case(wanted, field.name)) return given(field.value, size);
  }
  return absent(size);
}

size_t param_count(const fa_request* request) noexcept {
  return of(request).route().pattern.names().size();
}

const char* param_at(const fa_request* request, size_t index, size_t* size) noexcept {
  return index < param_count(request) ? given(of(request).capture(index), size) : absent(size);
}

const char* param(const fa_request* request, const char* name, size_t name_size,
                  size_t* size) noexcept {
  const auto& names = of(request).route().pattern.names();
  const auto found = std::find(names.begin(), names.end(), view_of(name, name_size));
  return param_at(request, static_cast<size_t>(found - names.begin()), size);
}

const char* body(const fa_request* request, size_t* size) noexcept {
  return given(of(request).body(), size);
}

uint64_t now_ms(const fa_request*) noexcept { return base::monotonic_ms(); }

size_t percent_decode(const char* from, size_t size, char* to) noexcept {
  return base::percent_decode(view_of(from, size), to);
}

// --- the response

int set_status(fa_request* request, int status) noexcept {
  return of(request).response.set_status(status);
}

int add_header(fa_request* request, const char* name, size_t name_size, const char* value,
               size_t value_size) noexcept {
  return entry(request, [&](Response& response) {
    return response.add_field(view_of(name, name_size), view_of(value, value_size));
  });
}

int body_copy(fa_request* request, const void* bytes, size_t size) noexcept {
  return entry(request,
               [&](Response& response) { return response.append_body(view_of(bytes, size)); });
}

int body_static(fa_request* request, const void* bytes, size_t size) noexcept {
  return of(request).response.set_body(base::Payload::of_static(view_of(bytes, size)));
}

int body_owned(fa_request* request, const void* bytes, size_t size, void (*release)(void*),
               void* owner) noexcept {
  const auto call = [](void* owned, void* context) noexcept {
    reinterpret_cast<void (*)(void*)>(context)(owned);
  };
  return of(request).response.set_body(
      {view_of(bytes, size), call, owner, reinterpret_cast<void*>(release)});
}

void reset(fa_request* request) noexcept { of(request).response.reset(); }

// --- later

uint64_t defer(fa_request* request) noexcept {
  try {
    return of(request).defer();
  } catch (const std::bad_alloc&) {
    return 0;
  }
}

int on_lost(fa_request* request, void (*call)(void*), void* argument) noexcept {
  if (!of(request).deferred()) return FA_E_TICKET;
  of(request).set_lost(call, argument);
  return FA_OK;
}

int complete(fa_request* request, uint64_t ticket, int result) noexcept {
  return of(request).complete(ticket, result);
}

constexpr fa_api_v1 kApi = {
    FA_ABI,         sizeof(fa_api_v1),
    method_kind,    method,
    raw_path,       query,
    scheme,         http_minor,
    peer_host,      peer_port,
    header_count,   header_at,
    header,         param_count,
    param_at,       param,
    body,           now_ms,
    percent_decode, set_status,
    add_header,     body_copy,
    body_static,    body_owned,
    reset,          defer,
    on_lost,        complete,
};

}  // namespace

const fa_api_v1& api() noexcept { return kApi; }

}  // namespace fasterapi::native
