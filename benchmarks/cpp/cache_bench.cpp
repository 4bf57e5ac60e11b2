// benchmarks/cpp/cache_bench.cpp: nanoseconds of looking a request up in the cache, without any
// I/O. `cpp_benches "[!benchmark][cache]"`; compare only figures of one run.
#include <catch.hpp>
#include <map>
#include <memory>
#include <string>

#include "base/limits.hpp"
#include "cache/request.hpp"
#include "cache/store.hpp"
#include "http/connection.hpp"
#include "http/known_heads.hpp"

namespace {

using namespace fasterapi;

constexpr base::ByteView kHealthCheck =
    "GET /heartbeat HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: check/1.0\r\n"
    "Accept: */*\r\nConnection: keep-alive\r\n\r\n";

struct Fixture {
  explicit Fixture(std::size_t entries) {
    for (std::size_t number = 0; number < entries; ++number) {
      rules.emplace("/path/" + std::to_string(number), cache::Rule());
      store.put("/path/" + std::to_string(number) + std::string(1, '\0'), entry());
    }
    rules.emplace("/heartbeat", cache::Rule());
    connection.receive(kHealthCheck);
    REQUIRE(connection.next_event().kind == http::EventKind::RequestHead);
    connection.offer_head();
    REQUIRE(read());
    store.put(key, entry());
  }

  static cache::EntryPtr entry() {
    auto made = std::make_shared<cache::Entry>();
    made->status = 200;
    return made;
  }
  bool read() {
    cache::Conditions conditions;
    return cache::read_request(connection.head(), rules.find("/heartbeat")->second, "http", key,
                               conditions);
  }
  // As ResponseCache::answer() does.
  const void* look_up() {
    const auto rule = rules.find(connection.head().raw_path());
    cache::Conditions conditions;
    if (!cache::read_request(connection.head(), rule->second, "http", key, conditions))
      return nullptr;
    cache::Store::Node* node = store.find(key);
    store.touch(*node);
    return node;
  }

  const base::Limits limits;
  const http::StatusLines status_lines;
  http::KnownHeads known;
  http::Connection connection{limits, status_lines, &known};
  std::map<std::string, cache::Rule, std::less<>> rules;
  cache::Store store{base::kCacheBytes};
  std::string key;
};

TEST_CASE("a request is looked up", "[!benchmark][cache]") {
  Fixture few(4);
  Fixture many(1000);
  REQUIRE(few.look_up());
  BENCHMARK("by its key, 5 entries") { return few.look_up(); };
  BENCHMARK("by its key, 1001 entries") { return many.look_up(); };
  BENCHMARK("a head that is known, parsing included") { return few.known.find(kHealthCheck).head; };
  BENCHMARK("a head that is not known") {
    return few.known.find("GET /items/42 HTTP/1.1\r\nHost: localhost:8000\r\n\r\n").head;
  };
  BENCHMARK("a path without a rule, 1001 rules") { return many.rules.find("/items/42"); };
}

}  // namespace
