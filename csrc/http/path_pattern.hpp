// http/path_pattern.hpp: one pattern of paths: literal text, "{name}" for one segment,
// "{name:path}" for all that is left. Compared with a path as it stands in the request, undecoded.
// Immutable once parsed; any thread.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace fasterapi::http {

class PathPattern {
 public:
  static constexpr std::size_t kMostParameters = 8;
  // What each parameter stands for, views of the path; those behind the last are left as they are.
  using Captures = std::array<base::ByteView, kMostParameters>;

  // The error says what is wrong with the text and is static.
  static base::Result<PathPattern, base::ByteView> parse(base::ByteView text);

  [[nodiscard]] bool match(base::ByteView raw_path, Captures& captures) const noexcept;

  // Without parameters: it matches its own text alone.
  [[nodiscard]] bool is_literal() const noexcept { return names_.empty(); }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  // Of the parameters, in their order in the path.
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }

 private:
  PathPattern() = default;
  [[nodiscard]] base::ByteView add_parameter(base::ByteView inside, bool is_last);

  std::string text_;
  std::vector<std::string> names_;
  std::vector<std::string> before_;  // the text in front of each parameter
  std::string behind_;               // and behind the last
  bool takes_rest_ = false;          // the last takes slashes, too, and may be empty
};

}  // namespace fasterapi::http
