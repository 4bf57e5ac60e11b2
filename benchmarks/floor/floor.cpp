// benchmarks/floor/floor.cpp: the least that a server on libuv and llhttp can cost. It accepts,
// reads, is told what llhttp finds, and answers every request with the same bytes. It is a
// yardstick: without limits, timeouts or an application. Single thread; 127.0.0.1 only.
#include <getopt.h>
#include <llhttp.h>
#include <netinet/in.h>
#include <uv.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

namespace {

constexpr int kBacklog = 2048;
constexpr std::uint64_t kSecond = 1000;  // milliseconds
constexpr std::size_t kReadBytes = 65536;
constexpr char kUsage[] = "usage: floor [--port PORT] [--body TEXT] [--type CONTENT-TYPE]\n";
constexpr std::string_view kBadRequest =
    "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
constexpr std::string_view kClose = "connection: close\r\n\r\n";

struct Options {
  int port = 0;  // 0: the kernel chooses
  std::string body = "Hello, world!";
  std::string type = "text/plain";
};

struct Server {
  Options options;
  uv_loop_t* loop = uv_default_loop();
  uv_tcp_t listener{};
  uv_timer_t every_second{};
  std::array<uv_signal_t, 2> stops{};
  llhttp_settings_t settings{};
  std::string head;      // without the empty line that ends it
  std::string response;  // head and body
  std::string out;       // answers to what one read brought
  std::array<char, kReadBytes> input{};
};

// Deleted in its close callback. `unsent` is what the kernel did not take at once; while there is
// some, nothing is read.
struct Connection {
  uv_tcp_t tcp{};
  uv_write_t write{};
  llhttp_t parser{};
  Server* server = nullptr;    // borrowed
  std::size_t told_bytes = 0;  // of targets, field names and values
  std::string unsent;
  bool ends = false;  // once everything is sent
};

uv_handle_t* as_handle(void* handle) { return static_cast<uv_handle_t*>(handle); }
uv_stream_t* as_stream(uv_tcp_t* tcp) { return reinterpret_cast<uv_stream_t*>(tcp); }
Connection& connection_of(llhttp_t* parser) { return *static_cast<Connection*>(parser->data); }

void make_response(Server& server) {
  std::array<char, 32> date;
  const std::time_t now = std::time(nullptr);
  std::strftime(date.data(), date.size(), "%a, %d %b %Y %T GMT", std::gmtime(&now));
  const Options& options = server.options;
  server.head = "HTTP/1.1 200 OK\r\ndate: " + std::string(date.data()) +
                "\r\nserver: uvicorn\r\ncontent-type: " + options.type +
                "\r\ncontent-length: " + std::to_string(options.body.size()) + "\r\n";
  server.response = server.head + "\r\n" + options.body;
}

int on_bytes(llhttp_t* parser, const char*, std::size_t size) {
  connection_of(parser).told_bytes += size;
  return 0;
}

int on_headers_complete(llhttp_t*) { return 0; }

int on_message_complete(llhttp_t* parser) {
  Connection& connection = connection_of(parser);
  const Server& server = *connection.server;
  std::string& out = connection.server->out;
  connection.ends = llhttp_should_keep_alive(parser) == 0 || parser->http_minor == 0;
  const bool has_body = parser->method != HTTP_HEAD;
  if (!connection.ends && has_body) {
    out += server.response;
    return 0;
  }
  out.append(server.head).append(connection.ends ? kClose : "\r\n");
  if (has_body) out += server.options.body;
  return connection.ends ? static_cast<int>(HPE_PAUSED) : 0;  // what follows is not answered
}

void close(Connection* connection) {
  if (uv_is_closing(as_handle(&connection->tcp))) return;
  uv_close(as_handle(&connection->tcp),
           [](uv_handle_t* handle) { delete static_cast<Connection*>(handle->data); });
}

void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer);

void start_reading(Connection* connection) {
  const auto lend = [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
    auto& input = static_cast<Connection*>(handle->data)->server->input;
    *buffer = uv_buf_init(input.data(), input.size());
  };
  uv_read_start(as_stream(&connection->tcp), lend, on_read);
}

void on_written(uv_write_t* write, int status) {
  auto* connection = static_cast<Connection*>(write->data);
  connection->unsent.clear();
  if (status < 0 || connection->ends) return close(connection);
  start_reading(connection);
}

// Sends what is in `out`; what the kernel does not take is kept until it does.
void flush(Connection* connection) {
  std::string& out = connection->server->out;
  const uv_buf_t all = uv_buf_init(out.data(), static_cast<unsigned>(out.size()));
  int sent = out.empty() ? 0 : uv_try_write(as_stream(&connection->tcp), &all, 1);
  if (sent == UV_EAGAIN) sent = 0;
  if (sent < 0) {
    connection->ends = true;
  } else if (static_cast<std::size_t>(sent) < out.size()) {
    std::string& unsent = connection->unsent;
    unsent.assign(out, static_cast<std::size_t>(sent));
    const uv_buf_t rest = uv_buf_init(unsent.data(), static_cast<unsigned>(unsent.size()));
    uv_read_stop(as_stream(&connection->tcp));
    uv_write(&connection->write, as_stream(&connection->tcp), &rest, 1, on_written);
  }
  out.clear();
  if (connection->ends && connection->unsent.empty()) close(connection);
}

void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
  auto* connection = static_cast<Connection*>(stream->data);
  if (size < 0) return close(connection);
  const auto error =
      llhttp_execute(&connection->parser, buffer->base, static_cast<std::size_t>(size));
  if (error != HPE_OK && !connection->ends) {
    connection->ends = true;
    connection->server->out += kBadRequest;
  }
  flush(connection);
}

void on_connection(uv_stream_t* listener, int status) {
  if (status < 0) return;
  auto* server = static_cast<Server*>(listener->data);
  auto* connection = new Connection;
  connection->server = server;
  connection->tcp.data = connection->write.data = connection;
  llhttp_init(&connection->parser, HTTP_REQUEST, &server->settings);
  connection->parser.data = connection;
  uv_tcp_init(server->loop, &connection->tcp);
  if (uv_accept(listener, as_stream(&connection->tcp)) != 0) return close(connection);
  uv_tcp_nodelay(&connection->tcp, 1);
  start_reading(connection);
}

int listen(Server& server) {
  sockaddr_in address{};
  uv_ip4_addr("127.0.0.1", server.options.port, &address);
  uv_tcp_init(server.loop, &server.listener);
  server.listener.data = &server;
  const auto* wanted = reinterpret_cast<const sockaddr*>(&address);
  if (const int error = uv_tcp_bind(&server.listener, wanted, 0); error != 0) return error;
  const int error = uv_listen(as_stream(&server.listener), kBacklog, on_connection);
  int size = sizeof address;
  uv_tcp_getsockname(&server.listener, reinterpret_cast<sockaddr*>(&address), &size);
  if (error == 0) {
    std::fprintf(stderr, "floor: running on http://127.0.0.1:%d\n", ntohs(address.sin_port));
  }
  return error;
}

// A new date each second; an end at SIGINT and SIGTERM, which is what a profiler waits for.
void start_helpers(Server& server) {
  make_response(server);
  uv_timer_init(server.loop, &server.every_second);
  server.every_second.data = &server;
  const auto renew = [](uv_timer_t* timer) { make_response(*static_cast<Server*>(timer->data)); };
  uv_timer_start(&server.every_second, renew, kSecond, kSecond);
  const auto stop = [](uv_signal_t* signal, int) { uv_stop(signal->loop); };
  uv_signal_init(server.loop, &server.stops[0]);
  uv_signal_init(server.loop, &server.stops[1]);
  uv_signal_start(&server.stops[0], stop, SIGINT);
  uv_signal_start(&server.stops[1], stop, SIGTERM);
  llhttp_settings_init(&server.settings);
  server.settings.on_url = server.settings.on_header_field = server.settings.on_header_value =
      on_bytes;
  server.settings.on_headers_complete = on_headers_complete;
  server.settings.on_message_complete = on_message_complete;
}

Options parse_options(int argc, char** argv) {
  static const option kLong[] = {{"port", required_argument, nullptr, 'p'},
                                 {"body", required_argument, nullptr, 'b'},
                                 {"type", required_argument, nullptr, 't'},
                                 {nullptr, 0, nullptr, 0}};
  Options options;
  for (int found; (found = getopt_long(argc, argv, "", kLong, nullptr)) != -1;) {
    if (found == 'p') options.port = std::atoi(optarg);
    if (found == 'b') options.body = optarg;
    if (found == 't') options.type = optarg;
    if (found == '?') std::exit((std::fputs(kUsage, stderr), 2));
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  Server server;
  server.options = parse_options(argc, argv);
  start_helpers(server);
  if (const int error = listen(server); error != 0) {
    std::fprintf(stderr, "floor: %s\n", uv_strerror(error));
    return 1;
  }
  uv_run(server.loop, UV_RUN_DEFAULT);
  return 0;
}
