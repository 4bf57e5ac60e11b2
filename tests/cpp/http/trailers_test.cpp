// tests/cpp/http/trailers_test.cpp: http/trailers.hpp.
#include "http/trailers.hpp"

#include <catch.hpp>

#include <string>

using fasterapi::base::Limits;
using fasterapi::http::must_stand_in_head;
using fasterapi::http::ProtocolError;
using fasterapi::http::Trailers;

TEST_CASE("what frames, routes, describes or authenticates a message stands in its head",
          "[http][trailers]") {
  for (const char* name :
       {"host", "transfer-encoding", "content-length", "content-anything", "if-match", "cookie",
        "proxy-authorization", "x-forwarded-host", "connection"}) {
    INFO(name);
    CHECK(must_stand_in_head(name));
  }
  for (const char* name :
       {"", "hosts", "etag", "checksum", "content", "content-digest", "x-host", "expires"}) {
    INFO(name);
    CHECK_FALSE(must_stand_in_head(name));
  }
}

TEST_CASE("a name that comes in parts is put together", "[http][trailers]") {
  const Limits limits;
  Trailers trailers;
  CHECK_FALSE(trailers.add_name("Ho", 100, limits));
  CHECK_FALSE(trailers.add_name("st", 102, limits));
  CHECK_FALSE(trailers.add_value("a", 106, limits));
  CHECK(trailers.end_field(limits) == ProtocolError::BadTrailer);
}

TEST_CASE("nothing of one trailer is left for the next", "[http][trailers]") {
  const Limits limits;
  Trailers trailers;
  CHECK_FALSE(trailers.add_name(std::string(100, 'x'), 100, limits));
  CHECK_FALSE(trailers.end_field(limits));
  CHECK_FALSE(trailers.add_name("te", 203, limits));
  CHECK(trailers.end_field(limits) == ProtocolError::BadTrailer);
}

TEST_CASE("trailers have the limits of a head", "[http][trailers][limits]") {
  Limits limits;
  limits.head_bytes = 20;
  limits.field_bytes = 10;
  limits.head_fields = 2;
  Trailers trailers;
  trailers.begin_section(100);
  CHECK_FALSE(trailers.add_name("a", 100, limits));
  CHECK_FALSE(trailers.add_value("1234567", 103, limits));
  CHECK(trailers.add_value("12345678", 103, limits) == ProtocolError::HeadTooLarge);
  CHECK_FALSE(trailers.end_field(limits));
  CHECK_FALSE(trailers.end_field(limits));
  CHECK(trailers.end_field(limits) == ProtocolError::HeadTooLarge);
  CHECK_FALSE(trailers.check_size(120, limits));
  CHECK(trailers.check_size(121, limits) == ProtocolError::HeadTooLarge);
}

TEST_CASE("the line of a trailer begins behind the last line break, whenever that was read",
          "[http][trailers]") {
  Trailers trailers;
  trailers.begin_section(100);
  CHECK(trailers.line_begin("A: b", 104) == 100);
  CHECK(trailers.line_begin("A: b\r\nC", 107) == 106);
  trailers.go_on("A: ", 103);
  CHECK(trailers.line_begin("b", 104) == 100);
  trailers.go_on("b\r\n", 106);
  CHECK(trailers.line_begin(" ", 107) == 106);
}
