// Exact search of many queries at once: rows are coded in 8 bits as they stream by, and only those whose codes leave it open
// whether they are among the best are compared exactly. The bound holds always (Cauchy-Schwarz), so the hits are those of a plain scan.
#pragma once

#include <cstdint>
#include <vector>

#include "redkite/hnsw.h"
#include "redkite/kernels.h"
#include "redkite/scorer.h"
#include "redkite/types.h"
#include "top-hits.h"

namespace redkite {

/// Queries that a BlockScan takes at once.
inline constexpr uint32_t kBlockScanQueries = 20 * kBlockQueries;

class BlockScan {
 public:
  /// Whether it is faster than comparing every row exactly, as far as one can tell beforehand.
  static bool suits(const VectorView& view, const SearchParams& params, uint32_t nq, uint32_t visibleRows);

  /// Remembers the references. False from `ready` when there is no memory.
  BlockScan(const VectorView& view, Metric metric, const SearchParams& params);
  bool ready() const { return packed_.data() != nullptr && scratch_.data() != nullptr; }

  /// At most kBlockScanQueries queries, rowBytes(type, dim) bytes each; scorers[q] holds query q.
  void setQueries(const uint8_t* queries, const Scorer* scorers, uint32_t nq);

  /// Offers `n` (at most 64) rows to the best of each query.
  void compare(const uint8_t* const* rows, const uint32_t* ids, uint32_t n, TopHits* tops);

  uint64_t exactDistances() const { return exact_; }
  /// The codes are too coarse for this data: too many rows are compared twice. (The first few thousand always are.)
  bool pointless() const { return offered_ >= uint64_t{nq_} * 8192 && exact_ * 8 > offered_; }

 private:
  void setQuery(const uint8_t* query, uint32_t q);
  void compareBlock(const uint8_t* const* rows, const uint32_t* ids, uint32_t n, TopHits* tops);
  void applyMetric();

  const VectorView& view_;
  Metric metric_;
  const SearchParams& params_;
  const RowBlockKernels& kernel_;
  uint32_t padded_;
  float rounding_;
  const Scorer* scorers_ = nullptr;
  uint32_t nq_ = 0;
  std::vector<float> center_;
  std::vector<float> wide_;
  std::vector<int8_t> row_;
  std::vector<int8_t> codes_;  // [groups][padded / 4][kBlockQueries][4]
  std::vector<QueryBlock> queries_;
  AlignedBytes packed_;
  AlignedBytes scratch_;
  RowBlock block_{};
  uint64_t exact_ = 0;
  uint64_t offered_ = 0;
};

}  // namespace redkite
