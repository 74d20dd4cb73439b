// Inverted lists over sparse rows: exact search by inner product or BM25 without touching rows that share nothing with the query.
//
// A list keeps for each of its rows a byte that says what the row's entry counts at most. A search adds these bounds up in windows of rows
// whose sums fit the first-level cache, 16 bits each, and computes the scores of the rows alone whose sums reach the worst hit so far.
// Lists that many rows are in are bytes for all rows, which vector instructions add up; the others are postings. All postings are added up,
// as long as that costs less than choosing among them (compare Turtle and Flood, "Query evaluation: strategies and optimizations").
//
// The bounds of BM25 are made for the k1, b and average length at build. They hold for others after they were multiplied by the most
// that an entry can gain from the change, so that a search is exact for any numbers, and fastest near those of the build.
#pragma once

#include <cstdint>

#include "redkite/hnsw.h"
#include "redkite/types.h"

namespace redkite {

struct SparseBuildParams {
  Metric metric = Metric::ip;
  /// For BM25. `avgdl` does not count: the build takes that of its rows.
  Bm25 bm25;
};

struct SparseSearchParams {
  /// Share of a query's entries, those of least magnitude, that are left out: [0, 1).
  float dropRatio = 0;
};

/// Builds the file (docs/internals/sparse-index-file.md) over the rows that are set in `indexed`. Rows whose length is no multiple of 8
/// or whose indices do not ascend are `corrupted`.
Result<AlignedBytes> buildSparseIndex(const SparseView& view, const Bitset& indexed, const SparseBuildParams& params, const HnswBuildControl& control);

struct PostingList;

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
  Metric metric() const { return metric_; }

  /// The hits and scores of sparseFlatSearch over the same rows by the file's metric, bit for bit, unless entries are dropped.
  Status search(const SparseRow* queries, uint32_t nq, const Bitset& visible, const SearchParams& params, const SparseSearchParams& sparse,
                CancelToken cancel, const HitBuffer& out, SearchStats* stats) const;

 private:
  friend class SparseWalk;
  PostingList list(uint32_t index) const;

  const uint8_t* data_ = nullptr;
  size_t bytes_ = 0;
  uint32_t rows_ = 0;
  uint32_t lists_ = 0;
  uint64_t postings_ = 0;
  Metric metric_ = Metric::ip;
  /// What the codes were made for, and between which frequencies and up to which length; for BM25.
  Bm25 bm25_;
  float leastTerm_ = 0;
  float mostTerm_ = 0;
  float longest_ = 0;
  const uint32_t* dimensions_ = nullptr;
  const uint64_t* starts_ = nullptr;
  const float* bounds_ = nullptr;
  /// Null in files of version 1, which keep ids alone.
  const uint64_t* places_ = nullptr;
  const uint8_t* postingBytes_ = nullptr;
  const float* values_ = nullptr;
  const float* lengths_ = nullptr;
};

}  // namespace redkite
