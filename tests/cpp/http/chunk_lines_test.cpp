// tests/cpp/http/chunk_lines_test.cpp: http/chunk_lines.hpp.
#include "http/chunk_lines.hpp"

#include <catch.hpp>

using fasterapi::http::ChunkLines;
using fasterapi::http::ProtocolError;

TEST_CASE("a size has sixteen digits at most", "[http][chunks]") {
  ChunkLines lines;
  lines.begin_body(50);
  CHECK_FALSE(lines.check_digits(66));
  CHECK(lines.check_digits(67) == ProtocolError::MalformedRequest);
}

TEST_CASE("a line that goes on may end with the carriage return that has been read",
          "[http][chunks]") {
  ChunkLines lines;
  lines.begin_body(50);
  CHECK_FALSE(lines.check_open_line("0", 67));
  CHECK(lines.check_open_line("0", 68) == ProtocolError::MalformedRequest);
  lines.begin_line(2000);  // behind data that has not come yet
  CHECK_FALSE(lines.check_open_line("0", 1000));
}

TEST_CASE("a line that has ended is judged before its data comes", "[http][chunks]") {
  ChunkLines lines;
  lines.begin_body(50);
  lines.end_line();
  CHECK_FALSE(lines.check_open_line("0", 68));
  CHECK(lines.check_open_line("0", 69) == ProtocolError::MalformedRequest);
  lines.end_body();
  CHECK_FALSE(lines.check_open_line("0", 1000));
}

TEST_CASE("digits end before the semicolon of the first extension", "[http][chunks]") {
  ChunkLines lines;
  lines.begin_body(50);
  CHECK_FALSE(lines.add_name("abc", 67, 100));
  CHECK_FALSE(lines.end_name_or_value());
  CHECK_FALSE(lines.add_name("d", 71, 100));
  CHECK_FALSE(lines.end_name_or_value());
  CHECK_FALSE(lines.check_digits(72));
  CHECK_FALSE(lines.check_open_line("0", 200));
}

TEST_CASE("extensions count for the whole body, from their semicolons on",
          "[http][chunks][limits]") {
  ChunkLines lines;
  lines.begin_body(50);
  CHECK_FALSE(lines.add_name("abc", 52, 11));
  CHECK_FALSE(lines.end_name_or_value());
  CHECK_FALSE(lines.add_value("de", 56, 11));
  CHECK_FALSE(lines.end_name_or_value());
  lines.begin_line(80);
  CHECK_FALSE(lines.add_name("fgh", 82, 11));
  CHECK(lines.add_name("i", 85, 11) == ProtocolError::ChunkExtensionsTooLarge);
  lines.begin_body(50);
  CHECK_FALSE(lines.add_name("abcdefghij", 52, 11));
}

TEST_CASE("an extension that is malformed behind the limit is too large",
          "[http][chunks][limits]") {
  ChunkLines lines;
  lines.begin_body(50);
  CHECK(lines.mistake_at("1;abc", 55, 4) == ProtocolError::MalformedRequest);
  CHECK(lines.mistake_at("1;abcd", 56, 4) == ProtocolError::ChunkExtensionsTooLarge);
  CHECK(lines.mistake_at("\n1;abcd", 56, 4) == ProtocolError::ChunkExtensionsTooLarge);
  CHECK(lines.mistake_at("1abcd", 55, 0) == ProtocolError::MalformedRequest);
  lines.end_line();
  CHECK(lines.mistake_at("1;abcd", 56, 4) == ProtocolError::MalformedRequest);
}

TEST_CASE("a semicolon that has just been read is the first byte of an extension",
          "[http][chunks]") {
  ChunkLines lines;
  lines.begin_body(50);
  CHECK_FALSE(lines.check_open_line("1;", 52));
  CHECK(lines.mistake_at("\r", 53, 1) == ProtocolError::ChunkExtensionsTooLarge);
  CHECK(lines.mistake_at("\r", 53, 2) == ProtocolError::MalformedRequest);
}

TEST_CASE("a name or value of an extension is not empty", "[http][chunks]") {
  ChunkLines lines;
  lines.begin_body(50);
  CHECK(lines.end_name_or_value() == ProtocolError::MalformedRequest);
}

TEST_CASE("a value is quoted as a whole or not at all", "[http][chunks]") {
  ChunkLines lines;
  lines.begin_body(50);
  CHECK_FALSE(lines.add_name("n", 52, 100));
  CHECK_FALSE(lines.end_name_or_value());
  CHECK_FALSE(lines.add_value("\"a", 54, 100));
  CHECK_FALSE(lines.add_value("b\"", 56, 100));
  CHECK_FALSE(lines.end_name_or_value());
  CHECK_FALSE(lines.add_value("a", 60, 100));
  CHECK(lines.add_value("b\"c\"", 61, 100) == ProtocolError::MalformedRequest);
}
