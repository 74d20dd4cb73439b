#include "end-times.h"

namespace redkite::segment {

Status EndTimes::prepare() {
  if (region_ != nullptr) return good();
  const uint64_t blocks = (uint64_t{rowsMax_} >> kEndBlockLog2) + 1;
  REDKITE_TRY(Region::reserve(blocks * sizeof(std::atomic<uint32_t>), blockRegion_));
  REDKITE_TRY(Region::reserve(uint64_t{rowsMax_} * 8, region_));
  blocks_.store(reinterpret_cast<std::atomic<uint32_t>*>(blockRegion_->data()), std::memory_order_release);
  words_.store(reinterpret_cast<const uint64_t*>(region_->data()), std::memory_order_release);
  return good();
}

bool EndTimes::end(uint32_t row, uint64_t end) {
  uint64_t* word = reinterpret_cast<uint64_t*>(region_->data()) + row;
  const uint64_t before = ~__atomic_load_n(word, __ATOMIC_RELAXED);
  if (before <= end) return false;
  __atomic_store_n(word, ~end, __ATOMIC_RELAXED);
  if (before == kNeverEnded) {
    // The word is written before the counters say that it is there.
    blocks_.load(std::memory_order_relaxed)[row >> kEndBlockLog2].fetch_add(1, std::memory_order_release);
    count_.fetch_add(1, std::memory_order_release);
    region_->charge((uint64_t{row} + 1) * 8);
    used_.store(region_->used(), std::memory_order_relaxed);
  }
  return true;
}

}  // namespace redkite::segment
