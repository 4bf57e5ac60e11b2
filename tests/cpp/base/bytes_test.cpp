// tests/cpp/base/bytes_test.cpp: base/bytes.hpp.
#include "base/bytes.hpp"

#include <catch.hpp>

#include <string>

#include "../support/allocations.hpp"

using fasterapi::base::ByteBuffer;
using fasterapi::support::allocated_bytes;

TEST_CASE("a byte buffer gives back what was appended, in order", "[base][bytes]") {
  ByteBuffer buffer;
  CHECK(buffer.empty());
  buffer.append("one");
  buffer.append("");
  buffer.append("two");
  CHECK(buffer.view() == "onetwo");
  CHECK(buffer.size() == 6);
}

TEST_CASE("a byte buffer forgets what was consumed", "[base][bytes]") {
  ByteBuffer buffer;
  buffer.append("onetwo");
  buffer.consume(3);
  CHECK(buffer.view() == "two");
  buffer.append("three");
  CHECK(buffer.view() == "twothree");
  buffer.consume(8);
  CHECK(buffer.empty());
  CHECK(buffer.view().empty());
}

TEST_CASE("consuming nothing changes nothing", "[base][bytes]") {
  ByteBuffer buffer;
  buffer.consume(0);
  CHECK(buffer.empty());
  buffer.append("x");
  buffer.consume(0);
  CHECK(buffer.view() == "x");
}

TEST_CASE("a cleared byte buffer is as good as new", "[base][bytes]") {
  ByteBuffer buffer;
  buffer.append("onetwo");
  buffer.consume(2);
  buffer.clear();
  CHECK(buffer.empty());
  buffer.append("three");
  CHECK(buffer.view() == "three");
}

TEST_CASE("an empty byte buffer gives back memory beyond what it may keep", "[base][bytes]") {
  const std::size_t before = allocated_bytes();
  ByteBuffer buffer;
  buffer.append(std::string(100000, 'x'));
  buffer.keep_at_most(1024);
  CHECK(allocated_bytes() - before > 100000);  // what it holds is never given up
  buffer.consume(100000);
  buffer.keep_at_most(1024);
  CHECK(allocated_bytes() - before <= 1024);
}

TEST_CASE("a byte buffer that is never quite emptied stays small", "[base][bytes]") {
  const std::size_t before = allocated_bytes();
  ByteBuffer buffer;
  const std::string kilobyte(1024, 'x');
  buffer.append("x");
  for (int round = 0; round < 1000; ++round) {
    buffer.append(kilobyte);
    buffer.consume(kilobyte.size());
  }
  CHECK(buffer.view() == "x");
  CHECK(allocated_bytes() - before < 16 * kilobyte.size());
}
