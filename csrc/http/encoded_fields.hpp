// http/encoded_fields.hpp: the fields of a response's head as http/response_writer has written them
// once, and what it must know of them to write them again without looking.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace fasterapi::http {

struct EncodedFields {
  std::string lines;                            // whole and validated; those dropped are missing
  std::optional<std::uint64_t> content_length;  // known even where its line is dropped
  bool close = false;                           // one of them says that the connection closes
};

}  // namespace fasterapi::http
