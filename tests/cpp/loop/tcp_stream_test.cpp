// tests/cpp/loop/tcp_stream_test.cpp: loop/tcp_stream.hpp, over real sockets.
#include "loop/tcp_stream.hpp"

#include <catch.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "../support/stream_pair.hpp"
#include "../support/text.hpp"

using namespace fasterapi::support;
using fasterapi::base::Payload;
using fasterapi::loop::AcceptedSocket;
using fasterapi::loop::TcpStream;

namespace {

constexpr int kSmallBuffer = 4096;

Payload counted(std::string_view bytes, int& released) {
  return {bytes, [](void* count, void*) noexcept { ++*static_cast<int*>(count); }, &released};
}

std::string temporary_path() {
  return std::filesystem::temp_directory_path() / ("fasterapi-test-" + std::to_string(getpid()));
}

}  // namespace

TEST_CASE("a stream hands on what its peer sends", "[loop][stream]") {
  StreamPair pair;
  CHECK(pair.client.send("hello") == 5);
  pair.loop.run_until([&] { return pair.received == "hello"; });
  CHECK(pair.client.send(" again") == 6);
  pair.loop.run_until([&] { return pair.received == "hello again"; });
}

TEST_CASE("a stream sends what it was given, at the next flush", "[loop][stream]") {
  StreamPair pair;
  pair.stream->unsent().append("hello ");
  pair.stream->unsent().append(Payload::of_string("world"));
  CHECK(pair.stream->unsent_bytes() == 11);
  pair.loop.turn();
  CHECK(pair.client.receive() == 0);
  pair.stream->flush();
  CHECK(pair.stream->unsent_bytes() == 0);
  pair.deliver(11);
  CHECK(pair.client.text() == "hello world");
  CHECK(pair.drained == 0);  // nothing was left behind
}

TEST_CASE("what is flushed together leaves in one segment", "[loop][stream]") {
  StreamPair pair;
  for (int count = 0; count < 20; ++count) {
    pair.stream->unsent().append("head ");
    pair.stream->unsent().append(Payload::of_static("body "));
  }
  pair.stream->flush();
  pair.deliver(200);
  CHECK(pair.client.segments_received() == 1);
}

TEST_CASE("flushing nothing does nothing", "[loop][stream]") {
  StreamPair pair;
  pair.stream->flush();
  pair.stream->close();
  pair.stream->unsent().append("too late");
  pair.stream->flush();
  pair.loop.turn();
  CHECK(pair.broken.empty());
}

TEST_CASE("bytes that the kernel does not take follow when the peer reads", "[loop][stream]") {
  StreamPair pair(kSmallBuffer);
  const std::string text = numbered(1000000);
  pair.stream->unsent().append(text);
  pair.stream->flush();
  CHECK(pair.stream->unsent_bytes() > 0);
  CHECK(pair.stream->unsent_bytes() < text.size());
  pair.stream->unsent().append(Payload::of_string("the end"));
  CHECK(pair.drained == 0);
  pair.deliver(text.size() + 7);
  CHECK(pair.client.text() == text + "the end");
  pair.loop.run_until([&] { return pair.drained > 0; });
  CHECK(pair.stream->unsent_bytes() == 0);
}

TEST_CASE("unsent bytes are counted to the last, however many segments they have",
          "[loop][stream]") {
  StreamPair pair(kSmallBuffer);
  const std::string piece = numbered(10000);
  std::string all;
  for (int count = 0; count < 300; ++count) {  // more than one writev takes
    pair.stream->unsent().append(Payload::of_static(piece));
    pair.stream->unsent().append("|");
    all += piece + "|";
  }
  pair.stream->flush();
  pair.client.receive();
  CHECK(pair.client.text().size() + pair.stream->unsent_bytes() == all.size());
  pair.stream->unsent().append("the end");
  pair.deliver(all.size() + 7);
  CHECK(pair.client.text() == all + "the end");
  CHECK(pair.stream->unsent_bytes() == 0);
}

TEST_CASE("a payload is released when it has been sent", "[loop][stream]") {
  int released = 0;
  StreamPair pair(kSmallBuffer);
  const std::string text = numbered(1000000);
  pair.stream->unsent().append(counted(text, released));
  pair.stream->flush();
  CHECK(released == 0);
  pair.deliver(text.size());
  pair.loop.run_until([&] { return released > 0; });
  CHECK(released == 1);
}

TEST_CASE("a stream may die with a write in flight", "[loop][stream]") {
  int released = 0;
  StreamPair pair(kSmallBuffer);
  const std::string text = numbered(1000000);
  pair.stream->unsent().append(counted(text, released));
  pair.stream->flush();
  REQUIRE(pair.stream->unsent_bytes() > 0);
  const bool closed_first = GENERATE(true, false);
  if (closed_first) pair.stream->close();
  pair.stream.reset();
  pair.loop.run_until([&] {
    pair.client.receive();
    return pair.client.at_end() || pair.client.reset();
  });
  CHECK(released == 1);
  CHECK(pair.drained == 0);
  CHECK(pair.broken.empty());
}

TEST_CASE("a payload of four gigabytes is no endless loop", "[loop][stream]") {
  constexpr std::size_t kSize = std::size_t{1} << 32;
  void* const memory =
      mmap(nullptr, kSize, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  {
    StreamPair pair(kSmallBuffer);
    pair.stream->unsent().append(Payload({static_cast<char*>(memory), kSize}, nullptr, nullptr));
    pair.stream->flush();
    CHECK(pair.stream->unsent_bytes() > 0);
    pair.deliver(1000000);
  }
  munmap(memory, kSize);
}

TEST_CASE("a peer that closes is told of, after what it sent", "[loop][stream]") {
  StreamPair pair;
  pair.client.send("last words");
  pair.client.shut_down_writing();
  pair.loop.run_until([&] { return pair.peer_closed; });
  CHECK(pair.received == "last words");
  CHECK_FALSE(pair.stream->reading());
  pair.stream->unsent().append("an answer");  // the other direction is still open
  pair.stream->flush();
  pair.deliver(9);
  CHECK(pair.client.text() == "an answer");
}

TEST_CASE("a peer that resets is told of while reading", "[loop][stream]") {
  StreamPair pair;
  pair.client.abort();
  pair.loop.run_until([&] { return !pair.broken.empty(); });
  CHECK(pair.broken == "ECONNRESET");
  CHECK_FALSE(pair.peer_closed);
}

TEST_CASE("a peer that resets is told of while writing", "[loop][stream]") {
  int released = 0;
  StreamPair pair(kSmallBuffer);
  const std::string text = numbered(1000000);
  pair.stream->stop_reading();
  pair.stream->unsent().append(counted(text, released));
  const bool in_flight = GENERATE(true, false);
  if (in_flight) pair.stream->flush();
  pair.client.abort();
  if (!in_flight) pair.stream->flush();
  pair.loop.run_until([&] { return !pair.broken.empty(); });
  CHECK((pair.broken == "ECONNRESET" || pair.broken == "EPIPE"));
  CHECK(released == 1);
  CHECK(pair.drained == 0);
}

TEST_CASE("a stream may die in its own read callback", "[loop][stream]") {
  StreamPair pair;
  pair.when_received = [&] { pair.stream.reset(); };
  const bool by_end = GENERATE(true, false);
  if (by_end) {
    pair.client.shut_down_writing();
  } else {
    pair.client.send("x");
  }
  pair.loop.run_until([&] { return pair.stream == nullptr; });
}

TEST_CASE("a stream may die when it breaks", "[loop][stream]") {
  StreamPair pair(kSmallBuffer);
  pair.when_broken = [&] { pair.stream.reset(); };
  const bool writing = GENERATE(true, false);
  if (writing) {
    pair.stream->stop_reading();
    pair.stream->unsent().append(numbered(1000000));
    pair.stream->flush();
    pair.stream->unsent().append("more");  // flushed again from within the write's callback
  }
  pair.client.abort();
  pair.loop.run_until([&] { return pair.stream == nullptr; });
}

TEST_CASE("a stream that does not read leaves the bytes to its peer", "[loop][stream]") {
  StreamPair pair;
  pair.stream->stop_reading();
  CHECK_FALSE(pair.stream->reading());
  pair.client.send("hello");
  pair.loop.turn();
  pair.loop.turn();
  CHECK(pair.received.empty());
  pair.stream->start_reading();
  pair.stream->start_reading();
  CHECK(pair.stream->reading());
  pair.loop.run_until([&] { return pair.received == "hello"; });
}

TEST_CASE("a stream may stop reading in its read callback", "[loop][stream]") {
  StreamPair pair;
  pair.when_received = [&] { pair.stream->stop_reading(); };
  const std::string text = numbered(300000);  // several of the loop's receive buffers
  std::size_t sent = pair.client.send(text);
  pair.loop.run_until([&] { return !pair.received.empty(); });
  const std::size_t first = pair.received.size();
  pair.loop.turn();
  CHECK(pair.received.size() == first);
  pair.when_received = nullptr;
  pair.stream->start_reading();
  pair.loop.run_until([&] {
    sent += pair.client.send(std::string_view(text).substr(sent));
    return pair.received.size() == text.size();
  });
  CHECK(pair.received == text);
}

TEST_CASE("a stream that is shut down says so to its peer and still reads", "[loop][stream]") {
  StreamPair pair;
  pair.stream->unsent().append("bye");
  pair.stream->flush();
  pair.stream->shut_down_writing();
  pair.loop.run_until([&] {
    pair.client.receive();
    return pair.client.at_end();
  });
  CHECK(pair.client.text() == "bye");
  pair.client.send("bye too");
  pair.loop.run_until([&] { return pair.received == "bye too"; });
}

TEST_CASE("a stream may be closed while it is shut down", "[loop][stream]") {
  StreamPair pair;
  pair.stream->shut_down_writing();
  pair.stream->close();
  CHECK_FALSE(pair.stream->is_open());
  pair.stream->shut_down_writing();
  pair.stream->stop_reading();
  pair.stream->start_reading();
  CHECK_FALSE(pair.stream->reading());
  pair.loop.turn();
}

TEST_CASE("a TCP stream knows both its addresses", "[loop][stream]") {
  StreamPair pair;
  const auto local = pair.stream->local_address();
  const auto peer = pair.stream->peer_address();
  CHECK(local.host == "127.0.0.1");
  CHECK(local.port > 0);
  CHECK_FALSE(local.is_unix);
  CHECK(peer.host == "127.0.0.1");
  CHECK(peer.port == pair.client.port());
  pair.stream->close();
  CHECK(pair.stream->local_address().host.empty());
}

TEST_CASE("an IPv6 stream knows both its addresses", "[loop][stream]") {
  Socket bound;
  try {
    bound = bound_tcp6_socket();
  } catch (const std::system_error&) {
    SKIP("this machine has no IPv6");
  }
  StreamPair pair(std::move(bound));
  CHECK(pair.stream->local_address().host == "::1");
  CHECK(pair.stream->peer_address().host == "::1");
  CHECK(pair.stream->peer_address().port > 0);
}

TEST_CASE("what is no open descriptor is an error", "[loop][stream]") {
  StreamPair pair;
  TcpStream second(*pair.loop.operator->(), pair);
  CHECK_FALSE(second.open(AcceptedSocket(-1, {}, false)).ok());
  CHECK_FALSE(second.is_open());
}

TEST_CASE("a peer that sends a lot is read once per turn", "[loop][stream]") {
  StreamPair pair;
  const std::string bytes = numbered(300000);
  std::size_t sent = 0;
  std::size_t largest = 0;
  while (pair.received.size() < bytes.size()) {
    sent += pair.client.send(bytes.substr(sent));
    const std::size_t before = pair.received.size();
    pair.loop.turn();
    largest = std::max(largest, pair.received.size() - before);
  }
  CHECK(pair.received == bytes);
  CHECK(largest == fasterapi::base::kReceiveBufferBytes);
}

TEST_CASE("delivered is what the peer has taken, not what the kernel has", "[loop][stream]") {
  StreamPair pair(kSmallBuffer);
  CHECK(pair.stream->bytes_delivered() == 0);
  const std::string bytes = numbered(1000000);
  pair.stream->unsent().append(bytes);
  pair.stream->flush();
  pair.loop.turn();
  const std::uint64_t before = pair.stream->bytes_delivered();
  CHECK(before < 100000);
  std::size_t taken = 0;
  pair.loop.run_until([&] {
    taken += pair.client.receive(10000);
    return taken >= 500000;
  });
  CHECK(pair.stream->bytes_delivered() >= 500000);
  CHECK(pair.stream->bytes_delivered() < bytes.size());
  pair.deliver(bytes.size());
  pair.loop.run_until([&] { return pair.stream->bytes_delivered() == bytes.size(); });
}

TEST_CASE("a Unix stream is a stream, whose address is a path", "[loop][stream]") {
  const std::string path = temporary_path();
  {
    StreamPair pair(bound_unix_socket(path));
    pair.client.send("hello");
    pair.loop.run_until([&] { return pair.received == "hello"; });
    pair.stream->unsent().append(numbered(1000000));
    pair.stream->flush();
    pair.deliver(1000000);
    CHECK(pair.stream->local_address().is_unix);
    CHECK(pair.stream->local_address().host == path);
    CHECK(pair.stream->peer_address().is_unix);
    CHECK(pair.stream->peer_address().host.empty());
    pair.client.shut_down_writing();
    pair.loop.run_until([&] { return pair.peer_closed; });
  }
  std::filesystem::remove(path);
}
