// One thread's walks over a sparse index: bounds added up in windows of rows, scores of the rows whose bounds reach the hits so far.
#pragma once

#include <cstdint>
#include <vector>

#include "redkite/kernels.h"
#include "redkite/sparse-index.h"
#include "sparse-file.h"
#include "sparse-scoring.h"
#include "top-hits.h"

namespace redkite {

class SparseWalk {
 public:
  SparseWalk(const SparseIndex& index, const Bitset& visible, const SearchParams& params);

  /// Leaves the hits in `top`. False when canceled.
  bool run(const SparseRow& query, float dropRatio, TopHits& top, CancelToken cancel);

  /// Codes added up, and scores computed.
  uint64_t codes() const { return codes_; }
  uint64_t scores() const { return scores_; }
  /// Read for both.
  uint64_t bytes() const { return bytes_; }

 private:
  struct Term {
    PostingList list;
    float weight = 0;
    /// Bounds are codes times this, by 256.
    uint16_t factor = 0;
    /// Postings of this window: the first, and the first behind it.
    uint64_t from = 0;
    uint64_t at = 0;
  };

  void takeTerms(const SparseRow& query, float dropRatio);
  void scaleBounds();
  double gain() const;
  bool addUp(uint32_t base, uint32_t rows);
  void offer(uint32_t base, uint32_t rows, TopHits& top);
  void offerBest(uint32_t base, uint32_t words, size_t count, TopHits& top);
  void takeCandidates(uint32_t words, uint16_t bar);
  uint16_t likelyBar(uint32_t words, size_t count);
  void offerRow(uint32_t row, TopHits& top);
  void raiseBar(const TopHits& top);
  float scoreOf(uint32_t row);

  const SparseIndex& index_;
  const Bitset& visible_;
  const SearchParams& params_;
  const SparseScoring scoring_;
  const TermKernels kernels_;
  std::vector<Term> terms_;
  /// Upper bounds of what a list adds to a score at most, by term.
  std::vector<double> most_;
  std::vector<uint16_t> sums_;
  std::vector<uint64_t> candidates_;
  std::vector<uint64_t> above_;
  std::vector<uint32_t> best_;
  std::vector<uint16_t> maxima_;
  /// What bounds are multiplied by in the sums; 0: they are not, and every row of a list is a candidate.
  double scale_ = 0;
  /// What a computed score may be wrong by, as a share.
  double rounding_ = 0;
  /// Sums must be above this.
  uint16_t bar_ = 0;
  uint64_t codes_ = 0;
  uint64_t scores_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace redkite
