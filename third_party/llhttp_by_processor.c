/* third_party/llhttp_by_processor.c: llhttp's state machine is compiled twice (csrc/third_party.cmake); api.c calls
 * these two, which take the copy that this processor can run. */
#include <llhttp.h>

int plain_llhttp__internal_init(llhttp__internal_t* state);
int plain_llhttp__internal_execute(llhttp__internal_t* state, const char* begin, const char* end);
int sse42_llhttp__internal_execute(llhttp__internal_t* state, const char* begin, const char* end);

/* Both copies start alike and keep their place as a number, not as an address of their own. */
int llhttp__internal_init(llhttp__internal_t* state) { return plain_llhttp__internal_init(state); }

int llhttp__internal_execute(llhttp__internal_t* state, const char* begin, const char* end) {
  if (__builtin_cpu_supports("sse4.2")) return sse42_llhttp__internal_execute(state, begin, end);
  return plain_llhttp__internal_execute(state, begin, end);
}
