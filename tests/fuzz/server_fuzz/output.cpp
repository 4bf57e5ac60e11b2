// tests/fuzz/server_fuzz/output.cpp: see output.hpp.
#include "output.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string_view>

namespace fasterapi::fuzz {
namespace {

[[noreturn]] void fail(const Peer& peer, const char* what) {
  std::fprintf(stderr, "%s:\n%s\n", what, peer.received.c_str());
  std::abort();
}

struct Head {
  int status = 0;
  std::map<std::string, std::string, std::less<>> fields;
  [[nodiscard]] std::string_view field(std::string_view name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string_view() : std::string_view(found->second);
  }
};

std::size_t number_of(std::string_view text, int base) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return SIZE_MAX;
  return value;
}

// Takes what a peer has received apart.
class Reader {
 public:
  explicit Reader(const Peer& peer) : peer_(peer), left_(peer.received) {}

  [[nodiscard]] bool at_end() const noexcept { return left_.empty(); }

  // False if the head is not complete.
  bool read(Head& head) {
    std::string_view line;
    if (!take_line(line)) return false;
    require(line.size() > 12 && line.substr(0, 9) == "HTTP/1.1 " && line[12] == ' ', "status line");
    head.status = static_cast<int>(number_of(line.substr(9, 3), 10));
    require(head.status >= 100 && head.status <= 599, "status");
    while (take_line(line)) {
      if (line.empty()) return true;
      const auto colon = line.find(": ");
      require(colon != std::string_view::npos && colon > 0, "field line");
      require(head.fields.emplace(line.substr(0, colon), line.substr(colon + 2)).second,
              "a field twice");
    }
    return false;
  }

  // Appends the body; false if it is not complete.
  bool read_body(const Head& head, bool is_head, std::string& body) {
    if (is_head || head.status == 204 || head.status == 304) return true;
    if (const auto length = head.field("content-length"); !length.empty()) {
      require(head.field("transfer-encoding").empty(), "two framings");
      return take(number_of(length, 10), body);
    }
    if (head.field("transfer-encoding") == "chunked") return read_chunks(body);
    require(head.field("connection") == "close", "no framing");
    return take(left_.size(), body);
  }

 private:
  void require(bool holds, const char* what) const {
    if (!holds) fail(peer_, what);
  }

  bool take_line(std::string_view& line) {
    const auto end = left_.find("\r\n");
    if (end == std::string_view::npos) return false;
    line = left_.substr(0, end);
    require(line.find_first_of("\r\n") == std::string_view::npos, "a line break within a line");
    left_.remove_prefix(end + 2);
    return true;
  }

  bool take(std::size_t size, std::string& body) {
    body += left_.substr(0, size);
    const bool whole = size <= left_.size();
    left_.remove_prefix(std::min(size, left_.size()));
    return whole;
  }

  bool read_chunks(std::string& body) {
    std::string_view line;
    while (take_line(line)) {
      const std::size_t size = number_of(line, 16);
      require(size != SIZE_MAX, "chunk size");
      if (size > 0 && !take(size, body)) return false;
      if (!take_line(line)) return false;
      if (size == 0 && line == "x-trailer: x" && !take_line(line)) return false;
      require(line.empty(), "behind a chunk");
      if (size == 0) return true;
    }
    return false;
  }

  const Peer& peer_;
  std::string_view left_;
};

std::vector<const Answer*> answers_to(const Peer& peer, const std::deque<Answer>& answers) {
  std::vector<const Answer*> found;
  for (const Answer& answer : answers) {
    if (answer.port == peer.fd % 65536) found.push_back(&answer);
  }
  return found;
}

// Compares what a peer has received with what was answered to it, response by response.
class Comparison {
 public:
  Comparison(const Peer& peer, const std::deque<Answer>& answers)
      : peer_(peer), answers_(answers_to(peer, answers)), reader_(peer) {}

  void run() {
    while (!reader_.at_end()) {
      require(!last_, "something behind the last response");
      Head head;
      if (!reader_.read(head)) {
        require(broken_, "a head that is not complete");
        break;
      }
      const Answer* answer = count_ < answers_.size() ? answers_[count_] : nullptr;
      if (head.status < 200) {
        check_informational(head, answer);
        continue;
      }
      ++count_;
      last_ = head.field("connection") == "close";
      if (head.field("x-id").empty()) {
        check_refusal(head, answer);
      } else {
        require(answer != nullptr, "an answer to nothing");
        check_answer(head, *answer);
      }
    }
    for (; count_ < answers_.size(); ++count_)
      require(broken_ || !answers_[count_]->whole, "an answer that never came");
  }

 private:
  void require(bool holds, const char* what) const {
    if (!holds) fail(peer_, what);
  }

  void check_informational(const Head& head, const Answer* answer) const {
    const bool continues = head.status == 100 && head.fields.empty();
    const bool hints = head.status == 103 && head.field("link") == "x";
    require(answer && ((continues && answer->continued) || (hints && answer->hinted)),
            "an informational response that nobody sent");
  }

  // By the server itself.
  void check_refusal(const Head& head, const Answer* answer) {
    require(last_, "a refusal that does not close");
    require(!answer || answer->by_server || answer->lost, "a refusal in place of an answer");
    std::string body;
    // Whether it refuses HEAD is not known here: then there is no body.
    if (!reader_.at_end()) require(reader_.read_body(head, false, body) || broken_, "a refusal");
    require(reader_.at_end(), "something behind a refusal");
  }

  void check_answer(const Head& head, const Answer& answer) {
    require(number_of(head.field("x-id"), 10) == answer.id, "not the next answer");
    require(head.status == answer.status, "another status");
    std::string body;
    const bool complete = reader_.read_body(head, answer.is_head, body);
    require(answer.body.starts_with(body), "another body");
    const bool has_body = !answer.is_head && head.status != 204;
    const bool until_close =
        head.field("content-length").empty() && head.field("transfer-encoding").empty();
    if (complete && has_body && answer.whole && !(until_close && broken_))
      require(body == answer.body, "a shorter body");
    if (complete) return;
    require(broken_ || !answer.whole, "a body that is not complete");
    require(reader_.at_end(), "something behind an incomplete response");
  }

  const Peer& peer_;
  const std::vector<const Answer*> answers_;
  Reader reader_;
  const bool broken_ = peer_.reset || peer_.cut;
  std::size_t count_ = 0;  // of answers that have been seen
  bool last_ = false;      // the response before closes
};

}  // namespace

void check_output(const Peer& peer, const std::deque<Answer>& answers) {
  Comparison(peer, answers).run();
}

}  // namespace fasterapi::fuzz
