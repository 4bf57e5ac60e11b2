// base/payload.hpp: bytes together with whatever keeps them alive, type-erased so that no room
// needs to know the owner. Move-only. The release function runs exactly once, on the thread that
// drops the Payload.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/bytes.hpp"

namespace fasterapi::base {

class Payload {
 public:
  // Called with what was given at construction; must not throw.
  using Release = void (*)(void* owner, void* context) noexcept;

  Payload() noexcept = default;
  Payload(ByteView bytes, Release release, void* owner, void* context = nullptr) noexcept
      : bytes_(bytes), release_(release), owner_(owner), context_(context) {}

  // Bytes that live as long as the process.
  static Payload of_static(ByteView bytes) noexcept { return {bytes, nullptr, nullptr}; }

  static Payload of_string(std::string text) {
    return of_string(std::make_unique<std::string>(std::move(text)));
  }
  static Payload of_string(std::unique_ptr<std::string> owner) noexcept {
    const ByteView bytes = *owner;
    return {bytes, [](void* string, void*) noexcept { delete static_cast<std::string*>(string); },
            owner.release()};
  }

  Payload(Payload&& other) noexcept { swap(other); }
  Payload& operator=(Payload&& other) noexcept {
    Payload(std::move(other)).swap(*this);
    return *this;
  }
  Payload(const Payload&) = delete;
  Payload& operator=(const Payload&) = delete;
  ~Payload() {
    if (release_) release_(owner_, context_);
  }

  [[nodiscard]] ByteView view() const noexcept { return bytes_; }

  // Forgets the first `count` bytes; the owner stays. REQUIRES: count <= view().size().
  void consume(std::size_t count) noexcept { bytes_.remove_prefix(count); }

 private:
  void swap(Payload& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(release_, other.release_);
    std::swap(owner_, other.owner_);
    std::swap(context_, other.context_);
  }

  ByteView bytes_;
  Release release_ = nullptr;
  void* owner_ = nullptr;
  void* context_ = nullptr;
};

}  // namespace fasterapi::base
