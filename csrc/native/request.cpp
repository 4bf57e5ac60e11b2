// native/request.cpp: see request.hpp.
#include "native/request.hpp"

#include <utility>

#include "native/api.hpp"
#include "native/application.hpp"
#include "native/request_pool.hpp"

namespace fasterapi::native {

using base::ByteView;

RequestCopy::RequestCopy(const server::Exchange& exchange, ByteView body_bytes,
                         const http::PathPattern::Captures& captured) {
  const http::RequestHead& head = exchange.head();
  const base::Address& peer = exchange.peer();
  std::size_t size = head.raw_path().size() + head.query().size() + body_bytes.size();
  if (!peer.is_unix) size += peer.host.size();
  for (std::size_t index = 0; index < head.field_count(); ++index)
    size += head.field(index).name.size() + head.field(index).value.size();
  bytes.reserve(size);  // the views stay where they are
  fields.reserve(head.field_count());
  method = head.method();
  raw_path = keep(head.raw_path());
  query = keep(head.query());
  body = keep(body_bytes);
  for (std::size_t index = 0; index < head.field_count(); ++index) {
    const ByteView name = keep(head.field(index).name);
    fields.push_back({name, keep(head.field(index).value)});
  }
  if (!peer.is_unix) {
    peer_host = keep(peer.host);
    peer_port = peer.port;
  }
  minor_version = head.minor_version();
  for (std::size_t index = 0; index < captures.size(); ++index) {
    if (captured[index].data())
      captures[index] =
          raw_path.substr(static_cast<std::size_t>(captured[index].data() - head.raw_path().data()),
                          captured[index].size());
  }
}

ByteView RequestCopy::keep(ByteView view) {
  const std::size_t begin = bytes.size();
  bytes.append(view);
  return ByteView(bytes).substr(begin);
}

void Request::begin(Application& application, server::Exchange& exchange, const Route& route,
                    const http::PathPattern::Captures& captures) noexcept {
  api = &native::api();
  application_ = &application;
  exchange_ = &exchange;
  route_ = &route;
  captures_ = captures;
  state = State::Running;
  exchange.observe(this);
}

void Request::detach() noexcept {
  if (server::Exchange* exchange = std::exchange(exchange_, nullptr)) exchange->observe(nullptr);
}

void Request::end() noexcept {
  detach();
  response.reset();
  copy_.reset();
  mailbox_.reset();
  application_ = nullptr;
  completion_ = FA_ERROR;
  lost_ = nullptr;
  state = State::Idle;
}

void Request::call_lost() noexcept {
  if (lost_) std::exchange(lost_, nullptr)(lost_argument_);
}

// --- the request

ByteView Request::method() const noexcept {
  if (copy_) return copy_->method;
  return exchange_ ? exchange_->head().method() : ByteView();
}

ByteView Request::raw_path() const noexcept {
  if (copy_) return copy_->raw_path;
  return exchange_ ? exchange_->head().raw_path() : ByteView();
}

ByteView Request::query() const noexcept {
  if (copy_) return copy_->query;
  return exchange_ ? exchange_->head().query() : ByteView();
}

int Request::minor_version() const noexcept {
  if (copy_) return copy_->minor_version;
  return exchange_ ? exchange_->head().minor_version() : 1;
}

ByteView Request::peer_host() const {
  if (copy_) return copy_->peer_host;
  if (!exchange_ || exchange_->peer().is_unix) return {};
  return exchange_->peer().host;
}

int Request::peer_port() const {
  if (copy_) return copy_->peer_port;
  return exchange_ && !exchange_->peer().is_unix ? exchange_->peer().port : 0;
}

std::size_t Request::field_count() const noexcept {
  if (copy_) return copy_->fields.size();
  return exchange_ ? exchange_->head().field_count() : 0;
}

http::RequestHead::Field Request::field(std::size_t index) const noexcept {
  return copy_ ? copy_->fields[index] : exchange_->head().field(index);
}

ByteView Request::capture(std::size_t index) const noexcept {
  if (copy_) return copy_->captures[index];
  return exchange_ ? captures_[index] : ByteView();
}

ByteView Request::body() const noexcept {
  if (copy_) return copy_->body;
  return exchange_ && route_->max_body > 0 ? exchange_->body() : ByteView();
}

// --- later

std::uint64_t Request::defer() {
  if (state != State::Running || !exchange_) return 0;
  if (!mailbox_) {
    copy_ = std::make_unique<RequestCopy>(*exchange_, body(), captures_);
    mailbox_ = application_->mailbox();
    ticket_ = new_ticket();
  }
  return ticket_;
}

void Request::set_lost(void (*call)(void*), void* argument) noexcept {
  lost_ = call;
  lost_argument_ = argument;
}

int Request::complete(std::uint64_t ticket, int result) noexcept {
  if (ticket == 0 || !ticket_.compare_exchange_strong(ticket, 0)) return FA_E_TICKET;
  completion_ = result;
  const std::shared_ptr<Mailbox> mailbox = mailbox_;  // behind post() the request is the loop's
  if (!mailbox->post(*this)) {
    end();
    RequestPool::of_process().give_back(*this);
  }
  return FA_OK;
}

// --- the exchange's news

void Request::on_request_progress() {
  if (state == State::Body) application_->body_progressed(*this);
}

void Request::on_lost(server::Exchange&) {
  exchange_ = nullptr;
  application_->request_lost(*this);
}

}  // namespace fasterapi::native
