// Ranking the best by code on the rows, or on the copy of them, of one query after the other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "hnsw-call.h"
#include "refine-rows.h"
#include "top-hits.h"

namespace redkite {

class HnswRanker {
 public:
  /// What was ranked is left in `ranked`.
  HnswRanker(const HnswCall& call, std::vector<RankedRow>& ranked)
      : call_(call), ranked_(ranked), rows_(call.view, call.metric, refineOf(call.header()), call.parts.copy) {}

  void setQuery(const uint8_t* query) { rows_.setQuery(query); }
  const RefineRows& rows() const { return rows_; }

  void prefetch(const Pool& pool) const {
    if (!call_.reranks()) return;
    const uint32_t n = std::min(kWalkBatch, rowsWanted(pool, static_cast<uint32_t>(call_.widthAsked())));
    for (uint32_t i = 0; i < n; ++i) rows_.prefetch(nodeOf(pool.at(i)));
  }

  /// Distances that count of the best of the pool, in ascending order.
  void rankPool(const Pool& pool, uint32_t width) {
    ranked_.clear();
    if (!call_.reranks()) {
      for (uint32_t i = 0; i < pool.size(); ++i) ranked_.push_back(rankedRow(distanceOfCandidate(pool.at(i)), nodeOf(pool.at(i))));
      return;
    }
    const uint32_t n = rowsWanted(pool, width);
    uint32_t ids[kWalkBatch];
    for (uint32_t begin = 0; begin < n; begin += kWalkBatch) {
      const uint32_t count = std::min(kWalkBatch, n - begin);
      for (uint32_t i = 0; i < count; ++i) ids[i] = nodeOf(pool.at(begin + i));
      add(ids, count);
    }
    std::sort(ranked_.begin(), ranked_.end());
  }

  /// The same of these rows, in their order.
  void rank(const std::vector<RankedRow>& candidates) {
    ranked_.clear();
    uint32_t ids[kWalkBatch];
    for (size_t begin = 0; begin < candidates.size(); begin += kWalkBatch) {
      const uint32_t count = static_cast<uint32_t>(std::min<size_t>(kWalkBatch, candidates.size() - begin));
      for (uint32_t i = 0; i < count; ++i) ids[i] = rowOf(candidates[begin + i]);
      add(ids, count);
    }
  }

 private:
  /// How many of the best of a walk are ranked again.
  uint32_t rowsWanted(const Pool& pool, uint32_t width) const {
    if (call_.widening()) return pool.size();
    const uint32_t byCodes = call_.params.k + (isProduct(codesOf(call_.header())) ? width : width / 6);
    return std::min<uint32_t>(pool.size(), std::max(byCodes, call_.params.refineRows));
  }

  void add(const uint32_t* ids, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) rows_.prefetch(ids[i]);
    float distances[kWalkBatch];
    rows_.distances(ids, count, distances);
    for (uint32_t i = 0; i < count; ++i) ranked_.push_back(rankedRow(distances[i], ids[i]));
    if (call_.stats == nullptr) return;
    call_.stats->distances += count;
    call_.stats->exactDistances += count;
    call_.stats->bytes += count * rows_.bytesPerRow();
  }

  const HnswCall& call_;
  std::vector<RankedRow>& ranked_;
  RefineRows rows_;
};

}  // namespace redkite
