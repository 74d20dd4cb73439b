// The rows that the best by code are ranked again on: those of the column, or a narrower copy of them in the index file.
#pragma once

#include <cstdint>
#include <vector>

#include "hnsw-walk.h"
#include "redkite/scorer.h"
#include "redkite/types.h"

namespace redkite {

/// What is ranked on where `asked` was asked for: a copy that were no narrower than the rows would be no use.
Refine refineOf(VectorType type, Refine asked);

inline bool isCopy(Refine refine) { return refine >= Refine::f16; }

/// Bytes of a copy as it lies in a file; 0 where there is none. For u8 the least value and the step of each dimension (f32 [2][dim], filled
/// up to a multiple of 64 bytes) come first; then the rows without gaps, for cosine of unit length.
uint64_t copyBytes(Refine refine, uint32_t dim, uint32_t rows);

/// Writes the copy of the rows named; others stay as they are. Values that are not finite have no place in a u8 copy: they become the nearest
/// that has one.
Status writeCopy(const VectorView& view, Metric metric, Refine refine, const std::vector<uint32_t>& rows, uint32_t threads, CancelToken cancel, uint8_t* copy);

/// A query's distances to such rows; a walk may take them too. Where there is a copy the rows of the view are not read.
class RefineRows {
 public:
  /// `copy` counts where `refine` says that there is one.
  RefineRows(const VectorView& view, Metric metric, Refine refine, const uint8_t* copy);
  RefineRows(const RefineRows&) = delete;
  RefineRows& operator=(const RefineRows&) = delete;

  /// Takes the next query, of the view's type.
  void setQuery(const uint8_t* query);

  size_t bytesPerRow() const { return rows_.bytesPerRow; }
  void prefetch(uint32_t row, size_t most = 512) const { prefetchBytes(rows_.row(row), rows_.bytesPerRow, most); }
  /// n is at most kScorerBatch.
  void distances(const uint32_t* rows, uint32_t n, float* out) const {
    if (ranges_ != nullptr) return decodedDistances(rows, n, out);
    const uint8_t* pointers[kScorerBatch];
    for (uint32_t i = 0; i < n; ++i) pointers[i] = rows_.row(rows[i]);
    scorer_.distances(pointers, n, out);
  }

 private:
  void decodedDistances(const uint32_t* rows, uint32_t n, float* out) const;

  VectorType queryType_;
  bool copied_;
  const float* ranges_ = nullptr;  ///< u8 copies only
  const uint8_t* first_ = nullptr;
  VectorView rows_;
  Scorer scorer_;
  std::vector<float> query_;
  mutable std::vector<float> decoded_;
};

}  // namespace redkite
