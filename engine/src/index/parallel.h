// Work split over the threads of one call.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "redkite/types.h"

namespace redkite {

/// Runs `body(begin, end)` over [0, n) in pieces of `step`, on this thread and threads - 1 others; each thread has its own body from `make()`.
/// Stops between pieces when `cancel` is raised.
template <class Make>
Status parallelFor(uint32_t threads, uint32_t n, uint32_t step, CancelToken cancel, const Make& make) {
  constexpr uint32_t threadsMax = 256;
  std::atomic<uint64_t> next{0};
  std::atomic<bool> outOfMemory{false};
  const auto work = [&] {
    try {
      auto body = make();
      for (uint64_t begin = next.fetch_add(step); begin < n && !outOfMemory && !cancel.raised(); begin = next.fetch_add(step)) {
        body(static_cast<uint32_t>(begin), static_cast<uint32_t>(std::min<uint64_t>(n, begin + step)));
      }
    } catch (const std::bad_alloc&) {
      outOfMemory = true;
    }
  };
  std::vector<std::thread> others;
  const uint64_t pieces = (uint64_t{n} + step - 1) / step;
  const uint64_t helpers = std::min<uint64_t>(std::clamp(threads, 1u, threadsMax), std::max<uint64_t>(pieces, 1)) - 1;
  try {
    for (uint64_t i = 0; i < helpers; ++i) others.emplace_back(work);
  } catch (const std::system_error&) {
    // Fewer threads than asked for do the same work.
  }
  work();
  for (std::thread& other : others) other.join();
  if (cancel.raised()) return Status::canceled();
  return outOfMemory ? Status::outOfMemory() : Status{};
}

}  // namespace redkite
