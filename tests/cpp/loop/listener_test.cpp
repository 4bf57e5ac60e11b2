// tests/cpp/loop/listener_test.cpp: loop/listener.hpp.
#include "loop/listener.hpp"

#include <catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "../support/running_loop.hpp"
#include "../support/sockets.hpp"

using namespace fasterapi::support;
using fasterapi::loop::Listener;
using fasterapi::loop::TcpStream;
using fasterapi::loop::UvError;

namespace {

struct NoUser final : fasterapi::loop::StreamUser {
  void on_bytes(fasterapi::base::ByteView) override {}
  void on_peer_closed() override {}
  void on_broken(UvError) override {}
  void on_drained() override {}
};

}  // namespace

TEST_CASE("a listener tells of each connection", "[loop][listener]") {
  RunningLoop loop;
  NoUser user;
  std::vector<std::unique_ptr<TcpStream>> streams;
  Listener listener([&](uv_stream_t* ready) {
    streams.push_back(std::make_unique<TcpStream>(*loop.operator->(), user));
    REQUIRE(streams.back()->accept(ready).ok());
  });
  const Socket socket = bound_tcp_socket();
  REQUIRE(listener.listen(loop, socket.fd(), 16).ok());
  const Client first(socket);
  const Client second(socket);
  loop.run_until([&] { return streams.size() == 2; });
  listener.close();
}

TEST_CASE("a listener works on a duplicate of the fd it was given", "[loop][listener]") {
  RunningLoop loop;
  int connections = 0;
  Listener listener([&](uv_stream_t*) { ++connections; });
  Socket socket = bound_tcp_socket();
  REQUIRE(listener.listen(loop, socket.fd(), 16).ok());
  CHECK(fcntl(socket.fd(), F_GETFD) != -1);
  const Client client(socket);
  socket.close();
  loop.run_until([&] { return connections == 1; });
  listener.close();
}

TEST_CASE("a closed listener refuses connections, its fd lives on", "[loop][listener]") {
  RunningLoop loop;
  Listener listener([](uv_stream_t*) {});
  const Socket socket = bound_tcp_socket();
  REQUIRE(listener.listen(loop, socket.fd(), 16).ok());
  listener.close();
  loop.turn();
  Listener second([](uv_stream_t*) {});
  CHECK(second.listen(loop, socket.fd(), 16).ok());
  second.close();
}

TEST_CASE("what is no listening socket is an error and leaves nothing open", "[loop][listener]") {
  RunningLoop loop;
  Listener listener([](uv_stream_t*) {});
  CHECK(listener.listen(loop, -1, 16).code() == UV_EBADF);
  const Socket null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK(listener.listen(loop, null.fd(), 16).code() == UV_ENOTSOCK);
  const Socket next(dup(null.fd()));
  const Socket datagram(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  CHECK_FALSE(listener.listen(loop, datagram.fd(), 16).ok());
  loop.turn();
  CHECK(Socket(dup(null.fd())).fd() == datagram.fd() + 1);
}
