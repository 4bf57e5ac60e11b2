// tests/cpp/base/payload_test.cpp: base/payload.hpp.
#include "base/payload.hpp"

#include <catch.hpp>

#include <string>
#include <utility>

using fasterapi::base::Payload;

namespace {

// Counts how often it was released, and checks that it was handed what it was built with.
struct Owner {
  int released = 0;
  int context = 0;

  Payload payload(std::string_view bytes) {
    return {bytes,
            [](void* owner, void* given) noexcept {
              auto* self = static_cast<Owner*>(owner);
              if (given == &self->context) ++self->released;
            },
            this, &context};
  }
};

}  // namespace

TEST_CASE("an empty payload has no bytes and nothing to release", "[base][payload]") {
  const Payload payload;
  CHECK(payload.view().empty());
}

TEST_CASE("a payload releases its owner once, when it is dropped", "[base][payload]") {
  Owner owner;
  {
    const Payload payload = owner.payload("bytes");
    CHECK(payload.view() == "bytes");
    CHECK(owner.released == 0);
  }
  CHECK(owner.released == 1);
}

TEST_CASE("a moved payload is released by the one who holds it last", "[base][payload]") {
  Owner owner;
  {
    Payload first = owner.payload("bytes");
    {
      const Payload second = std::move(first);
      CHECK(second.view() == "bytes");
    }
    CHECK(owner.released == 1);
  }
  CHECK(owner.released == 1);
}

TEST_CASE("assigning to a payload releases what it held", "[base][payload]") {
  Owner old_owner;
  Owner new_owner;
  Payload payload = old_owner.payload("old");
  payload = new_owner.payload("new");
  CHECK(old_owner.released == 1);
  CHECK(new_owner.released == 0);
  CHECK(payload.view() == "new");
  payload = Payload();
  CHECK(new_owner.released == 1);
}

TEST_CASE("a payload assigned to itself keeps its bytes", "[base][payload]") {
  Owner owner;
  Payload payload = owner.payload("bytes");
  Payload& same = payload;
  payload = std::move(same);
  CHECK(payload.view() == "bytes");
  CHECK(owner.released == 0);
}

TEST_CASE("consuming moves the view and keeps the owner", "[base][payload]") {
  Owner owner;
  Payload payload = owner.payload("bytes");
  payload.consume(2);
  CHECK(payload.view() == "tes");
  payload.consume(3);
  CHECK(payload.view().empty());
  CHECK(owner.released == 0);
}

TEST_CASE("a payload of a string owns a string of its own", "[base][payload]") {
  std::string text(1000, 'x');
  const Payload payload = Payload::of_string(text);
  text.assign(1000, 'y');
  CHECK(payload.view() == std::string(1000, 'x'));
}

TEST_CASE("a payload of a short string survives being moved", "[base][payload]") {
  Payload first = Payload::of_string("ab");
  const Payload second = std::move(first);
  CHECK(second.view() == "ab");
}

TEST_CASE("a payload of static bytes points at them", "[base][payload]") {
  static constexpr std::string_view kBytes = "for ever";
  CHECK(Payload::of_static(kBytes).view().data() == kBytes.data());
}
