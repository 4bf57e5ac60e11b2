/* tests/protocol/native_handlers.c: what tests/protocol/test_native.py asks over the wire. */
#include <pthread.h>

#include "fasterapi_native.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int hello(fa_request *request, void *user) {
  (void)user;
  fa_add_header(request, fa_text("content-type"), fa_text("text/plain"));
  return fa_body_static(request, "hello", 5);
}

EXPORT int echo(fa_request *request, void *user) {
  fa_string body = fa_body(request);
  (void)user;
  fa_add_header(request, fa_text("x-method"), fa_method(request));
  return fa_body_copy(request, body.data, body.size);
}

static int item(fa_request *request, void *user) {
  fa_string id = fa_param(request, fa_text("id"));
  (void)user;
  return fa_body_copy(request, id.data, id.size);
}

static int rest(fa_request *request, void *user) {
  fa_string found = fa_param(request, fa_text("rest"));
  (void)user;
  return fa_body_copy(request, found.data, found.size);
}

static int pass(fa_request *request, void *user) {
  (void)user;
  fa_set_status(request, 500);
  return FA_PASS;
}

typedef struct job {
  fa_request *request;
  uint64_t ticket;
  int result;
} job;

static job jobs[64];
static size_t next_job;

static void *work(void *argument) {
  job *mine = (job *)argument;
  fa_string query = fa_query(mine->request);
  fa_body_copy(mine->request, query.data, query.size);
  fa_complete(mine->request, mine->ticket, mine->result);
  fa_complete(mine->request, mine->ticket, mine->result); /* refused */
  return NULL;
}

static int in_thread(fa_request *request, int result) {
  job *mine = &jobs[next_job++ % 64];
  pthread_t thread;
  mine->request = request;
  mine->ticket = fa_defer(request);
  mine->result = result;
  if (mine->ticket == 0 || pthread_create(&thread, NULL, work, mine) != 0) return FA_ERROR;
  pthread_detach(thread);
  return FA_ASYNC;
}

static int later(fa_request *request, void *user) {
  (void)user;
  return in_thread(request, FA_DONE);
}

static int pass_later(fa_request *request, void *user) {
  (void)user;
  return in_thread(request, FA_PASS);
}

static int never(fa_request *request, void *user) {
  (void)user;
  return fa_defer(request) ? FA_ASYNC : FA_ERROR;
}

static int split(fa_request *request, void *user) {
  (void)user;
  fa_add_header(request, fa_text("x"), fa_text("a\r\nx-injected: 1"));
  return FA_DONE;
}

static int oversized(fa_request *request, void *user) {
  static char value[20000];
  fa_string large;
  (void)user;
  memset(value, 'x', sizeof value);
  large.data = value;
  large.size = sizeof value;
  fa_add_header(request, fa_text("x"), large);
  return FA_DONE;
}

static int fails(fa_request *request, void *user) {
  (void)request;
  (void)user;
  return FA_ERROR;
}

static const fa_route routes[] = {
    {"GET", "/hello", hello, NULL, 0, 0, 0},
    {"POST", "/native-echo", echo, NULL, 200000, 0, 0},
    {"GET", "/items/{id}", item, NULL, 0, 0, 0},
    {"GET", "/files/{rest:path}", rest, NULL, 0, 0, 0},
    {"*", "/echo", pass, NULL, 200000, 0, 0},
    {"*", "/scope", pass_later, NULL, 0, 0, 0},
    {"*", "/", pass, NULL, 0, 0, FA_HOLDS_GIL},
    {"GET", "/later", later, NULL, 0, 0, 0},
    {"GET", "/never", never, NULL, 0, 200, 0},
    {"GET", "/split", split, NULL, 0, 0, 0},
    {"GET", "/oversized", oversized, NULL, 0, 0, 0},
    {"GET", "/fails", fails, NULL, 0, 0, 0},
};
FA_PLUGIN(routes);
