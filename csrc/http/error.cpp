// http/error.cpp: the tables of error.hpp.
#include "http/error.hpp"

namespace fasterapi::http {

int status_hint(ProtocolError error) noexcept {
  switch (error) {
#define X(name, status, cause) \
  case ProtocolError::name:    \
    return status;
    FASTERAPI_PROTOCOL_ERRORS(X)
#undef X
  }
  return 400;
}

base::ByteView cause_of(ProtocolError error) noexcept {
  switch (error) {
#define X(name, status, cause) \
  case ProtocolError::name:    \
    return cause;
    FASTERAPI_PROTOCOL_ERRORS(X)
#undef X
  }
  return {};
}

base::ByteView text_of(SendError error) noexcept {
  switch (error) {
    case SendError::None:
      return {};
#define X(name, text)   \
  case SendError::name: \
    return text;
      FASTERAPI_SEND_ERRORS(X)
#undef X
  }
  return {};
}

}  // namespace fasterapi::http
