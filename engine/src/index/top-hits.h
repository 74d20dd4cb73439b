// Collects the best rows of one query and writes them out under range and group-by.
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "order.h"
#include "redkite/types.h"

namespace redkite {

/// The `limit` smallest ranked rows of a stream.
class TopHits {
 public:
  void reset(size_t limit) {
    limit_ = limit;
    heap_.clear();
    worst_ = limit == 0 ? 0 : ~uint64_t{0};
  }
  /// Rows at or above this are not kept.
  RankedRow worst() const { return worst_; }
  /// Rows that are kept whatever their rank.
  size_t room() const { return limit_ - heap_.size(); }
  void add(RankedRow hit) {
    if (hit >= worst_) return;
    if (heap_.size() == limit_) {
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.back() = hit;
    } else {
      heap_.push_back(hit);
    }
    std::push_heap(heap_.begin(), heap_.end());
    if (heap_.size() == limit_) worst_ = heap_.front();
  }
  /// Best first. Ends the collection.
  const std::vector<RankedRow>& sorted() {
    std::sort_heap(heap_.begin(), heap_.end());
    return heap_;
  }

 private:
  std::vector<RankedRow> heap_;
  size_t limit_ = 0;
  RankedRow worst_ = 0;
};

/// Whether a distance (internal order) makes a row a hit: in the range, if there is one, in the relation, if the metric is one, and with a band
/// of the query, if nothing else is asked about signatures.
inline bool inRange(const SearchParams& params, Metric metric, float distance) {
  if (isRelation(metric) && distance != 0) return false;
  if (metric == Metric::mhjaccard && !params.minHash.estimate && distance == 0) return false;
  return params.range == nullptr || params.range->contains(metric, largerIsBetter(metric) ? -distance : distance);
}

struct Written {
  uint32_t hits = 0;
  /// No later row could change the hits: k hits, or k full groups.
  bool full = false;
};

/// Writes the hits of query `query` from ranked rows in ascending order.
inline Written writeHits(const std::vector<RankedRow>& ranked, const SearchParams& params, Metric metric, uint32_t query,
                         const HitBuffer& out) {
  const size_t begin = query * params.hitsMax();
  Written written;
  std::unordered_map<uint64_t, uint32_t> groups;
  uint32_t fullGroups = 0;
  for (const RankedRow hit : ranked) {
    const float distance = distanceOf(hit);
    if (!inRange(params, metric, distance)) continue;
    if (params.group != nullptr) {
      const uint64_t group = params.group->groupOf(params.group->context, rowOf(hit));
      auto found = groups.find(group);
      if (found == groups.end()) {
        if (groups.size() == params.k) continue;
        found = groups.emplace(group, 0).first;
      }
      if (found->second == params.group->groupSize) continue;
      if (++found->second == params.group->groupSize) ++fullGroups;
    }
    out.rows[begin + written.hits] = rowOf(hit);
    out.scores[begin + written.hits] = largerIsBetter(metric) ? -distance : distance;
    ++written.hits;
    written.full = params.group == nullptr ? written.hits == params.k : fullGroups == params.k;
    if (written.full) break;
  }
  out.counts[query] = written.hits;
  return written;
}

/// Checks shared by all searches.
inline Status checkSearch(const SearchParams& params, const HitBuffer& out) {
  if (params.k == 0) return Status::invalid("k is 0, it must be at least 1");
  if (params.group != nullptr && (params.group->groupSize == 0 || params.group->groupOf == nullptr)) {
    return Status::invalid("the group size is 0, it must be at least 1");
  }
  if (params.hitsMax() > kTopKMax) {
    return Status::invalid("k times group size is " + std::to_string(params.hitsMax()) + ", it must be at most " + std::to_string(kTopKMax));
  }
  if (out.rows == nullptr || out.scores == nullptr || out.counts == nullptr) return Status::invalid("a hit buffer is null");
  return {};
}

}  // namespace redkite
