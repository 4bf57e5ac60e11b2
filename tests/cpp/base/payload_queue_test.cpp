// tests/cpp/base/payload_queue_test.cpp: base/payload_queue.hpp.
#include "base/payload_queue.hpp"

#include <catch.hpp>

#include <array>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "../support/allocations.hpp"

using fasterapi::base::ByteView;
using fasterapi::base::Payload;
using fasterapi::base::PayloadQueue;
using fasterapi::support::allocated_bytes;
using fasterapi::support::FailingAllocations;

namespace {

std::vector<std::string> segments_of(const PayloadQueue& queue) {
  std::array<ByteView, 64> views;
  const std::size_t count = queue.gather(views);
  return {views.begin(), views.begin() + static_cast<std::ptrdiff_t>(count)};
}

std::string text_of(const PayloadQueue& queue) {
  std::string text;
  for (const std::string& segment : segments_of(queue)) text += segment;
  return text;
}

Payload counted(ByteView bytes, int& released) {
  return {bytes, [](void* count, void*) noexcept { ++*static_cast<int*>(count); }, &released};
}

}  // namespace

TEST_CASE("copied bytes lie together", "[base][queue]") {
  PayloadQueue queue;
  CHECK(queue.empty());
  queue.append("one");
  queue.append("two");
  CHECK(segments_of(queue) == std::vector<std::string>{"onetwo"});
  CHECK(queue.size() == 6);
}

TEST_CASE("a payload is carried without copying its bytes", "[base][queue]") {
  static constexpr ByteView kBytes = "large";
  PayloadQueue queue;
  queue.append(Payload::of_static(kBytes));
  std::array<ByteView, 1> views;
  REQUIRE(queue.gather(views) == 1);
  CHECK(views[0].data() == kBytes.data());
}

TEST_CASE("copied bytes and payloads keep their order", "[base][queue]") {
  PayloadQueue queue;
  queue.append("a");
  queue.append(Payload::of_string("b"));
  queue.append(Payload::of_string("c"));
  queue.append("d");
  queue.append("e");
  queue.append(Payload::of_string("f"));
  queue.append("g");
  CHECK(segments_of(queue) == std::vector<std::string>{"a", "b", "c", "de", "f", "g"});
  CHECK(queue.size() == 7);
}

TEST_CASE("an empty payload is released at once and makes no segment", "[base][queue]") {
  int released = 0;
  PayloadQueue queue;
  queue.append("a");
  queue.append(counted("", released));
  queue.append("b");
  CHECK(released == 1);
  CHECK(segments_of(queue) == std::vector<std::string>{"ab"});
}

TEST_CASE("gather fills no more views than it is given", "[base][queue]") {
  PayloadQueue queue;
  queue.append(Payload::of_string("a"));
  queue.append(Payload::of_string("b"));
  queue.append("c");
  std::array<ByteView, 2> views;
  CHECK(queue.gather(views) == 2);
  CHECK(views[1] == "b");
  CHECK(queue.gather({}) == 0);
}

TEST_CASE("any number of bytes may be consumed", "[base][queue]") {
  const int count = GENERATE(range(0, 10));
  PayloadQueue queue;
  queue.append("ab");
  queue.append(Payload::of_string("cd"));
  queue.append(Payload::of_string("e"));
  queue.append("fghi");
  const std::string all = text_of(queue);
  queue.consume(static_cast<std::size_t>(count));
  CHECK(text_of(queue) == all.substr(static_cast<std::size_t>(count)));
  CHECK(queue.size() == all.size() - static_cast<std::size_t>(count));
  CHECK(queue.empty() == (count == 9));
}

TEST_CASE("a queue goes on after it was consumed in part", "[base][queue]") {
  const int count = GENERATE(range(1, 7));
  PayloadQueue queue;
  queue.append("ab");
  queue.append(Payload::of_string("cd"));
  queue.append("ef");
  queue.consume(static_cast<std::size_t>(count));
  queue.append("gh");
  queue.append(Payload::of_string("ij"));
  queue.append("kl");
  CHECK(text_of(queue) == std::string("abcdefghijkl").substr(static_cast<std::size_t>(count)));
  CHECK(queue.size() == 12 - static_cast<std::size_t>(count));
}

TEST_CASE("a payload is released as soon as its last byte is consumed", "[base][queue]") {
  int first = 0;
  int second = 0;
  PayloadQueue queue;
  queue.append(counted("abc", first));
  queue.append(counted("def", second));
  queue.consume(2);
  CHECK(first == 0);
  queue.consume(1);
  CHECK(first == 1);
  CHECK(second == 0);
  queue.consume(3);
  CHECK(second == 1);
}

TEST_CASE("rolling back undoes what was copied since", "[base][queue]") {
  PayloadQueue queue;
  queue.append("keep");
  queue.append(Payload::of_string("this"));
  queue.append("too");
  const std::size_t size = queue.size();
  queue.append("not this");
  std::memcpy(queue.grow(4), "nor ", 4);
  queue.append("that");
  queue.rollback(size);
  CHECK(text_of(queue) == "keepthistoo");
  CHECK(queue.size() == size);
}

TEST_CASE("rolling back works behind bytes that were consumed", "[base][queue]") {
  PayloadQueue queue;
  queue.append("abcd");
  queue.consume(2);
  const std::size_t size = queue.size();
  queue.append("efgh");
  queue.rollback(size);
  CHECK(text_of(queue) == "cd");
  queue.append("x");
  CHECK(text_of(queue) == "cdx");
}

TEST_CASE("what was copied since can be read", "[base][queue]") {
  PayloadQueue queue;
  queue.append("abcd");
  queue.consume(1);
  const std::size_t size = queue.size();
  CHECK(queue.since(size).empty());
  queue.append("efgh");
  CHECK(queue.since(size) == "efgh");
  queue.append(Payload::of_string("large"));
  const std::size_t behind_a_payload = queue.size();
  queue.append("ij");
  CHECK(queue.since(behind_a_payload) == "ij");
}

TEST_CASE("grown space belongs to the queue", "[base][queue]") {
  PayloadQueue queue;
  queue.append("a");
  std::memcpy(queue.grow(3), "bcd", 3);
  CHECK(text_of(queue) == "abcd");
  CHECK(queue.size() == 4);
}

TEST_CASE("a queue appended to another moves all its bytes", "[base][queue]") {
  int released = 0;
  PayloadQueue first;
  first.append("a");
  first.append(Payload::of_string("b"));
  first.append("c");
  PayloadQueue second;
  second.append("d");
  second.append(counted("ef", released));
  second.append("gh");
  second.consume(2);
  first.append(std::move(second));
  CHECK(text_of(first) == "abcfgh");
  CHECK(first.size() == 6);
  CHECK(second.empty());  // NOLINT: promised to be empty
  CHECK(released == 0);
  first.clear();
  CHECK(released == 1);
}

TEST_CASE("an empty queue appended to another changes nothing", "[base][queue]") {
  PayloadQueue first;
  first.append("a");
  first.append(PayloadQueue());
  CHECK(text_of(first) == "a");
}

TEST_CASE("a cleared queue has released everything and is as good as new", "[base][queue]") {
  int released = 0;
  PayloadQueue queue;
  queue.append("a");
  queue.append(counted("bc", released));
  queue.append("d");
  queue.consume(2);
  queue.clear();
  CHECK(released == 1);
  CHECK(queue.empty());
  CHECK(segments_of(queue).empty());
  queue.append("e");
  CHECK(text_of(queue) == "e");
}

TEST_CASE("an empty queue gives back memory beyond what it may keep", "[base][queue]") {
  const std::size_t before = allocated_bytes();
  PayloadQueue queue;
  for (int count = 0; count < 1000; ++count) queue.append(Payload::of_static("x"));
  queue.append(std::string(100000, 'x'));
  queue.keep_at_most(1024);
  CHECK(queue.size() == 101000);
  queue.consume(queue.size());
  queue.keep_at_most(1024);
  CHECK(allocated_bytes() - before <= 2048);
}

TEST_CASE("a queue that is never quite emptied stays small", "[base][queue]") {
  const std::size_t before = allocated_bytes();
  PayloadQueue queue;
  const bool by_reference = GENERATE(true, false);
  const std::string kilobyte(1024, 'x');
  queue.append("x");
  for (int round = 0; round < 1000; ++round) {
    if (by_reference) {
      queue.append(Payload::of_static(kilobyte));
    } else {
      queue.append(kilobyte);
    }
    queue.consume(kilobyte.size());
  }
  CHECK(text_of(queue) == "x");
  CHECK(allocated_bytes() - before < 16 * kilobyte.size());
}

TEST_CASE("what a queue has no memory for leaves it as it was", "[base][queue]") {
  const std::string copied(100, 'c');
  bool failed = true;
  std::size_t successes = 0;
  for (; failed; ++successes) {
    PayloadQueue queue;
    queue.append(copied);
    queue.consume(1);
    std::string expected(99, 'c');
    expected.reserve(1000);
    FailingAllocations failing(successes, 1);
    for (int round = 0; round < 3; ++round) {
      try {
        queue.append(Payload::of_static("payload"));
        expected += "payload";
        queue.append(copied);
        expected += copied;
      } catch (const std::bad_alloc&) {
      }
    }
    failed = failing.end();
    CHECK(text_of(queue) == expected);
    CHECK(queue.size() == expected.size());
  }
  CHECK(successes > 5);
}
