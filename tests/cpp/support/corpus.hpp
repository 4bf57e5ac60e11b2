// tests/cpp/support/corpus.hpp: the cases of tests/corpus; the format is described in
// tests/corpus/README.md.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fasterapi::support {

struct CorpusCase {
  std::string name;                 // "framing: a chunked body is joined"
  std::string bytes;                // what the peer sends
  std::vector<std::string> events;  // what it says, one line each
};

// Every case of every Markdown file of tests/corpus/<folder>. Throws std::runtime_error where a
// file breaks the format.
[[nodiscard]] std::vector<CorpusCase> read_corpus(const std::string& folder);

}  // namespace fasterapi::support
