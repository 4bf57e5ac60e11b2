// tests/cpp/http/body_framing_test.cpp: http/body_framing.hpp.
#include "http/body_framing.hpp"

#include <catch.hpp>

using namespace fasterapi::http;

TEST_CASE("a request without Transfer-Encoding is beyond doubt", "[http][framing]") {
  CHECK_FALSE(check_request_framing({0, "", 0}));
  CHECK_FALSE(check_request_framing({0, "", 1}));
}

TEST_CASE("the only Transfer-Encoding of a request is one 'chunked' on HTTP/1.1",
          "[http][framing]") {
  CHECK_FALSE(check_request_framing({1, "chunked", 1}));
  CHECK_FALSE(check_request_framing({1, "Chunked", 1}));
  for (const RequestFraming& framing :
       {RequestFraming{1, "chunked", 0}, RequestFraming{2, "chunked", 1},
        RequestFraming{1, "gzip, chunked", 1}, RequestFraming{1, "", 1},
        RequestFraming{1, "identity", 1}, RequestFraming{1, "chunked,", 1},
        RequestFraming{1, "\"chunked\"", 1}, RequestFraming{1, "xchunked", 1},
        RequestFraming{1, "chunked", 1, true}}) {
    INFO(framing.transfer_encoding);
    CHECK(check_request_framing(framing) == ProtocolError::AmbiguousFraming);
  }
}

TEST_CASE("HEAD, 204 and 304 have no body whatever else is said", "[http][framing]") {
  const bool has_length = GENERATE(true, false);
  const int minor_version = GENERATE(0, 1);
  CHECK(response_framing(true, minor_version, 200, has_length) == BodyFraming::None);
  CHECK(response_framing(false, minor_version, 204, has_length) == BodyFraming::None);
  CHECK(response_framing(false, minor_version, 304, has_length) == BodyFraming::None);
}

TEST_CASE("a declared length frames the response", "[http][framing]") {
  CHECK(response_framing(false, 1, 200, true) == BodyFraming::ContentLength);
  CHECK(response_framing(false, 0, 404, true) == BodyFraming::ContentLength);
}

TEST_CASE("without a length HTTP/1.1 gets chunks and HTTP/1.0 the close", "[http][framing]") {
  CHECK(response_framing(false, 1, 200, false) == BodyFraming::Chunked);
  CHECK(response_framing(false, 0, 200, false) == BodyFraming::UntilClose);
}
