// tests/cpp/loop/handle_test.cpp: loop/handle.hpp.
#include "loop/handle.hpp"

#include <catch.hpp>

#include <memory>
#include <optional>

#include "../support/running_loop.hpp"

using fasterapi::base::live_counts;
using fasterapi::loop::Loop;
using fasterapi::loop::UvError;
using fasterapi::loop::UvHandle;
using fasterapi::support::RunningLoop;

namespace {

using IdleHandle = UvHandle<uv_idle_t>;

UvError open_idle(Loop& loop, IdleHandle& handle, void* owner) {
  return handle.open(owner, [&](uv_idle_t* idle) { return uv_idle_init(loop.uv(), idle); });
}

#ifndef NDEBUG
std::size_t idle_handles() {
  std::size_t count = 0;
  for (const auto& [name, live] : live_counts())
    count += name.find("uv_idle") != std::string::npos ? live : 0;
  return count;
}
#endif

// Destroys itself in its own callback.
struct Suicide {
  IdleHandle handle;
  std::unique_ptr<Suicide>& self;

  static void on_idle(uv_idle_t* idle) {
    if (auto* suicide = static_cast<Suicide*>(idle->data)) suicide->self.reset();
  }
};

}  // namespace

TEST_CASE("a handle is empty until it is opened", "[loop][handle]") {
  const IdleHandle handle;
  CHECK_FALSE(handle.is_open());
}

TEST_CASE("a handle whose initialisation fails stays empty", "[loop][handle]") {
  IdleHandle handle;
  const UvError error = handle.open(nullptr, [](uv_idle_t*) { return UV_ENOMEM; });
  CHECK(error.code() == UV_ENOMEM);
  CHECK_FALSE(handle.is_open());
}

TEST_CASE("a closed handle finds no owner and is freed a turn later", "[loop][handle]") {
  RunningLoop loop;
  IdleHandle handle;
  int owner = 0;
  REQUIRE(open_idle(loop, handle, &owner).ok());
  uv_idle_t* const idle = handle.get();
  CHECK(idle->data == &owner);
  handle.close();
  CHECK_FALSE(handle.is_open());
  CHECK(idle->data == nullptr);
#ifndef NDEBUG
  CHECK(idle_handles() == 1);
  loop.turn();
  CHECK(idle_handles() == 0);
#endif
  handle.close();
}

TEST_CASE("a handle that is opened again closes the first", "[loop][handle]") {
  RunningLoop loop;
  IdleHandle handle;
  REQUIRE(open_idle(loop, handle, nullptr).ok());
  uv_idle_t* const first = handle.get();
  REQUIRE(open_idle(loop, handle, nullptr).ok());
  CHECK(handle.get() != first);
  CHECK(uv_is_closing(reinterpret_cast<uv_handle_t*>(first)) != 0);
}

TEST_CASE("an owner may die in its own callback", "[loop][handle]") {
  RunningLoop loop;
  std::unique_ptr<Suicide> suicide;
  suicide.reset(new Suicide{{}, suicide});
  REQUIRE(open_idle(loop, suicide->handle, suicide.get()).ok());
  uv_idle_start(suicide->handle.get(), Suicide::on_idle);
  loop.turn();
  CHECK(suicide == nullptr);
}

TEST_CASE("an owner may die between its callbacks", "[loop][handle]") {
  RunningLoop loop;
  {
    std::unique_ptr<Suicide> suicide;
    suicide.reset(new Suicide{{}, suicide});
    REQUIRE(open_idle(loop, suicide->handle, suicide.get()).ok());
    uv_idle_start(suicide->handle.get(), Suicide::on_idle);
  }
  loop.turn();
}
