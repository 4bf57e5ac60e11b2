// http/state.hpp: the state machine of one HTTP/1.1 connection, as a table per direction (RFC 9112
// section 9). Everything that decides what may come next stands here; a pair that is missing is an
// error.
#pragma once

#include <array>
#include <cstdint>

namespace fasterapi::http {

enum class RequestState : std::uint8_t { Idle, Body, Done, Failed };
enum class RequestEvent : std::uint8_t { HeadComplete, MessageComplete, NextCycle };

enum class ResponseState : std::uint8_t { Idle, Body, Done, Failed };
enum class ResponseEvent : std::uint8_t { HeadSent, BodyComplete, NextCycle };

template <class State, class Event>
struct Transition {
  State from;
  Event event;
  State to;
};
template <class State, class Event>
Transition(State, Event, State) -> Transition<State, Event>;  // clang before 17 needs it

inline constexpr std::array kRequestTransitions{
    Transition{RequestState::Idle, RequestEvent::HeadComplete, RequestState::Body},
    Transition{RequestState::Body, RequestEvent::MessageComplete, RequestState::Done},
    Transition{RequestState::Done, RequestEvent::NextCycle, RequestState::Idle}};

inline constexpr std::array kResponseTransitions{
    Transition{ResponseState::Idle, ResponseEvent::HeadSent, ResponseState::Body},
    Transition{ResponseState::Body, ResponseEvent::BodyComplete, ResponseState::Done},
    Transition{ResponseState::Done, ResponseEvent::NextCycle, ResponseState::Idle}};

template <class State, class Event, std::size_t N>
[[nodiscard]] constexpr State next(const std::array<Transition<State, Event>, N>& table, State from,
                                   Event event) {
  for (const auto& transition : table) {
    if (transition.from == from && transition.event == event) return transition.to;
  }
  return State::Failed;
}

[[nodiscard]] constexpr RequestState next(RequestState from, RequestEvent event) {
  return next(kRequestTransitions, from, event);
}
[[nodiscard]] constexpr ResponseState next(ResponseState from, ResponseEvent event) {
  return next(kResponseTransitions, from, event);
}

static_assert(next(RequestState::Idle, RequestEvent::MessageComplete) == RequestState::Failed);
static_assert(next(ResponseState::Done, ResponseEvent::HeadSent) == ResponseState::Failed);

}  // namespace fasterapi::http
