// tests/cpp/native/abi_test.cpp: fasterapi_native.h as plug-ins have been compiled with it: places
// and sizes on 64-bit systems. A change here breaks every plug-in and needs a new FA_ABI.
#include <catch.hpp>

#include "native/api.hpp"

static_assert(FA_ABI == 1);
static_assert(sizeof(fa_string) == 16 && offsetof(fa_string, size) == 8);
static_assert(sizeof(fa_field) == 32 && offsetof(fa_field, value) == 16);
static_assert(sizeof(fa_request) == 8 && offsetof(fa_request, api) == 0);
static_assert(sizeof(fa_route) == 48 && offsetof(fa_route, method) == 0);
static_assert(offsetof(fa_route, path) == 8 && offsetof(fa_route, handler) == 16);
static_assert(offsetof(fa_route, user) == 24 && offsetof(fa_route, max_body) == 32);
static_assert(offsetof(fa_route, timeout_ms) == 40 && offsetof(fa_route, flags) == 44);
static_assert(sizeof(fa_plugin) == 24 && offsetof(fa_plugin, abi) == 0);
static_assert(offsetof(fa_plugin, size) == 4 && offsetof(fa_plugin, route_size) == 8);
static_assert(offsetof(fa_plugin, route_count) == 12 && offsetof(fa_plugin, routes) == 16);
static_assert(FA_DONE == 0 && FA_ASYNC == 1 && FA_PASS == 2 && FA_ERROR == 3);
static_assert(FA_OK == 0 && FA_E_MEMORY == -1 && FA_E_STATUS == -2 && FA_E_NAME == -3);
static_assert(FA_E_VALUE == -4 && FA_E_RESERVED == -5 && FA_E_TOO_LARGE == -6 && FA_E_TICKET == -7);
static_assert(FA_E_ARGUMENT == -8 && FA_HOLDS_GIL == 1 && FA_NO_TIMEOUT == 0xffffffff);
static_assert(FA_METHOD_GET == 1 && FA_METHOD_HEAD == 2 && FA_METHOD_POST == 3);
static_assert(FA_METHOD_PUT == 4 && FA_METHOD_PATCH == 5 && FA_METHOD_DELETE == 6);
static_assert(FA_METHOD_OPTIONS == 7 && FA_METHOD_OTHER == 0);

TEST_CASE("functions keep their places in the table", "[native][abi]") {
  constexpr std::size_t places[] = {
      offsetof(fa_api_v1, method_kind),    offsetof(fa_api_v1, method),
      offsetof(fa_api_v1, raw_path),       offsetof(fa_api_v1, query),
      offsetof(fa_api_v1, scheme),         offsetof(fa_api_v1, http_minor),
      offsetof(fa_api_v1, peer_host),      offsetof(fa_api_v1, peer_port),
      offsetof(fa_api_v1, header_count),   offsetof(fa_api_v1, header_at),
      offsetof(fa_api_v1, header),         offsetof(fa_api_v1, param_count),
      offsetof(fa_api_v1, param_at),       offsetof(fa_api_v1, param),
      offsetof(fa_api_v1, body),           offsetof(fa_api_v1, now_ms),
      offsetof(fa_api_v1, percent_decode), offsetof(fa_api_v1, set_status),
      offsetof(fa_api_v1, add_header),     offsetof(fa_api_v1, body_copy),
      offsetof(fa_api_v1, body_static),    offsetof(fa_api_v1, body_owned),
      offsetof(fa_api_v1, reset),          offsetof(fa_api_v1, defer),
      offsetof(fa_api_v1, on_lost),        offsetof(fa_api_v1, complete)};
  std::size_t place = 8;  // behind the version
  for (const std::size_t found : places) {
    CHECK(found == place);
    place += sizeof(void (*)());
  }
  CHECK(sizeof(fa_api_v1) == place);
}

TEST_CASE("the table says which it is", "[native][abi]") {
  const fa_api_v1& api = fasterapi::native::api();
  CHECK(api.abi == FA_ABI);
  CHECK(api.size == sizeof(fa_api_v1));
  const fa_request request{&api};
  CHECK(FA_HAS(&request, complete));
}
