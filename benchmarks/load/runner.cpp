// benchmarks/load/runner.cpp
// The epoll loop of the load generator, and the accounting of answers and failures.
#include "runner.hpp"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace load {
namespace {

std::uint64_t clock_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto in_seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime);
}

std::uint64_t to_ns(double seconds) { return static_cast<std::uint64_t>(seconds * 1e9); }

}  // namespace

Runner::Runner(const Options& options)
    : options_(options), buffer_(256 * 1024), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  for (std::uint32_t i = 0; i < options.pipeline; ++i) stream_ += options.request;
  connections_.reserve(options.connections);
  for (std::uint32_t i = 0; i < options.connections; ++i) {
    connections_.emplace_back(stream_, options.pipeline);
  }
}

Runner::~Runner() { close(epoll_); }

bool Runner::connect() {
  for (std::size_t i = 0; i < connections_.size(); ++i) to_reopen_.push_back(i);
  reopen_lost();
  counts_.reconnects = 0;
  return counts_.refused == 0;
}

Counts Runner::run_phase(double seconds, std::uint64_t requests) {
  const double cpu_before = cpu_seconds();
  begin(seconds, requests);
  while (!finished()) turn();
  end();
  counts_.cpu_seconds = cpu_seconds() - cpu_before;
  return counts_;
}

void Runner::begin(double seconds, std::uint64_t requests) {
  counts_ = Counts();
  now_ns_ = begin_ns_ = last_answer_ns_ = clock_ns();
  deadline_ns_ = requests > 0 ? kNever : begin_ns_ + to_ns(seconds);
  to_send_ = requests > 0 ? requests : kNever;
  sent_ = 0;
  if (options_.rate > 0) {
    if (requests == 0) to_send_ = static_cast<std::uint64_t>(options_.rate * seconds);
    return;
  }
  for (std::size_t i = 0; i < connections_.size(); ++i) pump(i);
}

void Runner::turn() {
  std::array<epoll_event, 256> events;
  const int ready = epoll_wait(epoll_, events.data(), events.size(), wait_ms());
  now_ns_ = clock_ns();
  for (int i = 0; i < ready; ++i) {
    const auto index = static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64);
    const auto what = events[static_cast<std::size_t>(i)].events;
    if ((what & EPOLLOUT) != 0) after_write(index, connections_[index].flush());
    if ((what & ~EPOLLOUT) != 0 && connections_[index].fd() >= 0) readable(index);
  }
  if (!to_reopen_.empty()) reopen_lost();
  if (options_.rate > 0) assign_arrivals();
}

void Runner::end() {
  const bool fixed_window = options_.rate == 0 && deadline_ns_ != kNever;
  const auto end_ns = fixed_window ? deadline_ns_ : last_answer_ns_;
  counts_.seconds = static_cast<double>(end_ns - begin_ns_) / 1e9;
  counts_.unanswered = outstanding_ + (options_.rate > 0 ? to_send_ : 0);
}

bool Runner::finished() const {
  const bool sending = options_.rate > 0 ? arrivals_left() : to_send_ > 0 && now_ns_ < deadline_ns_;
  if (!sending && outstanding_ == 0) return true;
  if (counts_.refused + counts_.lost + counts_.malformed > kMostFailures) return true;
  const auto patience = to_ns(options_.drain_s);
  if (deadline_ns_ != kNever && now_ns_ > deadline_ns_ + patience) return true;
  return outstanding_ > 0 && now_ns_ > last_answer_ns_ + patience && now_ns_ > begin_ns_ + patience;
}

bool Runner::arrivals_left() const { return to_send_ > 0; }

std::uint64_t Runner::arrival_ns() const {
  return begin_ns_ + to_ns(static_cast<double>(sent_) / options_.rate);
}

int Runner::wait_ms() const {
  std::uint64_t until = now_ns_ + 100'000'000U;
  if (now_ns_ < deadline_ns_) until = std::min(until, deadline_ns_ + 1'000'000U);
  // Rounded down: the last millisecond before an arrival is spun, for the arrival to be on time.
  if (options_.rate > 0 && arrivals_left()) until = std::min(until, arrival_ns());
  return until <= now_ns_ ? 0 : static_cast<int>((until - now_ns_) / 1'000'000U);
}

void Runner::pump(std::size_t index) {
  Connection& connection = connections_[index];
  if (options_.rate > 0 || connection.outstanding() > 0 || now_ns_ >= deadline_ns_) return;
  const auto count =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(options_.pipeline, to_send_));
  if (count == 0 || connection.fd() < 0) return;
  to_send_ -= count;
  sent_ += count;
  outstanding_ += count;
  after_write(index, connection.send(count, clock_ns()));
}

void Runner::assign_arrivals() {
  std::size_t tried = 0;
  while (arrivals_left() && arrival_ns() <= now_ns_ && tried < connections_.size()) {
    const std::size_t index = next_free_;
    next_free_ = (next_free_ + 1) % connections_.size();
    if (!connections_[index].free()) {
      ++tried;
      continue;
    }
    tried = 0;
    const auto scheduled = arrival_ns();
    --to_send_;
    ++sent_;
    ++outstanding_;
    after_write(index, connections_[index].send(1, scheduled));
  }
}

void Runner::readable(std::size_t index) {
  Connection& connection = connections_[index];
  const auto received = recv(connection.fd(), buffer_.data(), buffer_.size(), 0);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (received <= 0) {
    if (received == 0 && connection.parser().finish()) take_answer(connection);
    return lose(index);
  }
  counts_.bytes += static_cast<std::uint64_t>(received);
  std::string_view bytes(buffer_.data(), static_cast<std::size_t>(received));
  while (!bytes.empty()) {
    const auto status = connection.parser().feed(bytes);
    if (status == ResponseParser::Status::NeedData) break;
    if (status == ResponseParser::Status::Malformed || !take_answer(connection)) {
      return lose(index, true);
    }
    if (connection.parser().close()) return lose(index);
  }
  pump(index);
}

bool Runner::take_answer(Connection& connection) {
  if (connection.outstanding() == 0) return false;
  const auto started = connection.complete();
  --outstanding_;
  last_answer_ns_ = now_ns_;
  const int status = connection.parser().status();
  if (status < 200 || status > 299) ++counts_.not_2xx;
  if (options_.rate == 0 && now_ns_ > deadline_ns_) {
    ++counts_.drained;
    return true;
  }
  ++counts_.answered;
  counts_.latency.record(now_ns_ > started ? now_ns_ - started : 0);
  return true;
}

void Runner::after_write(std::size_t index, bool alive) {
  Connection& connection = connections_[index];
  if (!alive) return lose(index);
  if (connection.blocked() == connection.waits_for_writable) return;
  connection.waits_for_writable = connection.blocked();
  epoll_event event{};
  event.events = EPOLLIN | (connection.blocked() ? EPOLLOUT : 0U);
  event.data.u64 = index;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd(), &event);
}

void Runner::lose(std::size_t index, bool malformed) {
  Connection& connection = connections_[index];
  if (malformed) ++counts_.malformed;
  counts_.lost += connection.outstanding();
  outstanding_ -= connection.outstanding();
  connection.close();
  to_reopen_.push_back(index);
}

void Runner::reopen_lost() {
  const auto lost = std::exchange(to_reopen_, {});
  for (const auto index : lost) {
    Connection& connection = connections_[index];
    if (!connection.open(options_.target)) {
      ++counts_.refused;
      if (counts_.refused < kMostFailures) to_reopen_.push_back(index);
      continue;
    }
    ++counts_.reconnects;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd(), &event);
    pump(index);
  }
}

}  // namespace load
