// Inverted lists over sparse rows: exact inner-product search without touching rows that share nothing with the query.
//
// The walk goes through the rows in windows whose sums fit the first-level cache. Within a window the lists that matter are added up in
// turn; lists that together cannot lift a row above the worst hit so far are left out and looked up only for rows that come
// near (Turtle and Flood's MaxScore, "Query evaluation: strategies and optimizations", section 4, in windows).
#pragma once

#include <cstdint>

#include "redkite/hnsw.h"
#include "redkite/types.h"

namespace redkite {

struct SparseSearchParams {
  /// Share of a query's entries, those of least magnitude, that are left out: [0, 1).
  float dropRatio = 0;
  /// Add every list up instead of leaving any out: the same hits, for comparison.
  bool everyList = false;
};

/// Builds the file (docs/internals/sparse-index-file.md) over the rows that are set in `indexed`. Rows whose length is no multiple of 8
/// or whose indices do not ascend are `corrupted`.
Result<AlignedBytes> buildSparseIndex(const SparseView& view, const Bitset& indexed, const HnswBuildControl& control);

/// An opened file. Cheap to copy; does not own the bytes. Safe to search from any number of threads at once.
class SparseIndex {
 public:
  /// Checks the header and every size and offset. `data` must be 64-byte aligned and stay mapped.
  static Result<SparseIndex> open(const uint8_t* data, size_t bytes);
  /// Whether the bytes begin like such a file.
  static bool recognises(const uint8_t* data, size_t bytes);
  /// Reads everything and compares the checksum.
  Status verify() const;

  uint32_t rows() const { return rows_; }
  uint64_t postings() const { return postings_; }

  /// The hits and scores of sparseFlatSearch over the same rows, bit for bit, unless entries are dropped.
  Status search(const SparseRow* queries, uint32_t nq, const Bitset& visible, const SearchParams& params, const SparseSearchParams& sparse,
                CancelToken cancel, const HitBuffer& out, SearchStats* stats) const;

 private:
  friend class SparseWalk;
  const uint8_t* data_ = nullptr;
  size_t bytes_ = 0;
  uint32_t rows_ = 0;
  uint32_t lists_ = 0;
  uint64_t postings_ = 0;
  const uint32_t* dimensions_ = nullptr;
  const uint64_t* starts_ = nullptr;
  const float* bounds_ = nullptr;
  const uint32_t* rowIds_ = nullptr;
  const float* values_ = nullptr;
};

}  // namespace redkite
