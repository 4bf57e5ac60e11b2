// tests/cpp/cache/store_test.cpp: cache/store.hpp.
#include "cache/store.hpp"

#include <catch.hpp>

#include <memory>
#include <string>

using namespace fasterapi;
using cache::Store;

namespace {

cache::EntryPtr entry(std::size_t body = 1) {
  auto made = std::make_shared<cache::Entry>();
  made->status = 200;
  made->body.assign(body, 'x');
  return made;
}

std::string key(const std::string& path, const std::string& rest = {}) {
  return path + std::string(1, '\0') + rest;
}

constexpr std::size_t kPlenty = 1 << 20;

}  // namespace

TEST_CASE("what was put is found until it is replaced or erased", "[cache][store]") {
  Store store(kPlenty);
  const auto first = entry();
  const auto second = entry();
  store.put(key("/a"), first);
  REQUIRE(store.find(key("/a")));
  CHECK(Store::entry_of(*store.find(key("/a"))) == first);
  CHECK_FALSE(store.find(key("/b")));
  store.put(key("/a"), second);
  CHECK(Store::entry_of(*store.find(key("/a"))) == second);
  CHECK(store.size() == 1);
  CHECK(first.use_count() == 1);
  store.clear();
  CHECK(store.size() == 0);
  CHECK(store.bytes() == 0);
}

TEST_CASE("the least recently used entry makes room", "[cache][store]") {
  Store sizes(kPlenty);
  sizes.put(key("/0"), entry(1000));
  Store store(3 * sizes.bytes());
  for (const char* path : {"/1", "/2", "/3"}) store.put(key(path), entry(1000));
  CHECK(store.size() == 3);
  store.touch(*store.find(key("/1")));
  store.put(key("/4"), entry(1000));
  CHECK(store.size() == 3);
  CHECK_FALSE(store.find(key("/2")));
  CHECK(store.find(key("/1")));
  CHECK(store.bytes() <= 3 * sizes.bytes());
}

TEST_CASE("a large entry makes room of many, and one that is too large none", "[cache][store]") {
  Store store(8192);
  for (const char* path : {"/1", "/2", "/3"}) store.put(key(path), entry(10));
  store.put(key("/big"), entry(9000));
  CHECK(store.size() == 3);
  store.put(key("/1"), entry(9000));  // what it was to replace is gone
  CHECK_FALSE(store.find(key("/1")));
  store.put(key("/big"), entry(7700));
  CHECK(store.size() == 1);
}

TEST_CASE("every change of the store makes another generation", "[cache][store]") {
  Store store(kPlenty);
  auto last = store.generation();
  const auto changed = [&] { return std::exchange(last, store.generation()) != last; };
  store.put(key("/a"), entry());
  CHECK(changed());
  CHECK(store.find(key("/a")));
  CHECK_FALSE(changed());
  store.erase_path("/b");
  CHECK_FALSE(changed());
  store.erase_path("/a");
  CHECK(changed());
  store.put(key("/a"), entry());
  (void)changed();
  store.clear();
  CHECK(changed());
}

TEST_CASE("a path is erased with all that its keys have behind it", "[cache][store]") {
  Store store(kPlenty);
  for (const auto& one : {key("/a"), key("/a", "q"), key("/a/"), key("/%61"), key("/"), key("/ab")})
    store.put(one, entry());
  store.erase_path("/a");
  CHECK(store.size() == 4);
  CHECK_FALSE(store.find(key("/a")));
  CHECK_FALSE(store.find(key("/a", "q")));
  store.erase_path("/zzz");
  store.erase_path("");
  CHECK(store.size() == 4);
}
