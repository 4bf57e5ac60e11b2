// server/metrics.cpp: see metrics.hpp.
#include "server/metrics.hpp"

#include <algorithm>

namespace fasterapi::server {
namespace {

// Seconds, without the zeros at the end.
std::string seconds_of(std::uint64_t ns) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  std::string text = std::to_string(kSecond + ns % kSecond).replace(0, 1, ".");
  text.erase(text.find_last_not_of('0') + 1);
  if (text == ".") text.clear();
  return std::to_string(ns / kSecond) + text;
}

void write_head(std::string& out, base::ByteView name, base::ByteView type, base::ByteView help) {
  out.append("# HELP ").append(name).append(" ").append(help);
  out.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void write_sample(std::string& out, base::ByteView name, base::ByteView labels,
                  base::ByteView value) {
  out.append(name).append("{").append(labels).append("} ").append(value).append("\n");
}

}  // namespace

void Histogram::observe(std::uint64_t ns) noexcept {
  const auto* bucket = std::lower_bound(kBoundsNs.begin(), kBoundsNs.end(), ns);
  ++counts_[static_cast<std::size_t>(bucket - kBoundsNs.begin())];
  sum_ns_ += ns;
}

void Histogram::write(std::string& out, base::ByteView name, base::ByteView labels) const {
  const std::string series(name);
  std::uint64_t count = 0;
  for (std::size_t index = 0; index < counts_.size(); ++index) {
    count += counts_[index];
    const std::string bound = index < kBoundsNs.size() ? seconds_of(kBoundsNs[index]) : "+Inf";
    write_sample(out, series + "_bucket", std::string(labels) + ",le=\"" + bound + "\"",
                 std::to_string(count));
  }
  write_sample(out, series + "_sum", labels, seconds_of(sum_ns_));
  write_sample(out, series + "_count", labels, std::to_string(count));
}

void Metrics::response(int status) noexcept {
  const auto index = static_cast<std::size_t>(status - kFirstStatus);
  if (index < responses_.size()) ++responses_[index];
}

void Metrics::write_responses(std::string& out) const {
  constexpr base::ByteView kName = "fasterapi_requests_total";
  write_head(out, kName, "counter", "Requests answered, by status.");
  for (std::size_t index = 0; index < responses_.size(); ++index) {
    if (responses_[index] == 0) continue;
    const std::string status = std::to_string(index + kFirstStatus);
    write_sample(out, kName, worker_ + ",status=\"" + status + "\"",
                 std::to_string(responses_[index]));
  }
}

void Metrics::write_cache(std::string& out, const CacheCounts& counts) const {
  const auto one = [&](base::ByteView name, base::ByteView type, base::ByteView help,
                       std::uint64_t value) {
    write_head(out, name, type, help);
    write_sample(out, name, worker_, std::to_string(value));
  };
  constexpr base::ByteView kName = "fasterapi_cache_requests_total";
  write_head(out, kName, "counter", "Requests at paths of the cache, by result.");
  const auto result = [&](base::ByteView name, std::uint64_t value) {
    write_sample(out, kName, std::string(worker_).append(",result=\"").append(name).append("\""),
                 std::to_string(value));
  };
  result("hit", counts.hits);
  result("stale", counts.stale);
  result("wait", counts.waited);
  result("pass", counts.passed);
  one("fasterapi_cache_fills_total", "counter", "Responses made for the cache.", counts.fills);
  one("fasterapi_cache_refused_total", "counter", "Of them those that were not stored.",
      counts.refused);
  one("fasterapi_cache_entries", "gauge", "Responses in the cache.", counts.entries);
  one("fasterapi_cache_bytes", "gauge", "Memory of the cache.", counts.bytes);
}

void Metrics::write(std::string& out, const Now& now) const {
  const auto number = [&](base::ByteView name, base::ByteView type, base::ByteView help,
                          std::uint64_t value) {
    write_head(out, name, type, help);
    write_sample(out, name, worker_, std::to_string(value));
  };
  const auto histogram = [&](base::ByteView name, base::ByteView help, const Histogram& values) {
    write_head(out, name, "histogram", help);
    values.write(out, name, worker_);
  };
  write_responses(out);
  number("fasterapi_requests_aborted_total", "counter", "Requests without a whole response.",
         aborted_);
  number("fasterapi_requests_in_flight", "gauge", "Requests whose response is not complete.",
         now.requests_in_flight);
  histogram("fasterapi_request_duration_seconds",
            "From the end of a request's head to the end of its response.", durations_);
  histogram("fasterapi_queue_delay_seconds",
            "From the end of a request's head to the application's start.", delays_);
  histogram("fasterapi_loop_lag_seconds", "What the loop's turns take besides polling.", lags_);
  number("fasterapi_connections", "gauge", "Open connections.", now.connections);
  number("fasterapi_connections_total", "counter", "Connections accepted.", connections_);
  number("fasterapi_received_bytes_total", "counter", "Bytes received.",
         received_bytes_ + now.received_bytes);
  number("fasterapi_sent_bytes_total", "counter", "Bytes that the kernel has taken.",
         sent_bytes_ + now.sent_bytes);
  if (now.cache) write_cache(out, *now.cache);
}

}  // namespace fasterapi::server
