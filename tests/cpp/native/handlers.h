/* tests/cpp/native/handlers.h: handlers in C99 for the tests of csrc/native. */
#ifndef HANDLERS_H
#define HANDLERS_H

#include "fasterapi_native.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the handlers that defer leave for the test. */
typedef struct deferred {
  fa_request *request;
  uint64_t ticket;
  fa_string path; /* a view that has to last */
  int lost;       /* calls of on_lost */
} deferred;

int answer_hello(fa_request *request, void *user);   /* user: the body, zero-terminated */
int answer_request(fa_request *request, void *user); /* all that can be seen, as lines */
int answer_body(fa_request *request, void *user);
int answer_large(fa_request *request, void *user);   /* user: an int, counts releases */
int answer_status(fa_request *request, void *user);  /* user: the status, an int */
int return_result(fa_request *request, void *user);  /* user: the result, an int */
int spoil_then_pass(fa_request *request, void *user);
int spoil_then_reset(fa_request *request, void *user);
int add_bad_header(fa_request *request, void *user); /* user: a bad_header */
int defer_request(fa_request *request, void *user);  /* user: a deferred */
int defer_then_answer(fa_request *request, void *user);
int complete_twice_within(fa_request *request, void *user); /* user: an int[3] of results */

typedef struct bad_header {
  fa_string name;
  fa_string value;
  int result;
} bad_header;

#ifdef __cplusplus
}
#endif

#endif
