// loop/thread_switches.hpp: how often the kernel has taken the calling thread from its core.
#pragma once

namespace fasterapi::loop {

// Because it waited, or because another one's turn had come. A system call.
[[nodiscard]] long thread_switches() noexcept;

}  // namespace fasterapi::loop
