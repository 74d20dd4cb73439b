// One call of a search over lists: what was asked, and what is known of each query.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "ivf-file.h"
#include "ivf-near.h"

namespace redkite {

struct IvfCall {
  const IvfParts& parts;
  const VectorView& view;
  const Bitset& visible;
  const SearchParams& params;
  const IvfSearchParams& ivf;
  CancelToken cancel;
  const HitBuffer& out;
  SearchStats* stats;
  IvfKind kind = static_cast<IvfKind>(parts.header.kind);
  Metric metric = static_cast<Metric>(parts.header.metric);
  uint32_t visibleRows = visible.all() ? parts.header.nodes : visible.count(parts.header.rows);
  /// The range as distances: [tooNear, radius).
  float radius = params.range == nullptr ? kNowhere : distanceOfScore(params.range->radius);
  float tooNear = params.range == nullptr || !params.range->hasRangeFilter ? -kNowhere : distanceOfScore(params.range->rangeFilter);

  static constexpr float kNowhere = std::numeric_limits<float>::infinity();

  const IvfHeader& header() const { return parts.header; }
  bool l2() const { return metric == Metric::l2; }
  bool refined() const { return header().refine != 0; }
  double share() const { return static_cast<double>(visibleRows) / std::max(1u, header().nodes); }

  /// Rows in the places of a block, of which `present` are left in the list, that may be returned.
  uint32_t visibleMask(uint32_t block, uint32_t present) const {
    const uint32_t all = present >= kBlockRows ? ~0u : (1u << present) - 1;
    if (visible.all()) return all;
    const uint32_t* ids = parts.ids + size_t{block} * kBlockRows;
    uint32_t mask = 0;
    for (uint32_t r = 0; r < std::min(present, kBlockRows); ++r) mask |= static_cast<uint32_t>(visible.test(ids[r])) << r;
    return mask;
  }

 private:
  float distanceOfScore(float score) const { return largerIsBetter(metric) ? -score : score; }
};

inline float orderable(float distance) { return std::isnan(distance) ? IvfCall::kNowhere : distance; }

/// A list that a query reads.
struct Probe {
  uint32_t list;
  float base;
  /// What adding up may have changed in the distances of its rows.
  float rounding;
};

/// What is known of one query.
struct IvfQuery {
  const uint8_t* bytes = nullptr;
  float length = 0;
  float error = 0;
  uint64_t seen = 0;      ///< visible rows compared
  uint64_t passed = 0;    ///< rows of the lists read, visible or not
  uint32_t listsRead = 0;
  bool reached = false;   ///< the last round found a row within the radius
  bool done = false;
  BoundedRows bounded;
  Reservoir best;
  std::vector<Probe> probes;  ///< of this round, nearest first
};

}  // namespace redkite
