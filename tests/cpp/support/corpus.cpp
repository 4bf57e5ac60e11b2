// tests/cpp/support/corpus.cpp: see corpus.hpp.
#include "corpus.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <stdexcept>

#include "text.hpp"

namespace fasterapi::support {
namespace {

constexpr std::string_view kHeading = "## ";
constexpr std::string_view kFence = "```";

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

// The blocks of one case by the word behind their fence, each line with its line break.
std::map<std::string, std::string> read_blocks(std::istream& file, std::string& next_heading) {
  std::map<std::string, std::string> blocks;
  std::string open;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kFence)) {
      open = open.empty() ? line.substr(kFence.size()) : std::string();
      if (!open.empty()) blocks[open];
    } else if (!open.empty()) {
      blocks[open] += line + "\n";
    } else if (line.starts_with(kHeading)) {
      next_heading = line.substr(kHeading.size());
      return blocks;
    }
  }
  next_heading.clear();
  return blocks;
}

void read_file(const std::filesystem::path& path, std::vector<CorpusCase>& cases) {
  std::ifstream file(path);
  std::string heading;
  (void)read_blocks(file, heading);  // what stands before the first case
  while (!heading.empty()) {
    const std::string name = path.stem().string() + ": " + heading;
    const auto blocks = read_blocks(file, heading);
    if (!blocks.contains("http") || !blocks.contains("events")) {
      throw std::runtime_error(name + ": a block http and a block events are needed");
    }
    cases.push_back({name, bytes_of_block(blocks.at("http")), lines_of(blocks.at("events"))});
  }
}

}  // namespace

std::vector<CorpusCase> read_corpus(const std::string& folder) {
  const auto tests = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(tests / "corpus" / folder)) {
    if (entry.path().extension() == ".md") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<CorpusCase> cases;
  for (const auto& path : paths) read_file(path, cases);
  return cases;
}

}  // namespace fasterapi::support
