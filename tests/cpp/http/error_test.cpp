// tests/cpp/http/error_test.cpp: http/error.hpp.
#include "http/error.hpp"

#include <catch.hpp>

#include <set>
#include <string>

using namespace fasterapi::http;

TEST_CASE("every mistake of the peer has a client's status and a cause of its own",
          "[http][error]") {
  std::set<std::string> causes;
  int count = 0;
#define X(name, status, cause)                                        \
  CHECK(status_hint(ProtocolError::name) == (status));                \
  CHECK(cause_of(ProtocolError::name) == (cause));                    \
  CHECK(((status) / 100 == 4 || (status) == 501 || (status) == 505)); \
  causes.emplace(cause_of(ProtocolError::name));                      \
  ++count;
  FASTERAPI_PROTOCOL_ERRORS(X)
#undef X
  CHECK(causes.size() == static_cast<std::size_t>(count));
}

TEST_CASE("every mistake of the application has a text of its own", "[http][error]") {
  std::set<std::string> texts;
  int count = 0;
#define X(name, text)                        \
  CHECK(text_of(SendError::name) == (text)); \
  texts.emplace(text_of(SendError::name));   \
  ++count;
  FASTERAPI_SEND_ERRORS(X)
#undef X
  CHECK(texts.size() == static_cast<std::size_t>(count));
}

TEST_CASE("no error has no text", "[http][error]") { CHECK(text_of(SendError::None).empty()); }
