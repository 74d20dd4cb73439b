// A query made ready to be compared with raw rows: the exact distances of every dense type and metric.
#pragma once

#include <cstdint>
#include <vector>

#include "redkite/kernels.h"
#include "redkite/types.h"

namespace redkite {

/// Rows that `Scorer::distances` takes at once at most.
inline constexpr uint32_t kScorerBatch = 64;

/// Widens and holds one query. "Distance" is the internal order: smaller is better for every metric (ip and
/// cosine negated), NaN mapped to +inf. `scoreOf` turns it into the score that callers see.
class Scorer {
 public:
  /// `metricAllowed(type, metric)` must hold and type must not be sparse. `minHash`, which must fit the dimension, counts for MHJACCARD alone.
  Scorer(VectorType type, Metric metric, uint32_t dim, const KernelTable& table = kernels(), const MinHash& minHash = {});

  /// Takes the next query: rowBytes(type, dim) bytes, no alignment needed.
  void setQuery(const uint8_t* query);

  /// The same for f32, f16 and bf16 rows from dim floats.
  void setFloats(const float* query);

  /// Distances of `n` (at most kScorerBatch) rows.
  void distances(const uint8_t* const* rows, uint32_t n, float* out) const;

  float scoreOf(float distance) const { return largerIsBetter(metric_) ? -distance : distance; }
  static float scoreOf(Metric metric, float distance) { return largerIsBetter(metric) ? -distance : distance; }

 private:
  friend void tileDistances(const Scorer* const* scorers, uint32_t nq, const uint8_t* const* rows, uint32_t n, float* out);
  void takeWideNorm();
  void takeSquaredNorm(float squared);
  float cosineDistance(float dot, float norm) const;
  void minHashDistances(const uint8_t* const* rows, uint32_t n, float* out) const;

  VectorType type_;
  Metric metric_;
  uint32_t dim_;
  const KernelTable* table_;
  std::vector<float> wide_;      // f32, f16, bf16
  std::vector<uint8_t> bytes_;   // i8, binary
  float inverseNorm_ = 0;        // cosine; 0 for a zero query
  uint32_t queryBits_ = 0;       // relations
  MinHash minHash_;
};

/// Distances of `nq` queries of one type, metric and dimension to `n` rows (each at most kScorerBatch): out[q * n + i], the
/// same values as `Scorer::distances`, rows read once for several queries.
void tileDistances(const Scorer* const* scorers, uint32_t nq, const uint8_t* const* rows, uint32_t n, float* out);

/// Widens a row of f32, f16, bf16 or i8 to f32.
void widenRow(VectorType type, const uint8_t* row, uint32_t dim, float* out);

}  // namespace redkite
