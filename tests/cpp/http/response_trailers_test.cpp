// tests/cpp/http/response_trailers_test.cpp: http/response_trailers.hpp.
#include "http/response_trailers.hpp"

#include <catch.hpp>

using fasterapi::http::may_be_response_trailer;

TEST_CASE("what frames, routes or describes a message must stand in its head", "[http]") {
  for (const char* name : {"content-length", "transfer-encoding", "host", "connection", "trailer",
                           "content-type", "set-cookie", "cache-control", "location", "te"}) {
    CHECK_FALSE(may_be_response_trailer(name));
  }
}

TEST_CASE("what is known only behind the content may be a trailer", "[http]") {
  for (const char* name :
       {"server-timing", "etag", "grpc-status", "x-checksum", "content-digest", "contents"}) {
    CHECK(may_be_response_trailer(name));
  }
}
