// tests/fuzz/server_fuzz/network.cpp: see network.hpp.
#include "network.hpp"

#include <algorithm>
#include <cassert>
#include <cstdlib>

namespace fasterapi::fuzz {
namespace {

Network* current_network = nullptr;

constexpr int kFirstFd = 100'000;  // no descriptor of this process: system calls fail on it

}  // namespace

Network::Network() { current_network = this; }
Network::~Network() { current_network = nullptr; }

Network& Network::current() {
  if (!current_network) std::abort();
  return *current_network;
}

Peer& Network::connect() {
  peers_.push_back(std::make_unique<Peer>(kFirstFd + static_cast<int>(peers_.size())));
  waiting_.push_back(peers_.back().get());
  return *peers_.back();
}

std::size_t Network::held_bytes() const {
  std::size_t bytes = 0;
  for (const auto& peer : peers_) {
    bytes += peer->sent.capacity() + peer->received.capacity();
    if (peer->write) bytes += peer->write->left.capacity();
  }
  return bytes;
}

Peer& Network::peer_of(int fd) { return *peers_.at(static_cast<std::size_t>(fd - kFirstFd)); }

Peer* Network::peer_of(const uv_handle_t* handle) {
  for (const auto& peer : peers_) {
    if (peer->stream && reinterpret_cast<const uv_handle_t*>(peer->stream) == handle)
      return peer.get();
  }
  return nullptr;
}

int Network::run() {
  accept_waiting();
  for (std::size_t index = 0; index < peers_.size(); ++index) {
    read_from(*peers_[index]);
    write_to(*peers_[index]);
  }
  close_handles();
  fire_timers();
  return static_cast<int>(handles.size());
}

void Network::accept_waiting() {
  while (!waiting_.empty() && on_connection && !listener_paused) {
    Peer& peer = *waiting_.front();
    waiting_.pop_front();
    loop::PeerAddress address{};
    address.v4.sin_family = AF_INET;
    address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.v4.sin_port = htons(static_cast<std::uint16_t>(peer.fd % 65536));
    on_connection(loop::AcceptedSocket(peer.fd, address, false));
    peer.closed = !peer.stream;  // not taken
  }
}

void Network::read_from(Peer& peer) {
  constexpr int kReadsPerEvent = 32;  // libuv's
  for (int count = 0; count < kReadsPerEvent && peer.stream && peer.read; ++count) {
    if (!peer.reset && peer.sent.empty() && !peer.ended) return;
    uv_buf_t buffer{};
    peer.alloc(reinterpret_cast<uv_handle_t*>(peer.stream), 65536, &buffer);
    if (buffer.len == 0) return peer.read(peer.stream, UV_ENOBUFS, &buffer);
    if (peer.reset) return peer.read(peer.stream, UV_ECONNRESET, &buffer);
    const std::size_t size = std::min({buffer.len, peer.sent.size(), peer.segment});
    if (size == 0) return std::exchange(peer.read, nullptr)(peer.stream, UV_EOF, &buffer);
    peer.sent.copy(buffer.base, size);
    peer.sent.erase(0, size);
    peer.read(peer.stream, static_cast<ssize_t>(size), &buffer);
    if (size < buffer.len) return;
  }
}

void Network::write_to(Peer& peer) {
  if (!peer.stream || !peer.write) return;
  const std::size_t size = std::min(peer.room, peer.write->left.size());
  if (!peer.reset) {
    peer.received.append(peer.write->left, 0, size);
    peer.write->left.erase(0, size);
    if (peer.room != SIZE_MAX) peer.room -= size;
    if (!peer.write->left.empty()) return;
  }
  const Peer::Write done = *std::exchange(peer.write, std::nullopt);
  done.callback(done.request, peer.reset ? UV_ECONNRESET : 0);
}

void Network::close(uv_handle_t* handle, uv_close_cb callback) {
  if (auto* timer = reinterpret_cast<uv_timer_t*>(handle); handle->type == UV_TIMER)
    timers.erase(timer);
  if (Peer* peer = peer_of(handle)) {
    peer->closed = true;
    peer->read = nullptr;
    if (peer->write) peer->cut = true;
  }
  closing_.emplace_back(handle, callback);
}

void Network::close_handles() {
  for (const auto& [handle, callback] : std::exchange(closing_, {})) {
    if (Peer* peer = peer_of(handle)) {
      if (peer->write) {
        const Peer::Write cancelled = *std::exchange(peer->write, std::nullopt);
        cancelled.callback(cancelled.request, UV_ECANCELED);
      }
      peer->stream = nullptr;
    }
    handles.erase(handle);
    callback(handle);
  }
}

void Network::fire_timers() {
  std::vector<uv_timer_t*> due;
  for (const auto& [timer, state] : timers) {
    if (state.due_ms <= now_ms_) due.push_back(timer);
  }
  for (uv_timer_t* timer : due) {
    const auto found = timers.find(timer);
    if (found == timers.end() || found->second.due_ms > now_ms_) continue;
    const uv_timer_cb callback = found->second.callback;
    timers.erase(found);
    callback(timer);
  }
}

}  // namespace fasterapi::fuzz
