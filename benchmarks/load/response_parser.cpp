// benchmarks/load/response_parser.cpp
// The state machine behind ResponseParser. Heads that arrive whole are read where they lie.
#include "response_parser.hpp"

#include <strings.h>

#include <algorithm>
#include <charconv>

namespace load {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

template <typename Number>
bool read_number(std::string_view text, Number& value, int base) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

ResponseParser::Status ResponseParser::feed(std::string_view& bytes) {
  complete_ = false;
  while (!bytes.empty() && !complete_ && stage_ != Stage::Failed) {
    switch (stage_) {
      case Stage::Head:
        feed_head(bytes);
        break;
      case Stage::Length:
        skip(bytes, Stage::Head);
        break;
      case Stage::ChunkData:
        skip(bytes, Stage::ChunkEnd);
        break;
      case Stage::ChunkSize:
      case Stage::ChunkEnd:
      case Stage::Trailer:
        feed_line(bytes);
        break;
      case Stage::UntilClose:
        bytes = {};
        break;
      case Stage::Failed:
        break;
    }
  }
  if (stage_ == Stage::Failed) return Status::Malformed;
  return complete_ ? Status::Complete : Status::NeedData;
}

void ResponseParser::feed_head(std::string_view& bytes) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  if (partial_.empty()) {
    const auto end = bytes.find(kEnd);
    if (end != std::string_view::npos) {
      const auto head = bytes.substr(0, end);
      bytes.remove_prefix(end + kEnd.size());
      return read_head(head);
    }
  }
  const auto searched = partial_.size() < 3 ? 0 : partial_.size() - 3;
  const auto before = partial_.size();
  partial_.append(bytes.substr(0, kHeadLimit));
  const auto end = partial_.find(kEnd, searched);
  if (end == std::string::npos) {
    bytes = {};
    if (partial_.size() > kHeadLimit) stage_ = Stage::Failed;
    return;
  }
  bytes.remove_prefix(end + kEnd.size() - before);
  const std::string head = partial_.substr(0, end);
  partial_.clear();
  read_head(head);
}

void ResponseParser::feed_line(std::string_view& bytes) {
  const auto end = bytes.find('\n');
  partial_.append(bytes.substr(0, end));
  bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
  if (partial_.size() > kHeadLimit) stage_ = Stage::Failed;
  if (end == std::string_view::npos || stage_ == Stage::Failed) return;
  if (partial_.empty() || partial_.back() != '\r') {
    stage_ = Stage::Failed;
    return;
  }
  partial_.pop_back();
  if (stage_ == Stage::ChunkSize) {
    read_chunk_size(partial_);
  } else if (stage_ == Stage::ChunkEnd) {
    stage_ = partial_.empty() ? Stage::ChunkSize : Stage::Failed;
  } else if (partial_.empty()) {
    stage_ = Stage::Head;
    complete_ = true;
  }
  partial_.clear();
}

void ResponseParser::skip(std::string_view& bytes, Stage then) {
  const auto here = std::min<std::uint64_t>(remaining_, bytes.size());
  bytes.remove_prefix(here);
  remaining_ -= here;
  if (remaining_ > 0) return;
  stage_ = then;
  complete_ = then == Stage::Head;
}

void ResponseParser::read_head(std::string_view head) {
  auto line = head.substr(0, head.find("\r\n"));
  if (line.size() < 12 || !line.starts_with("HTTP/1.") || line[8] != ' ' ||
      !read_number(line.substr(9, 3), status_, 10)) {
    stage_ = Stage::Failed;
    return;
  }
  close_ = line[7] == '0';
  chunked_ = has_length_ = false;
  remaining_ = 0;
  auto rest = head.substr(line.size());
  while (!rest.empty() && stage_ == Stage::Head) {
    rest.remove_prefix(2);
    line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(line.size());
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) {
      stage_ = Stage::Failed;
      return;
    }
    read_field(line.substr(0, colon), trim(line.substr(colon + 1)));
  }
  if (stage_ != Stage::Failed) begin_body();
}

void ResponseParser::begin_body() {
  if (status_ >= 100 && status_ < 200) return;  // an interim response; the final one follows
  if (status_ == 204 || status_ == 304) {
    complete_ = true;
  } else if (chunked_) {
    stage_ = Stage::ChunkSize;
  } else if (!has_length_) {
    close_ = true;
    stage_ = Stage::UntilClose;
  } else if (remaining_ == 0) {
    complete_ = true;
  } else {
    stage_ = Stage::Length;
  }
}

void ResponseParser::read_field(std::string_view name, std::string_view value) {
  if (same_name(name, "content-length")) {
    if (has_length_ || !read_number(value, remaining_, 10)) stage_ = Stage::Failed;
    has_length_ = true;
  } else if (same_name(name, "transfer-encoding")) {
    chunked_ = same_name(value, "chunked");
    if (!chunked_) stage_ = Stage::Failed;
  } else if (same_name(name, "connection")) {
    if (same_name(value, "close")) close_ = true;
    if (same_name(value, "keep-alive")) close_ = false;
  }
}

void ResponseParser::read_chunk_size(std::string_view line) {
  line = trim(line.substr(0, line.find(';')));
  if (!read_number(line, remaining_, 16)) {
    stage_ = Stage::Failed;
  } else {
    stage_ = remaining_ == 0 ? Stage::Trailer : Stage::ChunkData;
  }
}

}  // namespace load
