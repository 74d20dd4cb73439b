// One call of a search over a graph: what was asked, and what a walk and a scan are expected to cost.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "hnsw-file.h"
#include "stepped-walk.h"

namespace redkite {

struct HnswCall {
  const HnswParts& parts;
  const GrowingLevels* growing;  ///< null where the graph is whole
  const VectorView& view;
  const Bitset& visible;
  const SearchParams& params;
  CancelToken cancel;
  const HitBuffer& out;
  SearchStats* stats;
  Metric metric = static_cast<Metric>(parts.header.metric);
  uint32_t visibleRows = visible.all() ? parts.header.nodes : visible.count(parts.header.rows);

  const HnswHeader& header() const { return parts.header; }

  /// Whether nothing but codes is read, and whether what the walk found is ranked again.
  bool alone() const { return isAlone(codesOf(header())); }
  bool reranks() const { return header().codeKind != 0 && !alone(); }
  bool widening() const { return params.range != nullptr || params.group != nullptr; }

  /// Codes order what is about equally near a little differently than rows do: an eighth more makes up for it, so that an ef brings the
  /// recall that it does in a graph walked on rows.
  uint64_t widthAsked() const {
    const uint64_t ef = params.ef;
    return std::max<uint64_t>(header().codeKind == 0 ? ef : ef + ef / 8, params.k);
  }

  double share() const { return static_cast<double>(visibleRows) / header().rows; }

  /// Both in rows compared in a walk.
  double scanCost() const { return visibleRows * kScanCost + 64; }
  double walkCost(uint64_t width) const { return expectedHops(width) * header().slots * FilteredWalk<CodeSpace>::kFreshShare; }
  bool prefersScan(uint64_t width) const { return scanCost() <= walkCost(width) * (visible.all() ? 1 : kScanPreference); }

  FilteredWalkPlan filteredPlan(uint32_t width, double budget) const { return {width, std::min(width, matchesWanted(width)), share(), budget}; }

  void reached(SearchPath path) const {
    if (stats != nullptr && stats->path < path) stats->path = path;
  }

 private:
  /// A row compared in a scan against one compared in a walk, with its visited check, insertion and cache misses.
  static constexpr double kScanCost = 0.45;
  /// A scan is chosen under a filter even if it costs this much more than the walk is expected to: its cost is known and its
  /// answer whole, whereas a correlated filter lengthens the walk.
  static constexpr double kScanPreference = 2;

  double expectedHops(uint64_t width) const {
    if (visible.all()) return static_cast<double>(width);
    return std::max(static_cast<double>(width), matchesWanted(width) / share());
  }

  /// A filtered walk ends once one more than k matching rows (or than ef times the root of the matching share, if that is more) are closer
  /// than all that is left, and it has expanded at least ef nodes. Measured: recall at or above the unfiltered walk's from 50 % down.
  uint32_t matchesWanted(uint64_t width) const {
    const double matches = std::max(static_cast<double>(params.k), static_cast<double>(width) * std::sqrt(share()));
    return static_cast<uint32_t>(std::min({matches + 1, static_cast<double>(kRowsMax), static_cast<double>(visibleRows)}));
  }
};

}  // namespace redkite
