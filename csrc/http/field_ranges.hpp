// http/field_ranges.hpp: where the fields of a head stand in its bytes. A vector that the parser
// asks to grow: one that grows by itself costs it twenty instructions more per field.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>

namespace fasterapi::http {

struct Range {
  std::uint32_t begin = 0;
  std::uint32_t size = 0;
};

struct FieldRange {
  Range name;
  std::uint32_t value_begin = 0;
  std::uint32_t value_end = 0;

  [[nodiscard]] Range value() const noexcept { return {value_begin, value_end - value_begin}; }
};

class FieldRanges {
 public:
  FieldRanges() noexcept = default;
  FieldRanges(const FieldRanges&) = delete;
  FieldRanges& operator=(const FieldRanges&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return all().size(); }
  [[nodiscard]] std::span<FieldRange> all() const noexcept { return {memory_.get(), end_}; }
  [[nodiscard]] FieldRange& last() const noexcept { return end_[-1]; }

  [[nodiscard]] bool is_full() const noexcept { return end_ == memory_end_; }
  // REQUIRES: not is_full(). What the place held before is still there.
  FieldRange& add() noexcept { return *end_++; }
  void clear() noexcept { end_ = memory_.get(); }

  // Makes room for twice as many, for `most` at most; throws bad_alloc. REQUIRES: size() < most.
  void grow(std::size_t most) {
    constexpr std::size_t kFirst = 16;
    const std::span<FieldRange> old = all();
    const std::size_t room = std::min(std::max(kFirst, 2 * old.size()), most);
    auto memory = std::make_unique<FieldRange[]>(room);
    end_ = std::copy(old.begin(), old.end(), memory.get());
    memory_end_ = memory.get() + room;
    memory_ = std::move(memory);
  }

  // Those of another; throws bad_alloc.
  void assign(const FieldRanges& other) {
    const std::span<FieldRange> fields = other.all();
    if (memory_bytes() < fields.size_bytes()) {
      auto memory = std::make_unique<FieldRange[]>(fields.size());
      memory_end_ = memory.get() + fields.size();
      memory_ = std::move(memory);
    }
    end_ = std::copy(fields.begin(), fields.end(), memory_.get());
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return static_cast<std::size_t>(memory_end_ - memory_.get()) * sizeof(FieldRange);
  }
  // All are forgotten, too.
  void release_memory() noexcept {
    memory_.reset();
    end_ = memory_end_ = nullptr;
  }

 private:
  std::unique_ptr<FieldRange[]> memory_;
  FieldRange* end_ = nullptr;
  FieldRange* memory_end_ = nullptr;
};

}  // namespace fasterapi::http
