// cache/request.hpp: whether a request may be answered from the cache, and by which key. The key
// holds all that the stored response may depend on, byte for byte: path, query, scheme, host and
// the fields of the rule. Pure functions.
#pragma once

#include <string>

#include "base/bytes.hpp"
#include "cache/rule.hpp"
#include "http/event.hpp"

namespace fasterapi::cache {

// What of a request decides between 200 and 304 (RFC 9110 section 13). Views of its head; the data
// of what is missing is null.
struct Conditions {
  base::ByteView if_none_match;
  base::ByteView if_modified_since;

  [[nodiscard]] bool none() const noexcept {
    return !if_none_match.data() && !if_modified_since.data();
  }
};

// Writes the key over what `key` holds. False: the request is the application's alone, and `key` is
// of no use. REQUIRES: GET or HEAD.
[[nodiscard]] bool read_request(const http::RequestHead& head, const Rule& rule,
                                base::ByteView scheme, std::string& key, Conditions& conditions);

// The parts of a key, for whoever runs the application to make what is stored under it.
struct KeyParts {
  base::ByteView path;
  base::ByteView query;
  base::ByteView scheme;
  base::ByteView host;
  std::vector<http::RequestHead::Field> fields;  // those of the rule that the request has
};
// REQUIRES: `key` was made by the rule. The result holds views of both.
[[nodiscard]] KeyParts split_key(base::ByteView key, const Rule& rule);

// What a key is if the request has not the field that has joined the rule.
inline void append_missing_field(std::string& key, base::ByteView name) {
  key.append(name).push_back('\0');
}

// The path that a key begins with.
[[nodiscard]] inline base::ByteView path_of_key(base::ByteView key) noexcept {
  return key.substr(0, key.find('\0'));
}

}  // namespace fasterapi::cache
