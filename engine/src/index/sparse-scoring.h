// What the entries of a sparse row add to a score: one arithmetic for scans and indexes, so that both answer bit for bit the same.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "redkite/types.h"
#include "sparse-rows.h"

namespace redkite {

/// Terms are counted up to here, so that no sum of them overflows.
inline constexpr float kTermFrequencyMax = 2147483648.0f;

inline float termFrequency(float value) { return value > 0 ? std::min(value, kTermFrequencyMax) : 0.0f; }

inline float lengthOf(const SparseRow& row) {
  double sum = 0;
  for (uint32_t pair = 0; pair < row.bytes / 8; ++pair) sum += termFrequency(valueAt(row, pair));
  return static_cast<float>(sum);
}

class SparseScoring {
 public:
  SparseScoring(Metric metric, const Bm25& bm25) : isBm25_(metric == Metric::bm25) {
    if (!isBm25_) return;
    factor_ = bm25.k1 + 1;
    base_ = bm25.k1 * (1 - bm25.b);
    slope_ = bm25.k1 * bm25.b / std::max(bm25.avgdl, 1.0f);
  }

  /// Refuses another metric, and numbers that make no scores.
  static Status check(Metric metric, const Bm25& bm25) {
    if (!metricAllowed(VectorType::sparse, metric)) return Status::invalid("sparse vectors are not compared by metric " + std::to_string(static_cast<int>(metric)));
    if (metric != Metric::bm25) return {};
    if (!(bm25.k1 >= 0 && bm25.k1 <= 3)) return Status::invalid("bm25_k1 is " + std::to_string(bm25.k1) + ", it must be in [0, 3]");
    if (!(bm25.b >= 0 && bm25.b <= 1)) return Status::invalid("bm25_b is " + std::to_string(bm25.b) + ", it must be in [0, 1]");
    if (!(bm25.avgdl >= 0) || std::isinf(bm25.avgdl)) return Status::invalid("bm25_avgdl is " + std::to_string(bm25.avgdl) + ", it must be a number of at least 0");
    return {};
  }

  bool isBm25() const { return isBm25_; }
  float base() const { return base_; }
  float slope() const { return slope_; }

  /// What an entry of the query multiplies parts by.
  float weight(float value) const { return isBm25_ ? value * factor_ : value; }
  /// What a row's length makes its terms count less by.
  float norm(float length) const { return base_ + slope_ * length; }
  /// What the weight is multiplied by, for an entry of a row with this norm.
  float part(float value, float norm) const {
    if (!isBm25_) return value;
    const float frequency = termFrequency(value);
    return frequency == 0 ? 0.0f : frequency / (frequency + norm);
  }

 private:
  bool isBm25_;
  float factor_ = 1;
  float base_ = 0;
  float slope_ = 0;
};

}  // namespace redkite
