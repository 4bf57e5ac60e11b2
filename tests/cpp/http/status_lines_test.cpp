// tests/cpp/http/status_lines_test.cpp: http/status_lines.hpp.
#include "http/status_lines.hpp"

#include <catch.hpp>

#include <string>

using fasterapi::http::StatusLines;

TEST_CASE("every status from 100 to 599 has its line", "[http][status]") {
  const StatusLines lines;
  for (int status = StatusLines::kFirst; status <= StatusLines::kLast; ++status) {
    const std::string expected =
        "HTTP/1.1 " + std::to_string(status) + " " + std::string(lines.phrase(status)) + "\r\n";
    REQUIRE(lines.line(status) == expected);
  }
}

TEST_CASE("the statuses that the server itself sends have a phrase", "[http][status]") {
  const StatusLines lines;
  CHECK(lines.phrase(200) == "OK");
  CHECK(lines.phrase(400) == "Bad Request");
  CHECK(lines.phrase(500) == "Internal Server Error");
  for (const int status : {413, 431, 503, 505}) CHECK_FALSE(lines.phrase(status).empty());
}

TEST_CASE("an unknown status has an empty phrase, behind the blank that must stand",
          "[http][status]") {
  const StatusLines lines;
  CHECK(lines.line(299) == "HTTP/1.1 299 \r\n");
  CHECK(lines.phrase(299).empty());
}

TEST_CASE("the owner may name other phrases", "[http][status]") {
  StatusLines lines;
  lines.set_phrase(418, "I'm a Teapot");
  CHECK(lines.line(418) == "HTTP/1.1 418 I'm a Teapot\r\n");
  CHECK(lines.phrase(418) == "I'm a Teapot");
  lines.set_phrase(418, "");
  CHECK(lines.line(418) == "HTTP/1.1 418 \r\n");
}
