// benchmarks/load/main.cpp
// load: HTTP/1.1 load for a server on this machine; one JSON object on stdout.
// Exit status: 0 all requests answered with 2xx, 1 some were not, 2 bad command line.
#include <cinttypes>
#include <cstdio>
#include <memory>

#include "options.hpp"
#include "runner.hpp"

namespace {

void print_latency(const load::Histogram& latency) {
  std::printf(
      "\"latency_us\": {\"mean\": %.1f, \"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f,"
      "\"max\": %.1f}, ",
      latency.mean_us(), latency.quantile_us(0.50), latency.quantile_us(0.90),
      latency.quantile_us(0.99), latency.max_us());
}

/// Waits until whoever started us has read the counters of the server.
void wait_for_line() {
  std::fflush(stdout);
  for (int c = std::getchar(); c != '\n' && c != EOF;) c = std::getchar();
}

/// Prints the measurement; `all_requests` is what the server answered, warm-up and drain included.
void print(const load::Counts& counts, std::uint64_t all_requests, std::uint64_t errors) {
  const double rps = counts.seconds > 0 ? static_cast<double>(counts.answered) / counts.seconds : 0;
  std::printf("{\"requests\": %" PRIu64 ", \"drained\": %" PRIu64 ", \"all_requests\": %" PRIu64
              ", \"seconds\": %.6f, \"rps\": %.1f, ",
              counts.answered, counts.drained, all_requests, counts.seconds, rps);
  print_latency(counts.latency);
  std::printf("\"bytes\": %" PRIu64 ", \"cpu_seconds\": %.6f, \"reconnects\": %" PRIu64 ", ",
              counts.bytes, counts.cpu_seconds, counts.reconnects);
  std::printf("\"errors\": %" PRIu64 ", \"not_2xx\": %" PRIu64 ", \"malformed\": %" PRIu64
              ", \"lost\": %" PRIu64 ", \"unanswered\": %" PRIu64 ", \"refused\": %" PRIu64 "}\n",
              errors, counts.not_2xx, counts.malformed, counts.lost, counts.unanswered,
              counts.refused);
}

std::uint64_t errors_of(const load::Counts& counts) {
  return counts.not_2xx + counts.malformed + counts.lost + counts.unanswered + counts.refused;
}

}  // namespace

int main(int argc, char** argv) {
  const load::Options options = load::parse_options(argc, argv);
  load::Runner runner(options);
  if (!runner.connect()) {
    std::fprintf(stderr, "load: connection refused\n");
    return 1;
  }
  std::uint64_t all_requests = 0;
  std::uint64_t errors = 0;
  if (options.warmup_s > 0) {
    const load::Counts warmup = runner.run_phase(options.warmup_s, 0);
    all_requests += warmup.answered + warmup.drained;
    errors += errors_of(warmup);
  }
  if (options.gate) {
    std::puts("ready");
    wait_for_line();
  }
  const load::Counts counts = runner.run_phase(options.seconds, options.requests);
  all_requests += counts.answered + counts.drained;
  errors += errors_of(counts);
  print(counts, all_requests, errors);
  if (options.gate) wait_for_line();
  return errors == 0 ? 0 : 1;
}
