// The best rows of one query while lists are scanned.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "top-hits.h"

namespace redkite {

/// The `limit` smallest of a stream, in any order: cheaper than a heap while most of what comes is better than the worst.
class Reservoir {
 public:
  void reset(size_t limit) {
    limit_ = limit;
    held_.clear();
    worst_ = ~uint64_t{0};
  }
  /// What is not below this is not kept.
  RankedRow worst() const { return worst_; }
  float worstDistance() const { return worst_ == ~uint64_t{0} ? std::numeric_limits<float>::infinity() : distanceOf(worst_); }
  bool full() const { return held_.size() >= limit_; }
  void add(RankedRow row) {
    if (row >= worst_) return;
    held_.push_back(row);
    if (held_.size() >= limit_ * 2 + 64) cut();
  }
  /// The kept rows, best first.
  std::vector<RankedRow>& sorted() {
    if (held_.size() > limit_) cut();
    std::sort(held_.begin(), held_.end());
    return held_;
  }

 private:
  void cut() {
    std::nth_element(held_.begin(), held_.begin() + static_cast<ptrdiff_t>(limit_) - 1, held_.end());
    held_.resize(limit_);
    worst_ = held_.back();
  }

  std::vector<RankedRow> held_;
  size_t limit_ = 0;
  RankedRow worst_ = 0;
};

/// Rows whose distances lie within known bounds: all that may still be among the `limit` smallest.
class BoundedRows {
 public:
  void reset(size_t limit) {
    upper_.reset(limit);
    rows_.clear();
    keptMax_ = limit * 4 + 1024;
  }
  /// No row with a lower bound above this can be among the best.
  float worst() const { return upper_.worst() == ~uint64_t{0} ? std::numeric_limits<float>::infinity() : distanceOf(upper_.worst()); }
  /// Whether `limit` rows that count are known.
  bool full() const { return upper_.worst() != ~uint64_t{0}; }
  /// `counts` false: the row may not be asked for at all, so it displaces none.
  void add(float lower, float upper, uint32_t place, bool counts) {
    rows_.push_back(rankedRow(lower, place));
    if (counts) upper_.add(rankedRow(upper, place));
    if (rows_.size() < keptMax_) return;
    const float worst = this->worst();
    std::erase_if(rows_, [worst](RankedRow row) { return distanceOf(row) > worst; });
    // Where nothing can be left out, looking again and again would not help.
    keptMax_ = std::max(keptMax_, rows_.size() * 2);
  }
  /// By ascending lower bound.
  std::vector<RankedRow>& sorted() {
    const float worst = this->worst();
    std::erase_if(rows_, [worst](RankedRow row) { return distanceOf(row) > worst; });
    std::sort(rows_.begin(), rows_.end());
    return rows_;
  }

 private:
  TopHits upper_;
  std::vector<RankedRow> rows_;
  size_t keptMax_ = 0;
};

}  // namespace redkite
