// tests/fuzz/server_fuzz.cpp: a whole server on a network without a kernel
// (server_fuzz/network.hpp) and with an application that answers as the fuzzer says. Whatever
// peers, application and clock do: each peer gets one response per request that was taken, in order
// and well-formed, memory stays bounded, and in the end every connection is closed and no object is
// left.
//
// The input is what a peer sends, up to a byte above 127: that one is a command (see Script).
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "../cpp/support/allocations.hpp"
#include "base/counters.hpp"
#include "server/server.hpp"
#include "server_fuzz/application.hpp"
#include "server_fuzz/network.hpp"
#include "server_fuzz/output.hpp"

namespace fuzz = fasterapi::fuzz;
namespace server = fasterapi::server;
namespace support = fasterapi::support;

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

struct NoEvents final : server::EventLog {
  void warning(fasterapi::base::ByteView) override {}
  void max_responses_reached() override {}
};

server::Options small_limits() {
  server::Options options;
  options.date_field = false;
  fasterapi::base::Limits& limits = options.limits;
  limits.head_bytes = 2000;
  limits.head_fields = 20;
  limits.body_buffered_bytes = limits.unread_bytes = limits.unsent_bytes = 3000;
  limits.discarded_bytes = 3000;
  limits.connections = 3;
  limits.requests_per_connection = 40;
  return options;
}

const server::Options& options() {
  static const server::Options made = small_limits();
  return made;
}

class World {
 public:
  World() : server_(loop_, options(), events_) {
    require(loop_.open().ok(), "no loop");
    server_.add_application(application_);
    require(server_.listen(0, 16).ok(), "no listener");
    base_bytes_ = support::allocated_bytes();
    peer_ = &network_.connect();
  }

  void send(std::string_view bytes) {
    if (peer_->ended || peer_->reset) return;
    if (!by_bytes_) {
      peer_->sent += bytes;
      return turn();
    }
    for (const char byte : bytes) {
      peer_->sent += byte;
      turn();
    }
  }

  void turn() {
    loop_.poll(false);
    loop_.end_turn();
    check_memory();
  }

  void command(unsigned operation, unsigned argument);
  void finish();

 private:
  void choose_peer(unsigned number);
  void flood(unsigned pattern);
  void check_memory() const;

  NoEvents events_;
  fuzz::Network network_;
  fasterapi::loop::Loop loop_;
  fuzz::Application application_;
  server::Server server_;
  fuzz::Peer* peer_;  // whom the script speaks of
  std::size_t base_bytes_ = 0;
  bool by_bytes_ = false;
};

// One read that nobody wants yet, for each connection, and what growing strings take twice.
void World::check_memory() const {
  const std::size_t bytes = support::allocated_bytes();
  const std::size_t own = base_bytes_ + network_.held_bytes() + application_.held_bytes();
  require(bytes <= own + 1'500'000, "memory is not bounded");
}

void World::choose_peer(unsigned number) {
  constexpr unsigned kMostPeers = 5;
  if (number < network_.peers().size()) {
    peer_ = network_.peers()[number].get();
  } else if (network_.peers().size() < kMostPeers) {
    peer_ = &network_.connect();
  }
}

// More of the same than one read takes.
const std::string& flood_of(unsigned pattern) {
  static const std::array<std::string, 8> made = [] {
    constexpr std::array<std::string_view, 8> kPatterns{
        "x",        "1\r\na\r\n", "\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "X: y\r\n", "0",          " ",    "1;e=f\r\na\r\n"};
    std::array<std::string, 8> floods;
    for (std::size_t index = 0; index < floods.size(); ++index) {
      while (floods[index].size() < 70'000) floods[index] += kPatterns[index];
    }
    return floods;
  }();
  return made[pattern];
}

void World::flood(unsigned pattern) {
  constexpr std::size_t kMost = 300'000;  // wait in the kernel
  if (!peer_->ended && !peer_->reset && peer_->sent.size() < kMost)
    peer_->sent += flood_of(pattern);
  turn();
}

constexpr std::array<std::string_view, 8> kRequests{
    "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n",
    "HEAD /x?y HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"};

void World::command(unsigned operation, unsigned argument) {
  constexpr std::array<std::uint64_t, 8> kTimes{1, 10, 500, 1000, 5000, 10'000, 11'000, 31'000};
  switch (operation) {
    case 0:
      for (unsigned count = 0; count <= argument; ++count) turn();
      break;
    case 1:
      choose_peer(argument);
      break;
    case 2:
    case 3:
      application_.mode = static_cast<fuzz::Mode>(argument + (operation == 3 ? 8 : 0));
      break;
    case 4:
      if (argument == 0) peer_->reset = true;
      peer_->ended = true;
      turn();
      break;
    case 5:  // the peer, or the kernel on its behalf, takes so much more
      peer_->room = argument == 7 ? SIZE_MAX : (1U << (2 * argument)) - 1;
      turn();
      break;
    case 6:
      network_.pass_ms(kTimes[argument]);
      turn();
      break;
    case 7:
      send(kRequests[argument]);
      break;
    case 8:
      flood(argument);
      break;
    case 9:
      application_.release();
      break;
    case 10:
      by_bytes_ = argument % 2 == 1;
      peer_->segment = argument < 2 ? SIZE_MAX : argument;
      break;
    case 11:
      if (argument == 7) server_.shut_down();
      if (argument == 6) server_.stop_listening();
      break;
    case 12:
      application_.mode = static_cast<fuzz::Mode>(16 + argument % 4);
      break;
    default:
      break;
  }
}

// Every peer takes all and ends or falls silent, the application answers what it holds, and the
// time passes that a connection may last.
void World::finish() {
  application_.mode = fuzz::Mode::Turn;
  for (const auto& peer : network_.peers()) {
    peer->ended |= peer->fd % 2 == 1;
    peer->room = peer->segment = SIZE_MAX;
  }
  turn();
  for (int count = 0; count < 400 && server_.connection_count() > 0; ++count) {
    application_.release();
    turn();
    if (count % 4 == 3) network_.pass_ms(1000);
  }
  require(server_.connection_count() == 0, "a connection is left");
  for (const auto& peer : network_.peers()) check_output(*peer, application_.answers());
}

void play(std::string_view script) {
  World world;
  while (!script.empty()) {
    const auto is_command = [](char byte) { return (byte & 0x80) != 0; };
    const auto end = std::find_if(script.begin(), script.end(), is_command);
    const auto size = static_cast<std::size_t>(end - script.begin());
    if (size > 0) world.send(script.substr(0, size));
    script.remove_prefix(size);
    if (script.empty()) break;
    const auto byte = static_cast<unsigned char>(script.front());
    script.remove_prefix(1);
    const unsigned operation = byte & 15U;
    const unsigned argument = (byte >> 4U) & 7U;
    if (operation < 13) {
      world.command(operation, argument);
    } else {  // bytes as they are, which may be above 127
      const std::string_view raw = script.substr(0, argument + 1);
      world.send(raw);
      script.remove_prefix(raw.size());
    }
  }
  world.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A look at the counts beforehand: the first run makes their registry.
  (void)fasterapi::base::live_counts();
  play({reinterpret_cast<const char*>(data), size});
  for (const auto& [name, count] : fasterapi::base::live_counts())
    require(count == 0, name.c_str());
  return 0;
}
