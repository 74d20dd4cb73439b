// When row versions ended. Most rows never end, so nothing is allocated until the first one does.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "buffer.h"

namespace redkite::segment {

inline constexpr uint64_t kNeverEnded = ~uint64_t{0};

/** Rows that share one counter of ended rows. */
inline constexpr uint32_t kEndBlockLog2 = 12;

/**
 * Kept inverted, so that the zero pages of a fresh reservation mean "not ended". One writer; readers load words atomically and never
 * see an end move later. Blocks without an ended row are skipped by their counter.
 */
class EndTimes {
 public:
  explicit EndTimes(uint32_t rowsMax) : rowsMax_(rowsMax) {}

  /** Allocates the array; called before the first `end`. */
  Status prepare();

  uint64_t at(uint32_t row) const {
    const uint64_t* words = words_.load(std::memory_order_acquire);
    return words == nullptr ? kNeverEnded : ~__atomic_load_n(words + row, __ATOMIC_RELAXED);
  }

  /** Moves the end of `row` to `end` when that is earlier; whether it was. `prepare` succeeded before. */
  bool end(uint32_t row, uint64_t end);

  /** Rows ended so far, at whatever time. */
  uint64_t count() const { return count_.load(std::memory_order_acquire); }
  bool blockHasEnds(uint32_t block) const {
    return blocks_.load(std::memory_order_acquire)[block].load(std::memory_order_relaxed) != 0;
  }
  /** Bytes that the ends take. */
  uint64_t usedBytes() const { return used_.load(std::memory_order_relaxed); }
  /** Inverted ends [rowsMax], null when no row ever ended. */
  const uint64_t* inverted() const { return words_.load(std::memory_order_acquire); }

 private:
  uint32_t rowsMax_;
  std::atomic<const uint64_t*> words_{nullptr};
  std::atomic<std::atomic<uint32_t>*> blocks_{nullptr};
  std::atomic<uint64_t> count_{0};
  std::atomic<uint64_t> used_{0};
  std::shared_ptr<Region> region_;
  std::shared_ptr<Region> blockRegion_;
};

}  // namespace redkite::segment
