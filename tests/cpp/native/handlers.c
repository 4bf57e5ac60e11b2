/* tests/cpp/native/handlers.c: see handlers.h. Compiled as C99 with all warnings. */
#include "handlers.h"

static int copy(fa_request *request, fa_string text) {
  return fa_body_copy(request, text.data, text.size);
}

static void line(fa_request *request, const char *name, fa_string value) {
  copy(request, fa_text(name));
  copy(request, fa_text("="));
  copy(request, value);
  copy(request, fa_text("\n"));
}

int answer_hello(fa_request *request, void *user) {
  fa_add_header(request, fa_text("Content-Type"), fa_text("text/plain"));
  return fa_body_static(request, user, strlen((const char *)user));
}

int answer_request(fa_request *request, void *user) {
  fa_field field;
  size_t index;
  char decoded[64];
  fa_string path = fa_raw_path(request);
  fa_string readable;
  (void)user;
  if (path.size > sizeof decoded || fa_method_kind(request) == FA_METHOD_OTHER) return FA_ERROR;
  readable.data = decoded;
  readable.size = fa_percent_decode(request, path, decoded);
  line(request, "method", fa_method(request));
  line(request, "path", readable);
  line(request, "raw", path);
  line(request, "query", fa_query(request));
  line(request, "scheme", fa_scheme(request));
  line(request, "peer", fa_peer_host(request));
  line(request, "HOST", fa_header(request, fa_text("HOST")));
  for (index = 0; fa_header_at(request, index, &field) == FA_OK; ++index) {
    copy(request, field.name);
    line(request, "", field.value);
  }
  if (index != fa_header_count(request)) return FA_ERROR;
  for (index = 0; index < fa_param_count(request); ++index)
    line(request, "param", fa_param_at(request, index));
  line(request, "id", fa_param(request, fa_text("id")));
  if (fa_header(request, fa_text("absent")).data || fa_param(request, fa_text("absent")).data ||
      fa_param_at(request, 99).data)
    return FA_ERROR;
  return fa_peer_port(request) > 0 && fa_now_ms(request) > 0 ? FA_DONE : FA_ERROR;
}

int answer_body(fa_request *request, void *user) {
  (void)user;
  return copy(request, fa_body(request));
}

static char large[100000];

static void count_release(void *owner) { ++*(int *)owner; }

int answer_large(fa_request *request, void *user) {
  memset(large, 'x', sizeof large);
  fa_body_copy(request, "replaced", 8);
  return fa_body_owned(request, large, sizeof large, count_release, user);
}

int answer_status(fa_request *request, void *user) {
  fa_body_copy(request, "body", 4);
  return fa_set_status(request, *(int *)user);
}

int return_result(fa_request *request, void *user) {
  fa_add_header(request, fa_text("x"), fa_text("y"));
  return *(int *)user;
}

int spoil_then_pass(fa_request *request, void *user) {
  (void)user;
  fa_set_status(request, 1000);
  fa_body_copy(request, "body", 4);
  return FA_PASS;
}

int spoil_then_reset(fa_request *request, void *user) {
  (void)user;
  fa_set_status(request, 404);
  fa_add_header(request, fa_text("connection"), fa_text("close"));
  fa_body_copy(request, "spoilt", 6);
  fa_reset(request);
  return fa_body_copy(request, "good", 4);
}

int add_bad_header(fa_request *request, void *user) {
  bad_header *bad = (bad_header *)user;
  bad->result = fa_add_header(request, bad->name, bad->value);
  return FA_DONE;
}

static void note_lost(void *argument) { ++((deferred *)argument)->lost; }

int defer_request(fa_request *request, void *user) {
  deferred *to = (deferred *)user;
  to->request = request;
  to->ticket = fa_defer(request);
  if (to->ticket == 0 || to->ticket != fa_defer(request)) return FA_ERROR;
  to->path = fa_raw_path(request);
  fa_on_lost(request, note_lost, to);
  return FA_ASYNC;
}

int defer_then_answer(fa_request *request, void *user) {
  (void)defer_request(request, user);
  return fa_body_copy(request, "at once", 7);
}

int complete_twice_within(fa_request *request, void *user) {
  int *results = (int *)user;
  uint64_t ticket;
  results[0] = fa_complete(request, 0, FA_DONE);
  ticket = fa_defer(request);
  fa_body_copy(request, "once", 4);
  results[1] = fa_complete(request, ticket, FA_DONE);
  results[2] = fa_complete(request, ticket, FA_ERROR);
  return FA_ASYNC;
}
