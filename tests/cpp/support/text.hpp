// tests/cpp/support/text.hpp: bytes as readable text and back, in the notation of
// tests/corpus/README.md.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fasterapi::support {

// \r \n \t \\ \" and \xNN for every byte that is no printable ASCII; "(70000 bytes)" for what is
// longer than 200.
[[nodiscard]] std::string readable(std::string_view bytes);

// The bytes that an ```http block of the corpus stands for. Throws std::invalid_argument for an
// unknown escape.
[[nodiscard]] std::string bytes_of_block(std::string_view block);

// "0 1 2 3 ", so many bytes of it: none looks like the one a few places on.
[[nodiscard]] std::string numbered(std::size_t bytes);

}  // namespace fasterapi::support
