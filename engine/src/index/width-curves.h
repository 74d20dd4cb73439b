// What recall which width of a search brings, as an index measured it when it was built, and the width that a recall asks for.
//
// The width is ef for a graph and nprobe for lists. Stored in the index files: docs/internals/hnsw-index-file.md.
#pragma once

#include <cstdint>

namespace redkite {

inline constexpr uint32_t kCurvePointsMax = 31;
/// Hits a query that curves are measured for.
inline constexpr uint32_t kCurveHits[] = {1, 10, 100};
inline constexpr uint32_t kCurves = 3;

struct WidthPoint {
  uint32_t width;
  float recall;  ///< less one standard error of its measurement
};

struct WidthCurve {
  uint32_t k;
  uint32_t points;  ///< 0: not measured
  WidthPoint at[kCurvePointsMax];
};

struct WidthCurves {
  WidthCurve curves[kCurves];
};
static_assert(sizeof(WidthCurves) == 768);

/// The least width that keeps `target` for `k` hits: of fewer than any curve was measured for as of so many, of more in proportion.
/// 0 where nothing was measured. Damaged curves give any number from 1 to `widthMax`.
uint32_t widthForRecall(const WidthCurves& curves, float target, uint32_t k, uint32_t widthMax);

}  // namespace redkite
