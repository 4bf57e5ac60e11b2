// tests/cpp/server/response_cache_test.cpp: server/response_cache.hpp on a running server, with a
// filler that the test answers by hand.
#include "server/response_cache.hpp"

#include <catch.hpp>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "../support/running_server.hpp"
#include "base/clock.hpp"

using namespace fasterapi;
using namespace fasterapi::support;
using server::ResponseCache;

namespace {

struct FakeFiller final : server::CacheFiller {
  struct Order {
    std::uint64_t id;
    std::string target, scheme, host, fields;
  };
  std::vector<Order> orders;
  std::vector<std::string> asked_peers;
  bool trusts = false;

  void fill(std::uint64_t id, const cache::KeyParts& parts) override {
    Order order{
        id, std::string(parts.path), std::string(parts.scheme), std::string(parts.host), {}};
    if (!parts.query.empty()) order.target.append("?").append(parts.query);
    for (const auto& [name, value] : parts.fields)
      order.fields.append(name).append("=").append(value).append(";");
    orders.push_back(std::move(order));
  }
  bool is_trusted(const base::Address& peer) override {
    asked_peers.push_back(peer.host);
    return trusts;
  }
};

struct CachedServer : RunningServer {
  explicit CachedServer(server::CacheOptions options = {})
      : cache(loop, options, server.options().status_lines, filler) {
    RunningServer::application.refuses = true;  // it is asked first
    server.add_cache(cache);
    server.add_application(application);
    cache.declare("/c", {});
    application.handler = [](FakeRequest& request) { request.reply("app " + request.target); };
  }
  ~CachedServer() {
    server.close();
    cache.close();
  }

  FakeFiller::Order& order(std::size_t number) {
    loop.run_until([&] { return filler.orders.size() >= number; });
    return filler.orders[number - 1];
  }
  std::optional<cache::Refusal> bring(
      std::size_t number, std::string_view body,
      std::vector<std::pair<base::ByteView, base::ByteView>> fields = {}, int status = 200) {
    return cache.complete(order(number).id, {status, std::move(fields), body, "\"t\""});
  }
  // A request that is answered by what is brought.
  void fill(Client& client, std::string_view body) {
    client.send(get("/c"));
    REQUIRE_FALSE(bring(filler.orders.size() + 1, body));
    expect(client, stored(body));
  }

  static std::string stored(std::string_view body, std::string_view fields = {}, int age = 0) {
    return "HTTP/1.1 200 OK\r\n" + std::string(fields) +
           "etag: \"t\"\r\ncontent-length: " + std::to_string(body.size()) +
           "\r\nage: " + std::to_string(age) + "\r\n\r\n" + std::string(body);
  }

  FakeRequest& request(std::size_t number) {
    loop.run_until([&] { return application.requests.size() >= number; });
    return *application.requests[number - 1];
  }

  FakeApplication application;  // behind the cache
  FakeFiller filler;
  ResponseCache cache;
};

std::string get_with(std::string_view fields, std::string_view target = "/c") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

}  // namespace

TEST_CASE("a response is made once and sent to all who ask", "[server][cache]") {
  CachedServer running;
  Client first = running.connect();
  Client second = running.connect();
  first.send(get("/c"));
  second.send(get("/c"));
  running.order(1);
  CHECK_FALSE(running.bring(1, "made"));
  running.expect(first, CachedServer::stored("made"));
  running.expect(second, CachedServer::stored("made"));
  first.send(get("/c") + get("/c"));
  running.expect(first, CachedServer::stored("made") + CachedServer::stored("made"));
  CHECK(running.filler.orders.size() == 1);
  CHECK(running.application.requests.empty());
  CHECK(running.cache.counts().hits == 2);
  CHECK(running.cache.counts().waited == 2);
}

TEST_CASE("the request of a fill has nothing but the key", "[server][cache]") {
  CachedServer running;
  cache::Rule rule;
  rule.vary = {"x-a"};
  rule.query = {"q"};
  running.cache.declare("/c", rule);
  Client client = running.connect();
  client.send(get_with("X-Evil: 1\r\nX-A: 2\r\nUser-Agent: evil\r\n", "/c?q=3"));
  const FakeFiller::Order& order = running.order(1);
  CHECK(order.target == "/c?q=3");
  CHECK(order.scheme == "http");
  CHECK(order.host == "a");
  CHECK(order.fields == "x-a=2;");
}

TEST_CASE("what is not declared is the application's", "[server][cache]") {
  CachedServer running;
  Client client = running.connect();
  for (const char* target : {"/", "/c/", "/C", "/%63", "/c?", "/c?a"}) {
    CAPTURE(target);
    client.send(get_with("", target));
    running.expect(client, response(std::string("app ") + target));
  }
  CHECK(running.filler.orders.empty());
}

TEST_CASE("a method that is not safe goes to the application and empties the path",
          "[server][cache]") {
  CachedServer running;
  Client client = running.connect();
  running.fill(client, "old");
  client.send("DELETE /c HTTP/1.1\r\nHost: a\r\n\r\n");
  running.expect(client, response("app /c"));
  running.fill(client, "new");
}

TEST_CASE("a method that was refused empties nothing", "[server][cache]") {
  CachedServer running;
  Client client = running.connect();
  running.fill(client, "old");
  running.application.handler = [](FakeRequest& request) { request.reply("no", 405); };
  client.send("DELETE /c HTTP/1.1\r\nHost: a\r\n\r\nOPTIONS /c HTTP/1.1\r\nHost: a\r\n\r\n");
  client.send(get("/c"));
  running.loop.run_until([&] {
    client.receive();
    return client.text().ends_with("old");
  });
  CHECK(running.filler.orders.size() == 1);
}

TEST_CASE("a response that was cut off empties the path", "[server][cache]") {
  CachedServer running;
  Client client = running.connect();
  running.fill(client, "old");
  running.application.handler = nullptr;
  {
    Client changing = running.connect();
    changing.send("PUT /c HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    running.request(1);
    changing.abort();
  }
  running.loop.run_until([&] { return running.server.connection_count() == 1; });
  running.fill(client, "new");
}

TEST_CASE("those that wait go to the application when nothing can be stored", "[server][cache]") {
  CachedServer running;
  Client first = running.connect();
  Client second = running.connect();
  first.send(get("/c"));
  second.send("HEAD /c HTTP/1.1\r\nHost: a\r\n\r\n");
  running.order(1);
  SECTION("refused") {
    CHECK(running.bring(1, "x", {{"set-cookie", "a=b"}}) == cache::Refusal::SetCookie);
  }
  SECTION("failed") { running.cache.fail(running.order(1).id); }
  running.expect(first, response("app /c"));
  running.expect(second, "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n");
  first.send(get("/c"));
  running.expect(first, response("app /c"));
  CHECK(running.filler.orders.size() == 1);  // for some time it is not tried again
  CHECK(running.cache.counts().refused == 1);
  first.send("GET /c HTTP/1.1\r\nHost: other\r\n\r\n");
  CHECK(running.order(2).host == "other");  // the note is of one key
}

TEST_CASE("who waits may leave", "[server][cache]") {
  CachedServer running;
  {
    Client leaving = running.connect();
    leaving.send(get("/c"));
    running.order(1);
    CHECK(running.cache.running() == 1);
    leaving.abort();
  }
  running.expect_no_connection();
  CHECK(running.cache.running() == 0);
  CHECK_FALSE(running.bring(1, "made"));
  Client client = running.connect();
  client.send(get("/c"));
  running.expect(client, CachedServer::stored("made"));
}

TEST_CASE("conditions are answered from the entry", "[server][cache]") {
  CachedServer running;
  Client client = running.connect();
  running.fill(client, "made");
  client.send(get_with("If-None-Match: \"t\"\r\n"));
  running.expect(client, "HTTP/1.1 304 \r\netag: \"t\"\r\nage: 0\r\n\r\n");
  client.send(get_with("If-None-Match: \"u\"\r\n"));
  running.expect(client, CachedServer::stored("made"));
  client.send("HEAD /c HTTP/1.1\r\nHost: a\r\n\r\n");
  running.expect(client, "HTTP/1.1 200 OK\r\netag: \"t\"\r\ncontent-length: 4\r\nage: 0\r\n\r\n");
}

TEST_CASE("a response on HTTP/1.0 closes", "[server][cache]") {
  CachedServer running;
  Client client = running.connect();
  running.fill(client, "made");
  client.send("GET /c HTTP/1.0\r\nHost: a\r\n\r\n");
  running.expect(client,
                 "HTTP/1.1 200 OK\r\netag: \"t\"\r\ncontent-length: 4\r\nage: 0\r\n"
                 "connection: close\r\n\r\nmade");
  running.expect_close(client);
}

TEST_CASE("what is invalidated is made anew", "[server][cache]") {
  CachedServer running;
  Client client = running.connect();
  running.fill(client, "one");
  SECTION("its path") { running.cache.invalidate("/c"); }
  SECTION("everything") { running.cache.invalidate(std::nullopt); }
  SECTION("by another thread") {
    std::thread([&] { running.cache.invalidate("/c"); }).join();
  }
  running.fill(client, "two");
  running.cache.invalidate("/other");
  client.send(get("/c"));
  running.expect(client, CachedServer::stored("two"));
}

TEST_CASE("what is being made when it is invalidated is not stored", "[server][cache]") {
  CachedServer running;
  Client client = running.connect();
  client.send(get("/c"));
  running.order(1);
  running.cache.invalidate("/c");
  CHECK_FALSE(running.bring(1, "old"));
  running.expect(client, response("app /c"));
  running.fill(client, "new");
}

TEST_CASE("an entry that is stale is sent while one fill makes it anew", "[server][cache]") {
  CachedServer running;
  cache::Rule rule;
  rule.fresh_ms = 0;
  rule.stale_ms = 60'000;
  running.cache.declare("/c", rule);
  Client client = running.connect();
  client.send(get("/c"));
  CHECK_FALSE(running.bring(1, "old"));  // is stale at once
  running.expect(client, CachedServer::stored("old"));
  client.send(get("/c") + get("/c"));
  running.expect(client, CachedServer::stored("old") + CachedServer::stored("old"));
  CHECK_FALSE(running.bring(2, "new"));
  CHECK(running.filler.orders.size() == 2);
  client.send(get("/c"));
  running.expect(client, CachedServer::stored("new"));
}

TEST_CASE("an entry holds for its time", "[server][cache]") {
  CachedServer running;
  cache::Rule rule;
  rule.fresh_ms = 30;
  running.cache.declare("/c", rule);
  Client client = running.connect();
  running.fill(client, "old");
  const std::uint64_t until = base::monotonic_ms() + 60;
  running.loop.run_until([&] { return base::monotonic_ms() > until; });
  running.fill(client, "new");
}

TEST_CASE("what Vary names joins the key of all that follows", "[server][cache]") {
  CachedServer running;
  Client client = running.connect();
  client.send(get_with("Accept: a\r\n"));
  CHECK(running.order(1).fields.empty());
  CHECK_FALSE(running.bring(1, "without", {{"vary", "accept"}}));
  CHECK(running.order(2).fields == "accept=a;");  // who waits gets what it asked for
  CHECK_FALSE(running.bring(2, "with a", {{"vary", "accept"}}));
  running.expect(client, CachedServer::stored("with a", "vary: accept\r\n"));
  client.send(get("/c"));
  running.expect(client, CachedServer::stored("without", "vary: accept\r\n"));
  CHECK(running.filler.orders.size() == 2);
}

TEST_CASE("fills that began before Vary was heard are stored without those fields",
          "[server][cache]") {
  CachedServer running;
  Client first = running.connect();
  Client second = running.connect();
  first.send(get("/c"));
  second.send("GET /c HTTP/1.1\r\nHost: b\r\n\r\n");
  running.order(2);
  CHECK_FALSE(running.bring(1, "a", {{"vary", "accept"}}));
  CHECK_FALSE(running.bring(2, "b", {{"vary", "accept"}}));
  running.expect(first, CachedServer::stored("a", "vary: accept\r\n"));
  running.expect(second, CachedServer::stored("b", "vary: accept\r\n"));
  CHECK(running.filler.orders.size() == 2);
}

TEST_CASE("a response that varies by too much is not stored", "[server][cache]") {
  CachedServer running;
  Client client = running.connect();
  client.send(get("/c"));
  CHECK(running.bring(1, "x", {{"vary", "a,b,c,d,e,f,g,h,i"}}) == cache::Refusal::VaryMany);
  running.expect(client, response("app /c"));
}

TEST_CASE("no more fills run at once than allowed", "[server][cache]") {
  CachedServer running;
  std::vector<Client> clients;
  for (std::size_t number = 0; number <= base::kCacheFills; ++number) {
    clients.push_back(running.connect());
    clients.back().send("GET /c HTTP/1.1\r\nHost: h" + std::to_string(number) + "\r\n\r\n");
  }
  running.expect(clients.back(), response("app /c"));
  CHECK(running.filler.orders.size() == base::kCacheFills);
}

TEST_CASE("a large response is sent without being copied, and outlives its entry",
          "[server][cache]") {
  CachedServer running;
  const std::string body = numbered(300'000);
  Client client = running.connect();
  client.send(get("/c"));
  CHECK_FALSE(running.bring(1, body));
  running.loop.run_until([&] {
    running.cache.invalidate(std::nullopt);
    client.receive();
    return client.text().size() >= CachedServer::stored(body).size();
  });
  CHECK(client.take_text() == CachedServer::stored(body));
}

TEST_CASE("the scheme is that of a proxy that is believed", "[server][cache]") {
  server::CacheOptions options;
  options.believes_forwarded = true;
  CachedServer running(options);
  running.filler.trusts = true;
  Client client = running.connect();
  client.send(get_with("X-Forwarded-Proto: https\r\n"));
  running.expect(client, response("app /c"));  // whether to believe it is asked for first
  CHECK(running.filler.asked_peers == std::vector<std::string>{"127.0.0.1"});
  client.send(get_with("X-Forwarded-Proto: https\r\n"));
  CHECK(running.order(1).scheme == "https");
  CHECK_FALSE(running.bring(1, "secure"));
  running.expect(client, CachedServer::stored("secure"));
  client.send(get("/c"));
  CHECK(running.order(2).scheme == "http");
  CHECK_FALSE(running.bring(2, "plain"));
  running.expect(client, CachedServer::stored("plain"));
  client.send(get_with("X-Forwarded-Proto: http\r\n") + get_with("X-Forwarded-For: 1.2.3.4\r\n") +
              get_with("X-Forwarded-Proto: https\r\n"));
  running.expect(client, CachedServer::stored("plain") + CachedServer::stored("plain") +
                             CachedServer::stored("secure"));
  client.send(get_with("X-Forwarded-Proto: gopher\r\n"));
  running.expect(client, response("app /c"));
}

TEST_CASE("the scheme of a peer that is not believed is its own", "[server][cache]") {
  server::CacheOptions options;
  options.believes_forwarded = true;
  CachedServer running(options);
  Client client = running.connect();
  client.send(get_with("X-Forwarded-Proto: https\r\n"));
  running.expect(client, response("app /c"));
  client.send(get_with("X-Forwarded-Proto: https\r\n"));
  CHECK(running.order(1).scheme == "http");
}

TEST_CASE("paths that responses declare are bounded", "[server][cache]") {
  CachedServer running;
  running.cache.learn("/c", {{"x"}, {}, {}, 0, 0, false});  // declared already
  for (std::size_t number = 0; number <= base::kCacheLearnedRules; ++number)
    running.cache.learn("/l" + std::to_string(number), {});
  CHECK_FALSE(running.cache.knows("/l0"));
  CHECK(running.cache.knows("/l1"));
  CHECK(running.cache.knows("/c"));
  Client client = running.connect();
  running.fill(client, "made");
}

TEST_CASE("what a path has stored goes with its rule", "[server][cache]") {
  CachedServer running;
  running.cache.learn("/l", {});
  Client client = running.connect();
  client.send(get("/l"));
  CHECK_FALSE(running.bring(1, "old"));
  running.expect(client, CachedServer::stored("old"));
  client.send(get("/l"));
  running.expect(client, CachedServer::stored("old"));
  for (std::size_t number = 0; number < base::kCacheLearnedRules; ++number)
    running.cache.learn("/l" + std::to_string(number), {});
  client.send(get("/l"));
  running.expect(client, response("app /l"));
  running.cache.learn("/l", {});
  client.send(get("/l"));
  CHECK_FALSE(running.bring(2, "new"));
  running.expect(client, CachedServer::stored("new"));
}

TEST_CASE("a path is emptied however the request that changes it is spelled", "[server][cache]") {
  CachedServer running;
  running.cache.learn("/%63", {});
  Client client = running.connect();
  running.fill(client, "plain");
  client.send(get("/%63"));
  CHECK_FALSE(running.bring(2, "encoded"));
  running.expect(client, CachedServer::stored("encoded"));
  client.send("POST /%43 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" + get("/c"));
  running.expect(client, response("app /%43") + CachedServer::stored("plain"));
  const std::string target = GENERATE("/c", "/%63");
  client.send("POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  running.expect(client, response("app " + target));
  running.fill(client, "plain again");
  client.send(get("/%63"));
  running.order(4);
}

TEST_CASE("who waited gets what was made, also if it does not hold any longer", "[server][cache]") {
  CachedServer running;
  cache::Rule rule;
  rule.fresh_ms = 1;
  running.cache.declare("/c", rule);
  Client client = running.connect();
  client.send(get("/c"));
  running.order(1);
  const std::uint64_t until = base::monotonic_ms() + 1100;
  running.loop.run_until([&] { return base::monotonic_ms() > until; });
  CHECK_FALSE(running.bring(1, "late"));
  running.expect(client, CachedServer::stored("late", {}, 1));  // aged while it was made
  client.send(get("/c"));
  running.order(2);
}

TEST_CASE("a response may be declared for less than its path", "[server][cache]") {
  CachedServer running;
  Client client = running.connect();
  client.send(get_with("X-A: 1\r\n"));
  cache::Response response{200, {}, "body", "\"t\""};
  response.vary = {"x-a"};
  CHECK_FALSE(running.cache.complete(running.order(1).id, response));
  CHECK(running.order(2).fields == "x-a=1;");
  response.fresh_ms = response.stale_ms = 0;
  CHECK(running.cache.complete(running.order(2).id, response) == cache::Refusal::Expired);
  running.expect(client, support::response("app /c"));
}

TEST_CASE("an entry that goes is not sent to a head that is known", "[server][cache]") {
  CachedServer running;
  Client client = running.connect();
  running.fill(client, "one");
  for (int number = 0; number < 3; ++number) {
    client.send(get("/c"));
    running.expect(client, CachedServer::stored("one"));
  }
  running.cache.invalidate("/c");
  running.fill(client, "two");
  client.send(get("/c"));
  running.expect(client, CachedServer::stored("two"));
}
