// benchmarks/load/options.cpp
// Reads the command line, refuses targets that are not loopback, and builds the request bytes.
#include "options.hpp"

#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string_view>

namespace load {
namespace {

constexpr char kUsage[] =
    "usage: load --port PORT [options]\n"
    "  --host ADDRESS      127.0.0.0/8 or ::1, nothing else (127.0.0.1)\n"
    "  --path PATH         request target (/)\n"
    "  --method METHOD     GET or POST (GET, or POST with --body)\n"
    "  --body BYTES        size of the request body (0)\n"
    "  --header 'K: V'     one more request field; may be repeated\n"
    "  --connections N     keep-alive connections (1)\n"
    "  --pipeline P        requests sent together on each connection (1)\n"
    "  --warmup S          seconds of load that are not reported (0.5)\n"
    "  --seconds S         length of the measurement (2)\n"
    "  --requests R        exactly R requests instead of --seconds\n"
    "  --rate R            open loop: R scheduled arrivals per second\n"
    "  --drain S           wait for outstanding answers at the end (10)\n"
    "  --gate              after the warm-up print \"ready\" and wait for a line on stdin before\n"
    "                      measuring, and for another before closing the connections\n";

/// What a browser or an API client sends beside Host; six fields in all.
constexpr char kFields[] =
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) load/1\r\n"
    "Accept: application/json,text/html;q=0.9,*/*;q=0.8\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Accept-Language: en-GB,en;q=0.5\r\n"
    "Connection: keep-alive\r\n";

[[noreturn]] void refuse(const std::string& reason) {
  std::fprintf(stderr, "load: %s\n%s", reason.c_str(), kUsage);
  std::exit(2);
}

double number(const char* name, const char* text, double least, double most) {
  char* end = nullptr;
  errno = 0;
  const double value = std::strtod(text, &end);
  if (errno != 0 || end == text || *end != '\0' || !(value >= least && value <= most)) {
    refuse(std::string("--") + name + " " + text + ": not a number in range");
  }
  return value;
}

Target loopback(const std::string& host, std::uint16_t port) {
  Target target;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&target.address);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&target.address);
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    if (ntohl(v4->sin_addr.s_addr) >> 24 != 127) refuse(host + " is not a loopback address");
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    target.length = sizeof *v4;
    target.host_field = host + ":" + std::to_string(port);
    return target;
  }
  if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1 &&
      IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr)) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    target.length = sizeof *v6;
    target.host_field = "[" + host + "]:" + std::to_string(port);
    return target;
  }
  refuse(host + " is not a loopback address");
}

/// The part of the command line that ends up in the request or the address.
struct RequestLine {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string path = "/";
  std::string method;
  std::string fields;
  std::size_t body_bytes = 0;
};

std::string build_request(const RequestLine& line, const std::string& host_field) {
  const std::string method = !line.method.empty()  ? line.method
                             : line.body_bytes > 0 ? "POST"
                                                   : "GET";
  if (method != "GET" && method != "POST") refuse("--method " + method + ": GET or POST");
  if (method == "GET" && line.body_bytes > 0) refuse("--body needs POST");
  std::string request = method + " " + line.path + " HTTP/1.1\r\nHost: " + host_field + "\r\n";
  request += kFields;
  request += line.fields;
  if (method == "POST") {
    request += "Content-Type: application/octet-stream\r\n";
    request += "Content-Length: " + std::to_string(line.body_bytes) + "\r\n";
  }
  request += "\r\n";
  for (std::size_t i = 0; i < line.body_bytes; ++i) {
    request += static_cast<char>('a' + i % 26);
  }
  return request;
}

/// Applies one option; `text` is its argument, null for a flag.
void apply(const std::string& name, const char* text, Options& options, RequestLine& line) {
  const auto in = [&](double least, double most) {
    return number(name.c_str(), text, least, most);
  };
  if (name == "host")
    line.host = text;
  else if (name == "path")
    line.path = text;
  else if (name == "method")
    line.method = text;
  else if (name == "header")
    line.fields += std::string(text) + "\r\n";
  else if (name == "port")
    line.port = static_cast<std::uint16_t>(in(1, 65535));
  else if (name == "body")
    line.body_bytes = static_cast<std::size_t>(in(0, 1 << 30));
  else if (name == "connections")
    options.connections = static_cast<std::uint32_t>(in(1, 60000));
  else if (name == "pipeline")
    options.pipeline = static_cast<std::uint32_t>(in(1, 1024));
  else if (name == "warmup")
    options.warmup_s = in(0, 3600);
  else if (name == "seconds")
    options.seconds = in(0.01, 3600);
  else if (name == "requests")
    options.requests = static_cast<std::uint64_t>(in(1, 1e12));
  else if (name == "rate")
    options.rate = in(0.1, 1e7);
  else if (name == "drain")
    options.drain_s = in(0, 3600);
  else if (name == "gate")
    options.gate = true;
}

}  // namespace

Options parse_options(int argc, char** argv) {
  static const char* const names[] = {"host", "path",        "method",   "header", "port",
                                      "body", "connections", "pipeline", "warmup", "seconds",
                                      "rate", "requests",    "drain",    "gate"};
  option table[std::size(names) + 1] = {};
  for (std::size_t i = 0; i < std::size(names); ++i) {
    const bool is_flag = std::string_view(names[i]) == "gate";
    table[i] = {names[i], is_flag ? no_argument : required_argument, nullptr, 0};
  }
  Options options;
  RequestLine line;
  int index = 0;
  int found = 0;
  while ((found = getopt_long(argc, argv, "", table, &index)) != -1) {
    if (found != 0) refuse("unknown option");
    apply(names[index], optarg, options, line);
  }
  if (optind != argc) refuse(std::string("unexpected argument ") + argv[optind]);
  if (line.port == 0) refuse("--port is required");
  options.target = loopback(line.host, line.port);
  options.request = build_request(line, options.target.host_field);
  return options;
}

}  // namespace load
