// benchmarks/load/histogram.hpp
// A log-linear histogram of nanoseconds: 128 buckets per power of two, so within 0.8 %.
// Fixed size, no allocation after construction. Used by runner (record) and main (report).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace load {

class Histogram {
 public:
  void record(std::uint64_t value_ns) {
    ++buckets_[index_of(std::min(value_ns, kMost))];
    ++count_;
    sum_ns_ += value_ns;
    max_ns_ = std::max(max_ns_, value_ns);
  }

  /// The value below which `share` (0 to 1) of the records lie; the middle of its bucket.
  [[nodiscard]] double quantile_us(double share) const {
    if (count_ == 0) return 0;
    const auto rank = static_cast<std::uint64_t>(share * static_cast<double>(count_ - 1)) + 1;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen >= rank) return std::min(middle_ns(i), static_cast<double>(max_ns_)) / 1e3;
    }
    return max_us();
  }

  [[nodiscard]] double max_us() const { return static_cast<double>(max_ns_) / 1e3; }
  [[nodiscard]] double mean_us() const {
    return count_ == 0 ? 0 : static_cast<double>(sum_ns_) / static_cast<double>(count_) / 1e3;
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  static constexpr unsigned kBits = 7;
  static constexpr std::uint64_t kLinear = 1U << kBits;
  static constexpr unsigned kLargestBit = 40;  // 2^40 ns is 18 minutes
  static constexpr std::uint64_t kMost = (1ULL << kLargestBit) - 1;

  /// Values below 128 have their own bucket; above, the seven bits after the leading one choose.
  static std::size_t index_of(std::uint64_t value) {
    if (value < kLinear) return value;
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kBits;
    return (shift + 1) * kLinear + ((value >> shift) - kLinear);
  }

  static double middle_ns(std::size_t index) {
    if (index < kLinear) return static_cast<double>(index);
    const std::size_t shift = index / kLinear - 1;
    const std::uint64_t low = (index % kLinear + kLinear) << shift;
    return static_cast<double>(low) + static_cast<double>(1ULL << shift) / 2;
  }

  std::array<std::uint64_t, (kLargestBit - kBits + 1) * kLinear> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ns_ = 0;
  std::uint64_t max_ns_ = 0;
};

}  // namespace load
