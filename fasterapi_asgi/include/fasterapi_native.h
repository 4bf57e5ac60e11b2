/* fasterapi_native.h: handlers in C for fasterapi-asgi. C99, no Python, nothing to link against.
 *
 * A handler answers a request on the event loop's thread, before any Python runs. It gets a request
 * that carries a table of functions; the inline functions below call them. Bytes are never
 * zero-terminated. docs/reference/native.md says what each function does and who owns what.
 */
#ifndef FASTERAPI_NATIVE_H
#define FASTERAPI_NATIVE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Goes up when something below changes its meaning or its place. Functions may be added at the end
 * of the table without that: FA_HAS() asks whether the running server has one. */
#define FA_ABI 1u

typedef struct fa_string {
  const char *data; /* NULL: there is none */
  size_t size;
} fa_string;

typedef struct fa_field {
  fa_string name; /* in lower case */
  fa_string value;
} fa_field;

/* What a handler returns. */
enum {
  FA_DONE = 0,  /* the response is to be sent */
  FA_ASYNC = 1, /* fa_complete() will be called; only after fa_defer() */
  FA_PASS = 2,  /* to the next: the ASGI application sees the request as if nobody had asked */
  FA_ERROR = 3  /* 500 */
};

/* What functions return: none of the mistakes is a result, so a handler may end by returning what its
 * last call returned. A response with a mistake in it becomes a 500 unless fa_reset() is called. */
enum {
  FA_OK = 0,
  FA_E_MEMORY = -1,
  FA_E_STATUS = -2,    /* not from 200 to 599 */
  FA_E_NAME = -3,      /* no field name */
  FA_E_VALUE = -4,     /* CR, LF, NUL or another control character in a field value */
  FA_E_RESERVED = -5,  /* a field that only the server sends, such as content-length */
  FA_E_TOO_LARGE = -6, /* more than 16 KiB of fields */
  FA_E_TICKET = -7,    /* of a request that is complete, or was never deferred */
  FA_E_ARGUMENT = -8   /* there is no field of this index */
};

enum {
  FA_METHOD_OTHER = 0,
  FA_METHOD_GET = 1,
  FA_METHOD_HEAD = 2,
  FA_METHOD_POST = 3,
  FA_METHOD_PUT = 4,
  FA_METHOD_PATCH = 5,
  FA_METHOD_DELETE = 6,
  FA_METHOD_OPTIONS = 7
};

struct fa_api_v1;

/* What follows is the server's. */
typedef struct fa_request {
  const struct fa_api_v1 *api;
} fa_request;

typedef int (*fa_handler)(fa_request *request, void *user);

typedef struct fa_api_v1 {
  uint32_t abi;  /* FA_ABI of the server */
  uint32_t size; /* of the server's table, in bytes */

  /* The request. */
  int (*method_kind)(const fa_request *request);
  const char *(*method)(const fa_request *request, size_t *size);
  const char *(*raw_path)(const fa_request *request, size_t *size);
  const char *(*query)(const fa_request *request, size_t *size);
  const char *(*scheme)(const fa_request *request, size_t *size);
  int (*http_minor)(const fa_request *request);
  const char *(*peer_host)(const fa_request *request, size_t *size);
  int (*peer_port)(const fa_request *request);
  size_t (*header_count)(const fa_request *request);
  int (*header_at)(const fa_request *request, size_t index, fa_field *to);
  const char *(*header)(const fa_request *request, const char *name, size_t name_size,
                        size_t *size);
  size_t (*param_count)(const fa_request *request);
  const char *(*param_at)(const fa_request *request, size_t index, size_t *size);
  const char *(*param)(const fa_request *request, const char *name, size_t name_size, size_t *size);
  const char *(*body)(const fa_request *request, size_t *size);
  uint64_t (*now_ms)(const fa_request *request);
  size_t (*percent_decode)(const char *from, size_t size, char *to);

  /* The response. */
  int (*set_status)(fa_request *request, int status);
  int (*add_header)(fa_request *request, const char *name, size_t name_size, const char *value,
                    size_t value_size);
  int (*body_copy)(fa_request *request, const void *bytes, size_t size);
  int (*body_static)(fa_request *request, const void *bytes, size_t size);
  int (*body_owned)(fa_request *request, const void *bytes, size_t size,
                    void (*release)(void *owner), void *owner);
  void (*reset)(fa_request *request);

  /* Later. */
  uint64_t (*defer)(fa_request *request);
  int (*on_lost)(fa_request *request, void (*call)(void *argument), void *argument);
  int (*complete)(fa_request *request, uint64_t ticket, int result);
} fa_api_v1;

/* Whether the running server has a function, by its name in the table. */
#define FA_HAS(request, name)                                       \
  ((request)->api->size >= offsetof(fa_api_v1, name) + sizeof((request)->api->name))

/* What a shared library may export, as FA_PLUGIN() does. */
enum { FA_HOLDS_GIL = 1 };          /* for fa_route.flags */
#define FA_NO_TIMEOUT UINT32_MAX    /* for fa_route.timeout_ms; 0: 30 seconds */

typedef struct fa_route {
  const char *method; /* zero-terminated, as is path; "*": any */
  const char *path;   /* "/fast", "/items/{id}", "/files/{rest:path}" */
  fa_handler handler;
  void *user;         /* given to the handler */
  uint64_t max_body;  /* bytes of a request's body; 0: it is not read */
  uint32_t timeout_ms;
  uint32_t flags;
} fa_route;

typedef struct fa_plugin {
  uint32_t abi;        /* FA_ABI */
  uint32_t size;       /* of this struct */
  uint32_t route_size; /* of fa_route */
  uint32_t route_count;
  const fa_route *routes;
} fa_plugin;

#ifdef __cplusplus
#define FA_LINKAGE extern "C"
#else
#define FA_LINKAGE extern
#endif
#if defined(__GNUC__)
#define FA_EXPORT __attribute__((visibility("default")))
#else
#define FA_EXPORT
#endif

/* FA_PLUGIN(routes): the library has these routes; an array. */
#define FA_PLUGIN(routes)                                                                     \
  FA_LINKAGE FA_EXPORT const fa_plugin fa_plugin_v1;                                          \
  const fa_plugin fa_plugin_v1 = {FA_ABI, (uint32_t)sizeof(fa_plugin),                        \
                                  (uint32_t)sizeof(fa_route),                                 \
                                  (uint32_t)(sizeof(routes) / sizeof((routes)[0])), (routes)}

/* Zero-terminated text as a string. */
static inline fa_string fa_text(const char *text) {
  fa_string string;
  string.data = text;
  string.size = strlen(text);
  return string;
}

static inline int fa_equal(fa_string left, fa_string right) {
  return left.size == right.size && (left.size == 0 || memcmp(left.data, right.data, left.size) == 0);
}

static inline int fa_method_kind(const fa_request *request) {
  return request->api->method_kind(request);
}

static inline fa_string fa_method(const fa_request *request) {
  fa_string string;
  string.data = request->api->method(request, &string.size);
  return string;
}

/* As it stands in the request: undecoded. */
static inline fa_string fa_raw_path(const fa_request *request) {
  fa_string string;
  string.data = request->api->raw_path(request, &string.size);
  return string;
}

/* Without its question mark, undecoded. */
static inline fa_string fa_query(const fa_request *request) {
  fa_string string;
  string.data = request->api->query(request, &string.size);
  return string;
}

static inline fa_string fa_scheme(const fa_request *request) {
  fa_string string;
  string.data = request->api->scheme(request, &string.size);
  return string;
}

/* 1 of HTTP/1.1. */
static inline int fa_http_minor(const fa_request *request) {
  return request->api->http_minor(request);
}

/* The address of who is connected; empty on a Unix socket. */
static inline fa_string fa_peer_host(const fa_request *request) {
  fa_string string;
  string.data = request->api->peer_host(request, &string.size);
  return string;
}

static inline int fa_peer_port(const fa_request *request) {
  return request->api->peer_port(request);
}

static inline size_t fa_header_count(const fa_request *request) {
  return request->api->header_count(request);
}

static inline int fa_header_at(const fa_request *request, size_t index, fa_field *to) {
  return request->api->header_at(request, index, to);
}

/* The first of this name, which may be in any case; data is NULL where there is none. */
static inline fa_string fa_header(const fa_request *request, fa_string name) {
  fa_string string;
  string.data = request->api->header(request, name.data, name.size, &string.size);
  return string;
}

static inline size_t fa_param_count(const fa_request *request) {
  return request->api->param_count(request);
}

/* What a {parameter} of the route's path stands for, undecoded. */
static inline fa_string fa_param_at(const fa_request *request, size_t index) {
  fa_string string;
  string.data = request->api->param_at(request, index, &string.size);
  return string;
}

static inline fa_string fa_param(const fa_request *request, fa_string name) {
  fa_string string;
  string.data = request->api->param(request, name.data, name.size, &string.size);
  return string;
}

/* Whole; empty where the route's max_body is 0. */
static inline fa_string fa_body(const fa_request *request) {
  fa_string string;
  string.data = request->api->body(request, &string.size);
  return string;
}

/* Monotonic. */
static inline uint64_t fa_now_ms(const fa_request *request) {
  return request->api->now_ms(request);
}

/* Writes at most text.size bytes, returns how many; `to` may be text.data itself. */
static inline size_t fa_percent_decode(const fa_request *request, fa_string text, char *to) {
  return request->api->percent_decode(text.data, text.size, to);
}

/* 200 unless set. */
static inline int fa_set_status(fa_request *request, int status) {
  return request->api->set_status(request, status);
}

static inline int fa_add_header(fa_request *request, fa_string name, fa_string value) {
  return request->api->add_header(request, name.data, name.size, value.data, value.size);
}

/* Adds to what earlier calls have copied; replaces what the two below gave. */
static inline int fa_body_copy(fa_request *request, const void *bytes, size_t size) {
  return request->api->body_copy(request, bytes, size);
}

/* The bytes must live as long as the process. Replaces the body. */
static inline int fa_body_static(fa_request *request, const void *bytes, size_t size) {
  return request->api->body_static(request, bytes, size);
}

/* Calls release(owner) exactly once, on any path, when the bytes are not needed any more. Replaces
 * the body. */
static inline int fa_body_owned(fa_request *request, const void *bytes, size_t size,
                                void (*release)(void *owner), void *owner) {
  return request->api->body_owned(request, bytes, size, release, owner);
}

/* Forgets the response and its mistakes. */
static inline void fa_reset(fa_request *request) {
  request->api->reset(request);
}

/* Within the handler: the request and all that is read of it from now on stay until fa_complete().
 * Returns the ticket for that, or 0 without memory. */
static inline uint64_t fa_defer(fa_request *request) {
  return request->api->defer(request);
}

/* Within the handler, after fa_defer(): to be called, on the loop's thread, if the peer goes or the
 * time is over before fa_complete(), which is due all the same. */
static inline int fa_on_lost(fa_request *request, void (*call)(void *argument), void *argument) {
  return request->api->on_lost(request, call, argument);
}

/* Any thread: ends a deferred request with FA_DONE, FA_PASS or FA_ERROR. The request is not to be
 * used any more. FA_E_TICKET: it was complete already. */
static inline int fa_complete(fa_request *request, uint64_t ticket, int result) {
  return request->api->complete(request, ticket, result);
}

#ifdef __cplusplus
}
#endif

#endif
