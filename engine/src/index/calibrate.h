// Measuring at build what recall which width brings: rows of the column are asked for as if they were not in the index, and what comes back
// is compared with the exact answer.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "redkite/types.h"
#include "width-curves.h"

namespace redkite {

/// Indexed rows below which nothing is measured: they are compared one by one anyway.
inline constexpr uint32_t kCalibratedRowsMin = 512;

/// Whether rows that are asked for are in the index nevertheless, so that one more has to be asked for.
enum class HeldOut : uint8_t { outside, inside };

struct CalibrationPlan {
  VectorView view;
  Bitset indexed;
  Metric metric = Metric::l2;
  HeldOut heldOut = HeldOut::outside;
  std::vector<uint32_t> candidates;  ///< rows that may be held out; not more than they need be
  uint32_t widthPerHit = 0;          ///< where the curves begin; 0: at width 1
  uint32_t widthMax = 1;             ///< wider is not searched
  uint64_t distancesMax = 0;         ///< no wider point of a curve once so many were computed for it
  uint32_t threads = 1;
  CancelToken cancel;
};

/// How many rows are worth holding out of so many.
uint32_t heldOutRows(VectorType type, uint32_t dim, uint32_t nodes);

/// Upper bound of the memory of `calibrate`.
uint64_t calibrationBytesMax(VectorType type, uint32_t dim, uint32_t nodes, uint32_t threads);

/// Searches for params.k hits of each query at a width, on any thread. A hit that is the query's own row does not count.
using SearchAtWidth = std::function<Status(const uint8_t* queries, uint32_t nq, uint32_t width, const SearchParams& params, const HitBuffer& out, SearchStats& stats)>;

/// The same for any number of threads.
Result<WidthCurves> calibrate(const CalibrationPlan& plan, const SearchAtWidth& search);

}  // namespace redkite
