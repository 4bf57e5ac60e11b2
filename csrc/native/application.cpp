// native/application.cpp: see application.hpp.
#include "native/application.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "native/request_pool.hpp"

namespace fasterapi::native {
namespace {

using base::ByteView;

constexpr int kThrew = std::numeric_limits<int>::min();  // nothing that a handler may return

ByteView cause_of(int result, bool deferred) noexcept {
  switch (result) {
    case FA_ERROR:
      return "has failed";
    case kThrew:
      return "has thrown an exception";
    case FA_ASYNC:
      return deferred ? "was completed with FA_ASYNC" : "returned FA_ASYNC without fa_defer()";
    default:
      return "returned what is no result";
  }
}

// Status and fields were checked when the handler gave them: no error is possible.
void send_head(server::Exchange& exchange, const Response& response) {
  exchange.record_access(response.status());
  (void)exchange.begin_head(response.status());
  for (std::size_t index = 0; index < response.field_count(); ++index) {
    const Response::Field field = response.field(index);
    (void)exchange.add_field(field.name, field.value);
  }
  if (response.status() != 304) {  // which would say how long the body of a 200 is
    std::array<char, 20> digits;
    const char* end =
        std::to_chars(digits.data(), digits.data() + digits.size(), response.body_size()).ptr;
    (void)exchange.add_field("content-length",
                             {digits.data(), static_cast<std::size_t>(end - digits.data())});
  }
  (void)exchange.end_head();
}

void send_body(server::Exchange& exchange, Response& response) {
  const ByteView small = response.small_body();
  if (small.empty()) {
    (void)exchange.send_body(response.take_body(), false);
  } else {
    (void)exchange.send_body(small, false);
  }
}

}  // namespace

Application::Application(RouteTable routes, Surroundings surroundings)
    : routes_(std::move(routes)),
      surroundings_(std::move(surroundings)),
      mailbox_(std::make_shared<Mailbox>(surroundings_.wake)) {}

// --- which requests there are

Request& Application::take() {
  if (spare_.empty()) {
    // Whatever becomes of a request then needs no memory.
    if (spare_.capacity() <= made_) spare_.reserve(2 * made_ + 1);
    if (requests_.capacity() <= made_) requests_.reserve(2 * made_ + 1);
    spare_.push_back(&RequestPool::of_process().take());
    ++made_;
  }
  Request& request = *spare_.back();
  spare_.pop_back();
  return request;
}

void Application::give_back(Request& request) noexcept {
  request.end();
  spare_.push_back(&request);
}

void Application::keep(Request& request, Request::State state) {
  request.state = state;
  request.position = requests_.size();
  requests_.push_back(&request);
}

void Application::forget(Request& request) noexcept {
  request.state = Request::State::Running;
  requests_[request.position] = requests_.back();
  requests_[request.position]->position = request.position;
  requests_.pop_back();
}

void Application::request_lost(Request& request) noexcept {
  if (request.state == Request::State::Running) return;  // seen when its handler has ended
  if (request.state == Request::State::Held) std::erase(held_, &request);
  const bool deferred = request.state == Request::State::Deferred;
  forget(request);
  if (!deferred) return give_back(request);
  request.call_lost();  // it stays its plug-in's until that completes it
}

void Application::close() noexcept {
  while (!requests_.empty()) {
    Request& request = *requests_.back();
    request.detach();
    request_lost(request);
  }
  mailbox_->close();
  for (Request* request = mailbox_->take(); request;)
    give_back(*std::exchange(request, request->next));
  for (Request* request : std::exchange(spare_, {})) RequestPool::of_process().give_back(*request);
  made_ = 0;
}

// --- how one is answered

bool Application::start(server::Exchange& exchange) {
  http::PathPattern::Captures captures;
  const http::RequestHead& head = exchange.head();
  const Route* route = routes_.find(head.method(), head.raw_path(), captures);
  if (!route) return false;
  const bool awaits_body = route->max_body > 0 && head.has_body();
  if (awaits_body && head.content_length().value_or(0) > route->max_body) {
    exchange.refuse(413, kTooLarge);
    return true;
  }
  exchange.offer_head();
  Request& request = take();
  request.begin(*this, exchange, *route, captures);
  if (!awaits_body && !route->holds_gil) return run(request);
  if (awaits_body) {
    await_body(request);
  } else {
    hold(request);
  }
  return true;
}

void Application::await_body(Request& request) {
  server::Exchange& exchange = *request.exchange();
  keep(request, Request::State::Body);
  exchange.want_body(request.route().max_body);
  if (exchange.head().expect_continue()) exchange.send_continue();
}

void Application::body_progressed(Request& request) {
  server::Exchange& exchange = *request.exchange();
  const bool too_large = exchange.body().size() > request.route().max_body;
  if (!too_large && !exchange.request_complete() && !exchange.peer_closed()) return;
  forget(request);
  if (too_large) {
    give_back(request);
    exchange.refuse(413, kTooLarge);
  } else if (!exchange.request_complete()) {  // and never will be
    give_back(request);
    exchange.abort();
  } else if (request.route().holds_gil) {
    hold(request);
  } else if (!run(request)) {
    exchange.pass_on(*this);
  }
}

void Application::hold(Request& request) {
  held_.push_back(&request);
  keep(request, Request::State::Held);
}

std::size_t Application::run_pending(std::size_t most) {
  for (Request* request = mailbox_->take(); request;)
    completed(*std::exchange(request, request->next));
  std::size_t started = 0;
  for (; started < most && !held_.empty(); ++started) {
    Request& request = *held_.front();
    held_.pop_front();
    forget(request);
    server::Exchange& exchange = *request.exchange();
    if (!run(request)) exchange.pass_on(*this);
  }
  return started;
}

int Application::call(Request& request) {
  try {
    return request.route().handler(&request, request.route().user);
  } catch (...) {  // a plug-in's own, of whatever kind: it is told of as any failure
    return kThrew;
  }
}

// False: the handler has passed, and the exchange is as it was.
bool Application::run(Request& request) {
  const int result = call(request);
  const bool awaited = result == FA_ASYNC && request.deferred();
  // A handler may have deferred and then decided otherwise; too late if it is completed already.
  const bool is_plugins = awaited || (request.deferred() && !request.revoke());
  if (!request.exchange()) {  // what needs the GIL may have closed the server
    if (!is_plugins) give_back(request);
    return true;
  }
  if (awaited) {
    begin_deferred(request);
    return true;
  }
  if (!is_plugins) return finish(request, result);
  fail(request, "has returned a result and was completed, too");
  request.detach();
  return true;
}

bool Application::finish(Request& request, int result) {
  if (result == FA_PASS) {
    give_back(request);
    return false;
  }
  // Not before the handler: what it passes on has not begun.
  if (!request.deferred()) request.exchange()->note_start();
  // What the handler's last call has refused is as good as the mistake that it is.
  if (result == FA_DONE || result == request.response.mistake()) {
    respond(request);
  } else {
    fail(request, cause_of(result, request.deferred()));
  }
  give_back(request);
  return true;
}

void Application::respond(Request& request) {
  if (const int mistake = request.response.mistake(); mistake != FA_OK)
    return fail(request, "has made a bad response: ", text_of_mistake(mistake));
  try {
    send_head(*request.exchange(), request.response);
    // A connection that broke meanwhile has taken its exchange along.
    if (request.exchange()) send_body(*request.exchange(), request.response);
  } catch (const std::bad_alloc&) {
    if (request.exchange()) request.exchange()->refuse(500, kFailed);
  }
}

void Application::fail(Request& request, ByteView cause, ByteView detail) noexcept {
  request.exchange()->refuse(500, kFailed);
  warn(request, cause, detail);
}

void Application::warn(const Request& request, ByteView cause, ByteView detail) noexcept {
  try {
    const Route& route = request.route();
    std::string text = "Native handler " + route.method + " " + route.pattern.text() + " ";
    surroundings_.log.warning(text.append(cause).append(detail).append("."));
  } catch (const std::bad_alloc&) {  // a line is missing where memory is
  }
}

// --- later

void Application::begin_deferred(Request& request) {
  request.exchange()->note_start();
  keep(request, Request::State::Deferred);
  request.deadline_ms = kNever;
  if (request.route().timeout_ms == base::kUnlimited) return;
  const std::uint64_t now_ms = base::monotonic_ms();
  request.deadline_ms = now_ms + request.route().timeout_ms;
  call_by(request.deadline_ms, now_ms);
}

void Application::completed(Request& request) {
  server::Exchange* exchange = request.exchange();
  if (!exchange) return give_back(request);
  forget(request);
  if (!finish(request, request.completion())) exchange->pass_on(*this);
}

void Application::call_by(std::uint64_t due_ms, std::uint64_t now_ms) {
  if (due_ms >= timer_due_ms_) return;
  timer_due_ms_ = due_ms;
  surroundings_.call_in(due_ms - now_ms);
}

void Application::on_time() {
  const std::uint64_t now_ms = base::monotonic_ms();
  std::uint64_t next_ms = kNever;
  for (std::size_t index = requests_.size(); index-- > 0;) {
    Request& request = *requests_[index];
    if (request.state != Request::State::Deferred) continue;
    if (request.deadline_ms <= now_ms) {
      expire(request);
    } else {
      next_ms = std::min(next_ms, request.deadline_ms);
    }
  }
  timer_due_ms_ = kNever;
  if (next_ms != kNever) call_by(next_ms, now_ms);
}

void Application::expire(Request& request) noexcept {
  request.exchange()->refuse(504, "Gateway Timeout");
  request.detach();
  warn(request, "was not completed in time");
  request_lost(request);
}

}  // namespace fasterapi::native
