// tests/cpp/loop/listener_test.cpp: loop/listener.hpp.
#include "loop/listener.hpp"

#include <catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <new>
#include <string>
#include <vector>

#include "../support/all_descriptors.hpp"
#include "../support/running_loop.hpp"
#include "../support/sockets.hpp"
#include "loop/tcp_stream.hpp"

using namespace fasterapi::support;
using fasterapi::loop::AcceptedSocket;
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

void no_shortage(UvError error) { FAIL("no connection could be accepted: " << error.name()); }

}  // namespace

TEST_CASE("a listener hands over each connection with its peer's address", "[loop][listener]") {
  RunningLoop loop;
  NoUser user;
  std::vector<std::unique_ptr<TcpStream>> streams;
  std::vector<int> ports;
  Listener listener(
      [&](AcceptedSocket accepted) {
        ports.push_back(to_text(accepted.peer()).port);
        streams.push_back(std::make_unique<TcpStream>(*loop.operator->(), user));
        REQUIRE(streams.back()->open(std::move(accepted)).ok());
      },
      no_shortage);
  const Socket socket = bound_tcp_socket();
  REQUIRE(listener.listen(loop, socket.fd(), 64).ok());
  std::vector<Client> clients;
  for (int count = 0; count < 40; ++count) clients.emplace_back(socket);
  loop.run_until([&] { return streams.size() == clients.size(); });
  for (std::size_t index = 0; index < clients.size(); ++index)
    CHECK(ports[index] == clients[index].port());
}

TEST_CASE("a storm of connections takes few turns, one of them never all", "[loop][listener]") {
  RunningLoop loop;
  std::size_t accepted = 0;
  Listener listener([&](const AcceptedSocket&) { ++accepted; }, no_shortage);
  const Socket socket = bound_tcp_socket();
  REQUIRE(listener.listen(loop, socket.fd(), 128).ok());
  std::vector<Client> clients;
  for (int count = 0; count < 100; ++count) clients.emplace_back(socket);
  int turns = 0;
  while (accepted < clients.size()) {
    const std::size_t before = accepted;
    loop.turn();
    ++turns;
    CHECK(accepted - before <= 16);
    REQUIRE(turns < 100);
  }
  CHECK(turns <= 12);
}

TEST_CASE("what nobody takes is closed", "[loop][listener]") {
  RunningLoop loop;
  Listener listener([](const AcceptedSocket&) {}, no_shortage);
  const Socket socket = bound_tcp_socket();
  REQUIRE(listener.listen(loop, socket.fd(), 16).ok());
  Client client(socket);
  loop.run_until([&] {
    client.receive();
    return client.at_end();
  });
}

TEST_CASE("a paused listener lets connections wait", "[loop][listener]") {
  RunningLoop loop;
  int connections = 0;
  Listener* self = nullptr;
  Listener listener(
      [&](const AcceptedSocket&) {
        if (++connections == 2) self->pause();
      },
      no_shortage);
  self = &listener;
  const Socket socket = bound_tcp_socket();
  REQUIRE(listener.listen(loop, socket.fd(), 16).ok());
  const Client first(socket), second(socket), third(socket);
  loop.run_until([&] { return connections == 2; });
  for (int count = 0; count < 5; ++count) loop.turn();
  CHECK(connections == 2);
  listener.resume();
  loop.run_until([&] { return connections == 3; });
}

TEST_CASE("without descriptors a listener refuses, rests and recovers", "[loop][listener]") {
  RunningLoop loop;
  int connections = 0;
  std::vector<std::string> shortages;
  Listener listener([&](const AcceptedSocket&) { ++connections; },
                    [&](UvError error) { shortages.emplace_back(error.name()); });
  const Socket socket = bound_tcp_socket();
  REQUIRE(listener.listen(loop, socket.fd(), 16).ok());
  {
    Client client(socket);
    const AllDescriptors taken;
    loop.run_until([&] {
      client.receive();
      return client.at_end();
    });
    for (int count = 0; count < 5; ++count) loop.turn();
  }  // UndefinedBehaviorSanitizer needs descriptors to look at what is checked
  CHECK(shortages == std::vector<std::string>{"EMFILE", "EMFILE"});  // a rest between them
  CHECK(connections == 0);
  const Client next(socket);
  loop.run_until([&] { return connections == 1; });
}

TEST_CASE("a shortage that is over soon costs nobody a connection", "[loop][listener]") {
  RunningLoop loop;
  int connections = 0;
  int shortages = 0;
  Listener listener([&](const AcceptedSocket&) { ++connections; }, [&](UvError) { ++shortages; });
  const Socket socket = bound_tcp_socket();
  REQUIRE(listener.listen(loop, socket.fd(), 16).ok());
  const Client client(socket);
  {
    const AllDescriptors taken;
    loop.run_until([&] { return shortages == 1; });
  }
  loop.run_until([&] { return connections == 1; });
}

TEST_CASE("a listener without memory for a connection closes it and goes on", "[loop][listener]") {
  RunningLoop loop;
  int calls = 0;
  std::vector<std::string> shortages;
  Listener listener(
      [&](const AcceptedSocket&) {
        if (++calls == 1) throw std::bad_alloc();
      },
      [&](UvError error) { shortages.emplace_back(error.name()); });
  const Socket socket = bound_tcp_socket();
  REQUIRE(listener.listen(loop, socket.fd(), 16).ok());
  const Client first(socket), second(socket);
  loop.run_until([&] { return calls == 2; });
  CHECK(shortages == std::vector<std::string>{"ENOMEM"});
}

TEST_CASE("a listener works on a duplicate of the fd it was given", "[loop][listener]") {
  RunningLoop loop;
  int connections = 0;
  Listener listener([&](const AcceptedSocket&) { ++connections; }, no_shortage);
  Socket socket = bound_tcp_socket();
  REQUIRE(listener.listen(loop, socket.fd(), 16).ok());
  CHECK(fcntl(socket.fd(), F_GETFD) != -1);
  const Client client(socket);
  socket.close();
  loop.run_until([&] { return connections == 1; });
}

TEST_CASE("a closed listener refuses connections, its fd lives on", "[loop][listener]") {
  RunningLoop loop;
  Listener listener([](const AcceptedSocket&) {}, no_shortage);
  const Socket socket = bound_tcp_socket();
  REQUIRE(listener.listen(loop, socket.fd(), 16).ok());
  listener.close();
  loop.turn();
  Listener second([](const AcceptedSocket&) {}, no_shortage);
  CHECK(second.listen(loop, socket.fd(), 16).ok());
  second.close();
}

TEST_CASE("what is no listening socket is an error and leaves nothing open", "[loop][listener]") {
  RunningLoop loop;
  Listener listener([](const AcceptedSocket&) {}, no_shortage);
  CHECK(listener.listen(loop, -1, 16).code() == UV_EBADF);
  const Socket null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK(listener.listen(loop, null.fd(), 16).code() == UV_ENOTSOCK);
  const Socket next(dup(null.fd()));
  const Socket datagram(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  CHECK_FALSE(listener.listen(loop, datagram.fd(), 16).ok());
  loop.turn();
  CHECK(Socket(dup(null.fd())).fd() == datagram.fd() + 1);
}
