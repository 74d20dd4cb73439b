// Comparing all visible rows of a graph, where that is cheaper than a walk or a walk came short.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "hnsw-call.h"
#include "hnsw-ranker.h"
#include "hnsw-scratch.h"

namespace redkite {

class HnswScan {
 public:
  HnswScan(const HnswCall& call, HnswRanker& ranker, HnswScratch::State& state) : call_(call), h_(call.header()), ranker_(ranker), s_(state) {}

  /// Writes the hits of a query: by codes first, then the best of these as they are ranked. Groups and ranges take every row as it is ranked.
  template <class Space>
  Status run(const Space& space, uint32_t query, SearchPath path, WalkCounts& counts) {
    call_.reached(path);
    if (call_.widening() || !call_.reranks()) return everyRow(space, query, counts);
    s_.top.reset(size_t{call_.params.k} * 2 + 32);
    s_.near.clear();
    const bool keeps = call_.visibleRows <= kKeptRows;
    const bool whole = compareVisible(space, counts, [this, keeps](uint32_t row, float distance) {
      const RankedRow hit = rankedRow(distance, row);
      if (keeps) s_.near.push_back(hit);
      if (hit < s_.top.worst()) s_.top.add(hit);
    });
    if (!whole) return Status::canceled();
    const bool all = s_.top.worst() == ~uint64_t{0};
    const std::vector<RankedRow>& best = s_.top.sorted();
    ranker_.rank(best);
    if (!all) {
      // Far from the query rows lie so densely that the error of the codes hides the order. Its size is known by now: whatever it
      // could have kept out is compared exactly too.
      const float bound = reachOfError(best);
      if (distanceOf(best.back()) < bound) {
        if (keeps) {
          std::erase_if(s_.near, [bound](RankedRow hit) { return !(distanceOf(hit) < bound); });
        } else {
          const bool again = compareVisible(space, counts, [this, bound](uint32_t row, float distance) {
            if (distance < bound) s_.near.push_back(rankedRow(distance, row));
          });
          if (!again) return Status::canceled();
        }
        ranker_.rank(s_.near);
      }
    }
    std::sort(s_.ranked.begin(), s_.ranked.end());
    writeHits(s_.ranked, call_.params, call_.metric, query, call_.out);
    return {};
  }

 private:
  static constexpr uint32_t kRowsBetweenPolls = 4096;
  /// As many as a mebibyte holds are kept with their distances by code; more are compared a second time where they are needed.
  static constexpr uint32_t kKeptRows = (1u << 20) / sizeof(RankedRow);

  template <class Space>
  Status everyRow(const Space& space, uint32_t query, WalkCounts& counts) {
    s_.top.reset(call_.params.group == nullptr ? call_.params.k : call_.visibleRows);
    const uint64_t before = counts.distances;
    const auto take = [this](uint32_t row, float distance) {
      const RankedRow hit = rankedRow(distance, row);
      if (hit < s_.top.worst() && inRange(call_.params, call_.metric, distance)) s_.top.add(hit);
    };
    const bool whole = call_.alone() ? compareVisible(space, counts, take) : compareVisible(ranker_.rows(), counts, take);
    if (!whole) return Status::canceled();
    if (call_.stats != nullptr && !call_.alone()) call_.stats->exactDistances += counts.distances - before;
    writeHits(s_.top.sorted(), call_.params, call_.metric, query, call_.out);
    return {};
  }

  /// Hands the distances of all visible rows to `take(row, distance)`. False when canceled.
  template <class Space, class Take>
  bool compareVisible(const Space& space, WalkCounts& counts, Take take) {
    uint32_t ids[kWalkBatch];
    uint32_t n = 0;
    const auto flush = [&] {
      float distances[kWalkBatch];
      space.distances(ids, n, distances);
      for (uint32_t i = 0; i < n; ++i) take(ids[i], distances[i]);
      counts.distances += n;
      n = 0;
    };
    for (uint32_t word = 0; uint64_t{word} * 64 < h_.rows; ++word) {
      if (word % (kRowsBetweenPolls / 64) == 0 && call_.cancel.raised()) return false;
      for (uint64_t bits = call_.visible.word(word, h_.rows); bits != 0; bits &= bits - 1) {
        const uint32_t row = word * 64 + static_cast<uint32_t>(std::countr_zero(bits));
        if (!isNode(row)) continue;
        ids[n++] = row;
        space.prefetch(row);
        if (n == kWalkBatch) flush();
      }
    }
    if (n > 0) flush();
    return true;
  }

  /// A row without a vector has no links. (Callers do not show such rows; without a bitset nobody says so.)
  bool isNode(uint32_t row) const {
    return h_.nodes == h_.rows || row == h_.entry || loadLink(call_.parts.links + size_t{row} * h_.slots) < h_.rows;
  }

  /// The largest distance by code that a row of the true first k is likely to have: the k-th exact one and three times the
  /// root mean square of the codes' errors. (Not their deviation: rows that came first by code are those with errors to their
  /// advantage.) `byCode` and s_.ranked hold the same rows in the same order.
  float reachOfError(const std::vector<RankedRow>& byCode) {
    double squares = 0;
    size_t n = 0;
    for (size_t i = 0; i < byCode.size(); ++i) {
      const double error = static_cast<double>(distanceOf(byCode[i])) - static_cast<double>(distanceOf(s_.ranked[i]));
      if (!std::isfinite(error)) continue;
      squares += error * error;
      ++n;
    }
    if (n == 0) return 0;
    const uint32_t last = call_.params.k - 1;
    std::nth_element(s_.ranked.begin(), s_.ranked.begin() + last, s_.ranked.end());
    return static_cast<float>(static_cast<double>(distanceOf(s_.ranked[last])) + 3 * std::sqrt(squares / static_cast<double>(n)));
  }

  const HnswCall& call_;
  const HnswHeader& h_;
  HnswRanker& ranker_;
  HnswScratch::State& s_;
};

}  // namespace redkite
