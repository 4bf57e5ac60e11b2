// tests/fuzz/server_fuzz/output.hpp: whether what a peer has received is what was answered: whole
// responses, one per request, in order, and nothing behind the last. Reads HTTP by itself.
#pragma once

#include "application.hpp"
#include "network.hpp"

namespace fasterapi::fuzz {

// Aborts if not.
void check_output(const Peer& peer, const std::deque<Answer>& answers);

}  // namespace fasterapi::fuzz
