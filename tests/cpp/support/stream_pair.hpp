// tests/cpp/support/stream_pair.hpp: an accepted loop::TcpStream, what it told its user, and its
// peer.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "loop/listener.hpp"
#include "loop/tcp_stream.hpp"
#include "running_loop.hpp"
#include "sockets.hpp"

namespace fasterapi::support {

class StreamPair final : public loop::StreamUser {
 public:
  // Small buffers make a peer that does not read stall soon.
  explicit StreamPair(int buffer_bytes = 0) : StreamPair(bound_tcp_socket(), buffer_bytes) {}
  explicit StreamPair(Socket bound, int buffer_bytes = 0) : socket_(std::move(bound)) {
    if (buffer_bytes > 0) socket_.set_buffers(buffer_bytes);
    REQUIRE(listener_.listen(loop, socket_.fd(), 16).ok());
    client = Client(socket_, buffer_bytes);
    loop.run_until([&] { return stream != nullptr; });
    stream->start_reading();
  }
  ~StreamPair() { listener_.close(); }

  // Turns until the peer has received so many bytes.
  void deliver(std::size_t bytes) {
    loop.run_until([&] {
      client.receive();
      return client.text().size() >= bytes;
    });
  }

  RunningLoop loop;

 private:
  void on_bytes(base::ByteView bytes) override {
    received += bytes;
    if (when_received) when_received();
  }
  void on_peer_closed() override {
    peer_closed = true;
    if (when_received) when_received();
  }
  void on_broken(loop::UvError error) override {
    broken = error.name();
    if (when_broken) when_broken();
  }
  void on_drained() override { ++drained; }

  void accept(loop::AcceptedSocket accepted) {
    stream = std::make_unique<loop::TcpStream>(*loop.operator->(), *this);
    REQUIRE(stream->open(std::move(accepted)).ok());
  }

  Socket socket_;
  loop::Listener listener_{[this](loop::AcceptedSocket accepted) { accept(std::move(accepted)); },
                           [](loop::UvError) {}};

 public:
  Client client;
  std::unique_ptr<loop::TcpStream> stream;
  std::string received;
  std::string broken;
  bool peer_closed = false;
  int drained = 0;
  std::function<void()> when_received;
  std::function<void()> when_broken;
};

}  // namespace fasterapi::support
