// What searches of a graph keep between calls: pools, marks and the forms of their queries.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hnsw-walk.h"
#include "redkite/hnsw.h"
#include "stepped-walk.h"
#include "top-hits.h"

namespace redkite {

using CodeWalk = SteppedWalk<CodeSpace>;
using FilteredCodeWalk = FilteredWalk<CodeSpace>;

/// A query that takes turns with others.
struct Lane {
  Pool pool;
  Pool guide;
  NodeSet visited;
  WalkCounts counts;
  std::vector<int8_t> codes;
  CodeSpace space;
  std::optional<CodeWalk> plain;
  std::optional<FilteredCodeWalk> filtered;
  uint32_t query = 0;
  bool walked = false;
  bool gaveUp = false;

  /// False once the walk is over.
  bool step() {
    if (plain) return plain->step();
    const FilteredCodeWalk::Step step = filtered->step();
    gaveUp = step == FilteredCodeWalk::Step::gaveUp;
    return step == FilteredCodeWalk::Step::more;
  }
};

/// Queries of a call that walk in turns.
inline constexpr uint32_t kLanes = 3;

struct HnswScratch::State {
  Lane lanes[kLanes];
  Pool pool;
  Pool guide;
  NodeSet visited;
  std::vector<float> wide;
  std::vector<int8_t> query;
  std::vector<float> tables;
  std::vector<RankedRow> ranked;
  std::vector<RankedRow> near;
  TopHits top;
};

}  // namespace redkite
