// The visibility bitmap of a read: begin in (minBegin, at] and not ended at `at`.
#include <algorithm>
#include <cstring>

#include "../filter/range-kernels.h"
#include "bitmap.h"
#include "segment.h"

namespace redkite::segment {
namespace {

constexpr uint32_t kBlockRows = 1u << kEndBlockLog2;
constexpr uint32_t kBlockWords = kBlockRows / 64;

/**
 * Bits of rows that had not ended: inverted ends in [0, ~at), or 0, which is "never" at any time. Another thread may be
 * ending rows meanwhile; each end is one aligned word, so a wide load sees it before or after.
 */
void liveWords(const uint64_t* inverted, uint32_t n, uint64_t at, uint64_t* out) {
  const uint64_t high = std::max<uint64_t>(~at, 1) - 1;
#if defined(__SANITIZE_THREAD__)
  std::fill_n(out, wordsFor(n), 0);
  for (uint32_t i = 0; i < n; i++) {
    out[i / 64] |= static_cast<uint64_t>(__atomic_load_n(inverted + i, __ATOMIC_RELAXED) <= high) << (i % 64);
  }
#else
  filter::rangeKernels().u64(inverted, n, 0, high, out);
#endif
}

}  // namespace

uint32_t Segment::visibleRows(const Snapshot& snapshot, Visibility v, uint64_t* words) const {
  const uint32_t rows = snapshot.rows;
  if (rows == 0) return 0;
  const bool allBegun = maxTimestamp() <= v.at && (v.minBegin == 0 || minTimestamp() > v.minBegin);
  const uint64_t* inverted = ends_->count() == 0 ? nullptr : ends_->inverted();
  const uint32_t count = wordsFor(rows);
  if (allBegun) {
    std::memset(words, 0xff, size_t{count} * 8);
    words[count - 1] = lastWordMask(rows);
  } else if (v.minBegin != 0 && v.minBegin >= v.at) {
    std::memset(words, 0, size_t{count} * 8);
    return 0;
  } else {
    filter::rangeKernels().u64(snapshot.layout->begins, rows, v.minBegin == 0 ? 0 : v.minBegin + 1, v.at, words);
  }
  if (inverted == nullptr) return allBegun ? rows : countBits(words, rows);
  for (uint32_t block = 0; uint64_t{block} * kBlockRows < rows; block++) {
    if (!ends_->blockHasEnds(block)) continue;
    const uint32_t first = block * kBlockRows;
    const uint32_t n = std::min(kBlockRows, rows - first);
    uint64_t live[kBlockWords];
    liveWords(inverted + first, n, v.at, live);
    for (uint32_t i = 0; i < wordsFor(n); i++) words[first / 64 + i] &= live[i];
  }
  return countBits(words, rows);
}

}  // namespace redkite::segment
