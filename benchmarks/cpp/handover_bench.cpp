// benchmarks/cpp/handover_bench.cpp: what it costs to hand items to the loop's thread: a vector
// behind a mutex that the consumer swaps, against a lock-free list. The product has neither: its
// only queue between threads is filled under the GIL. `cpp_benches "[handover]"`.
#include <algorithm>
#include <atomic>
#include <catch.hpp>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t kItems = 100'000;

struct Item {
  Item* next = nullptr;
};

class MutexAndSwap {
 public:
  void push(Item* item) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(item);
  }

  std::size_t take() {
    taken_.clear();
    {
      const std::lock_guard lock(mutex_);
      taken_.swap(waiting_);
    }
    return taken_.size();
  }

 private:
  std::mutex mutex_;
  std::vector<Item*> waiting_;
  std::vector<Item*> taken_;
};

// Many producers, one consumer: pushed at the front, taken whole and turned round.
class LockFreeList {
 public:
  void push(Item* item) {
    item->next = first_.load(std::memory_order_relaxed);
    while (!first_.compare_exchange_weak(item->next, item, std::memory_order_release,
                                         std::memory_order_relaxed)) {
    }
  }

  std::size_t take() {
    std::size_t count = 0;
    Item* in_order = nullptr;
    for (Item* item = first_.exchange(nullptr, std::memory_order_acquire); item; ++count) {
      Item* next = std::exchange(item->next, in_order);
      in_order = std::exchange(item, next);
    }
    return count;
  }

 private:
  std::atomic<Item*> first_ = nullptr;
};

template <typename Queue>
std::size_t by_one_thread(std::vector<Item>& items) {
  Queue queue;
  std::size_t taken = 0;
  for (std::size_t index = 0; index < items.size(); ++index) {
    queue.push(&items[index]);
    if (index % 16 == 15) taken += queue.take();
  }
  return taken + queue.take();
}

template <typename Queue>
std::size_t by_producers(std::vector<Item>& items, std::size_t producers) {
  Queue queue;
  std::vector<std::thread> threads;
  const std::size_t share = items.size() / producers;
  for (std::size_t number = 0; number < producers; ++number) {
    threads.emplace_back([&queue, &items, begin = number * share, share] {
      for (std::size_t index = begin; index < begin + share; ++index) queue.push(&items[index]);
    });
  }
  std::size_t taken = 0;
  while (taken < share * producers) {
    const std::size_t found = queue.take();
    taken += found;
    if (found == 0) std::this_thread::yield();
  }
  for (std::thread& thread : threads) thread.join();
  return taken;
}

// Least and median: threads are slowed down by all else that runs, and nothing makes them faster.
template <typename Run>
void report(const char* name, Run&& run) {
  constexpr int kSamples = 201;
  std::vector<double> ns_per_item;
  for (int sample = 0; sample < kSamples; ++sample) {
    const auto begin = std::chrono::steady_clock::now();
    REQUIRE(run() == kItems);
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - begin;
    ns_per_item.push_back(spent.count() / static_cast<double>(kItems));
  }
  std::sort(ns_per_item.begin(), ns_per_item.end());
  std::printf("%s: %.2f %.2f\n", name, ns_per_item.front(), ns_per_item[kSamples / 2]);
}

TEST_CASE("handing an item to another thread costs so many ns", "[!benchmark][handover]") {
  std::vector<Item> items(kItems);
  // glibc's mutex costs less as long as the process has never had a second thread.
  std::thread([] {}).join();
  report("one thread, mutex and swap", [&] { return by_one_thread<MutexAndSwap>(items); });
  report("one thread, lock-free list", [&] { return by_one_thread<LockFreeList>(items); });
  report("1 producer, mutex and swap", [&] { return by_producers<MutexAndSwap>(items, 1); });
  report("1 producer, lock-free list", [&] { return by_producers<LockFreeList>(items, 1); });
  report("4 producers, mutex and swap", [&] { return by_producers<MutexAndSwap>(items, 4); });
  report("4 producers, lock-free list", [&] { return by_producers<LockFreeList>(items, 4); });
}

}  // namespace
