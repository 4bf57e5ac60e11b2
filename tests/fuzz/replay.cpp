// tests/fuzz/replay.cpp: main() of a fuzz target where the compiler brings no libFuzzer, called
// like libFuzzer: `http_fuzz -max_total_time=SECONDS FOLDER` feeds the target each file of the
// folder, then mutations of them, the same in every run. `http_fuzz FILE` feeds it one file. An
// input that crashes is left behind as crash-replay.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::string current;  // what the target is eating

void keep_crash(int) {
  std::ofstream("crash-replay", std::ios::binary) << current;
  std::signal(SIGABRT, SIG_DFL);
  std::abort();
}

void feed(std::string input) {
  current = std::move(input);
  // A copy of exactly this size: AddressSanitizer then sees a read past the end.
  const std::vector<std::uint8_t> exact(current.begin(), current.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& seeds) : seeds_(seeds) {}

  std::string next() {
    std::string made = seeds_[below(seeds_.size())];
    for (std::size_t left = 1 + below(6); left > 0; --left) mutate(made);
    return made;
  }

 private:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  void mutate(std::string& bytes) {
    const std::size_t at = below(bytes.size() + 1);
    const std::size_t count = below(16);
    switch (below(7)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(below(256));
        break;
      case 1:
        if (at < bytes.size()) bytes[at] ^= static_cast<char>(1U << below(8));
        break;
      case 2:
        bytes.erase(at, count);
        break;
      case 3:
        bytes.insert(at, bytes.substr(below(bytes.size() + 1), count));
        break;
      case 4:
        bytes.insert(at, kWords[below(std::size(kWords))]);
        break;
      case 5:
        bytes.append(seeds_[below(seeds_.size())]);
        break;
      case 6:  // commands of the targets that know some are above 127
        for (std::size_t left = count % 4 + 1; left > 0; --left)
          bytes.insert(at, 1, static_cast<char>(128 + below(128)));
        break;
    }
  }

  static constexpr std::string_view kWords[] = {"\r\n",
                                                "\n",
                                                "\r",
                                                ":",
                                                " ",
                                                "\t",
                                                ",",
                                                ";",
                                                "0",
                                                "9",
                                                "-1",
                                                "4294967296",
                                                "18446744073709551616",
                                                "chunked",
                                                "Content-Length: ",
                                                "Transfer-Encoding: ",
                                                "Host: a\r\n",
                                                "HTTP/1.1",
                                                "\x80\xff",
                                                "\r\n\r\n"};

  const std::vector<std::string>& seeds_;
  std::mt19937 random_{20260101};
};

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::string> read_seeds(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> seeds{""};
  for (const auto& path : paths) seeds.push_back(contents(path));
  return seeds;
}

}  // namespace

int main(int count, char** arguments) {
  std::signal(SIGABRT, keep_crash);
  constexpr std::string_view kTime = "-max_total_time=";
  if (count == 2) {
    feed(contents(arguments[1]));
    return 0;
  }
  if (count != 3 || !std::string_view(arguments[1]).starts_with(kTime)) {
    std::fprintf(stderr, "usage: %s FILE | -max_total_time=SECONDS FOLDER\n", arguments[0]);
    return 2;
  }
  const auto seeds = read_seeds(arguments[2]);
  for (const auto& seed : seeds) feed(seed);

  using Clock = std::chrono::steady_clock;
  const std::chrono::duration<double> seconds(std::atof(arguments[1] + kTime.size()));
  std::size_t runs = seeds.size();
  Mutator mutator(seeds);
  for (const auto end = Clock::now() + seconds; Clock::now() < end; ++runs) feed(mutator.next());
  std::printf("%zu inputs\n", runs);
}
