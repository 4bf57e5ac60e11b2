// tests/cpp/http/state_test.cpp: http/state.hpp.
#include "http/state.hpp"

#include <catch.hpp>

using namespace fasterapi::http;

TEST_CASE("a request is a head, a body and an end, then the next begins", "[http][state]") {
  RequestState state = RequestState::Idle;
  state = next(state, RequestEvent::HeadComplete);
  CHECK(state == RequestState::Body);
  state = next(state, RequestEvent::MessageComplete);
  CHECK(state == RequestState::Done);
  state = next(state, RequestEvent::NextCycle);
  CHECK(state == RequestState::Idle);
}

TEST_CASE("a response is a head, a body and an end, then the next begins", "[http][state]") {
  ResponseState state = ResponseState::Idle;
  state = next(state, ResponseEvent::HeadSent);
  CHECK(state == ResponseState::Body);
  state = next(state, ResponseEvent::BodyComplete);
  CHECK(state == ResponseState::Done);
  state = next(state, ResponseEvent::NextCycle);
  CHECK(state == ResponseState::Idle);
}

TEST_CASE("every other event of a request is a failure", "[http][state]") {
  using enum RequestState;
  using enum RequestEvent;
  int allowed = 0;
  for (const auto state : {Idle, Body, Done, Failed}) {
    for (const auto event : {HeadComplete, MessageComplete, NextCycle}) {
      if (next(state, event) != Failed) ++allowed;
    }
  }
  CHECK(allowed == 3);
}

TEST_CASE("every other event of a response is a failure", "[http][state]") {
  using enum ResponseState;
  using enum ResponseEvent;
  int allowed = 0;
  for (const auto state : {Idle, Body, Done, Failed}) {
    for (const auto event : {HeadSent, BodyComplete, NextCycle}) {
      if (next(state, event) != Failed) ++allowed;
    }
  }
  CHECK(allowed == 3);
}

TEST_CASE("nothing leads out of a failure", "[http][state]") {
  for (const auto event :
       {RequestEvent::HeadComplete, RequestEvent::MessageComplete, RequestEvent::NextCycle}) {
    CHECK(next(RequestState::Failed, event) == RequestState::Failed);
  }
  for (const auto event :
       {ResponseEvent::HeadSent, ResponseEvent::BodyComplete, ResponseEvent::NextCycle}) {
    CHECK(next(ResponseState::Failed, event) == ResponseState::Failed);
  }
}
