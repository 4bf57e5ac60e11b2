// tests/cpp/support/fake_application.cpp: see fake_application.hpp.
#include "fake_application.hpp"

#include <algorithm>

namespace fasterapi::support {

using http::SendError;

SendError FakeRequest::begin(std::string_view length, int status) {
  if (const SendError error = exchange->begin_head(status); error != SendError::None) return error;
  if (!length.empty()) {
    const SendError error = exchange->add_field("content-length", length);
    if (error != SendError::None) return error;
  }
  return exchange->end_head();
}

SendError FakeRequest::reply(std::string_view text, int status) {
  const SendError error = begin(std::to_string(text.size()), status);
  return error == SendError::None ? exchange->send_body(text, false) : error;
}

void FakeRequest::read_body() {
  body += exchange->body();
  exchange->consume_body();
}

bool FakeApplication::start(server::Exchange& exchange) {
  if (refuses) return false;
  requests.push_back(std::make_unique<FakeRequest>(exchange));
  exchange.observe(requests.back().get());  // not before: the queue may lack the memory for it
  if (answers_at_once) {
    ++started_;
    handler(*requests.back());
  }
  return true;
}

std::size_t FakeApplication::run_pending(std::size_t most) {
  std::size_t count = 0;
  for (; count < most && started_ < requests.size(); ++count) {
    FakeRequest& request = *requests[started_++];
    if (handler && !request.lost) handler(request);
  }
  most_per_turn = std::max(most_per_turn, count);
  return count;
}

}  // namespace fasterapi::support
