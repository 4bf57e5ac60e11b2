/* hello.c: three handlers in C: a constant answer, parts of the path, and an answer that comes later
 * from a thread. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "fasterapi_native.h"

static int hello(fa_request *request, void *user) {
  const char *text = (const char *)user;
  fa_add_header(request, fa_text("content-type"), fa_text("text/plain; charset=utf-8"));
  return fa_body_static(request, text, strlen(text));
}

/* GET /square/{number} */
static int square(fa_request *request, void *user) {
  char text[64];
  fa_string number = fa_param(request, fa_text("number"));
  (void)user;
  if (number.size > 9) return fa_set_status(request, 404);
  memcpy(text, number.data, number.size); /* views are not zero-terminated */
  text[number.size] = '\0';
  long value = strtol(text, NULL, 10);
  int size = snprintf(text, sizeof text, "{\"square\": %lld}", (long long)value * value);
  fa_add_header(request, fa_text("content-type"), fa_text("application/json"));
  return fa_body_copy(request, text, (size_t)size);
}

typedef struct job {
  fa_request *request;
  uint64_t ticket;
} job;

static void *work(void *argument) {
  job mine = *(job *)argument;
  free(argument);
  fa_string query = fa_query(mine.request); /* lasts until fa_complete() */
  fa_body_copy(mine.request, query.data, query.size);
  fa_complete(mine.request, mine.ticket, FA_DONE);
  return NULL;
}

/* GET /later */
static int later(fa_request *request, void *user) {
  pthread_t thread;
  job *made = (job *)malloc(sizeof *made);
  (void)user;
  if (!made) return FA_ERROR;
  made->request = request;
  made->ticket = fa_defer(request);
  if (made->ticket == 0 || pthread_create(&thread, NULL, work, made) != 0) {
    free(made);
    return FA_ERROR;
  }
  pthread_detach(thread);
  return FA_ASYNC;
}

/* Anything below /private: the application answers whom this lets through. */
static int only_with_key(fa_request *request, void *user) {
  (void)user;
  if (fa_equal(fa_header(request, fa_text("x-key")), fa_text("open"))) return FA_PASS;
  fa_body_static(request, "no key\n", 7);
  return fa_set_status(request, 403);
}

static const fa_route routes[] = {
    {"GET", "/fast", hello, (void *)"Hello from C!\n", 0, 0, 0},
    {"GET", "/square/{number}", square, NULL, 0, 0, 0},
    {"GET", "/later", later, NULL, 0, 0, 0},
    {"*", "/private/{rest:path}", only_with_key, NULL, 0, 0, 0},
};
FA_PLUGIN(routes);
