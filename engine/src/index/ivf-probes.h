// Which lists queries read: the nearest by 8-bit codes of their centroids.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "ivf-call.h"
#include "k-means.h"
#include "redkite/scorer.h"

namespace redkite {

class IvfProbes {
 public:
  explicit IvfProbes(const IvfCall& call) : call_(call), h_(call.header()), scorer_(call.view.type, call.metric, call.view.dim) {}

  /// The queries to come, as rows are prepared and coded; not for binary rows.
  void setQueries(const CodedPoints* points, const float* prepared) {
    points_ = points;
    prepared_ = prepared;
  }

  /// Leaves the lists from the last round's number up to `probes` in each query that is not done.
  void choose(std::vector<IvfQuery>& queries, uint32_t count, uint32_t probes) {
    if (call_.kind == IvfKind::binary) return chooseBinary(queries, count, probes);
    const CoarseView coarse{h_.lists, codeGroups(h_.dim), call_.parts.coarseCodes, call_.parts.coarseRows};
    const KernelTable& table = kernels();
    int32_t sums[kListQueries * kBlockRows];
    float distances[kBlockRows];
    float slack[kBlockRows];
    uint32_t active[kListQueries];
    for (uint32_t next = 0; next < count;) {
      uint32_t n = 0;
      for (; next < count && n < kListQueries; ++next) if (!queries[next].done) active[n++] = next;
      if (n == 0) break;
      const int8_t* codes[kListQueries];
      for (uint32_t i = 0; i < n; ++i) {
        codes[i] = points_->row(active[i]);
        nearLists_[i].reset(probes);
      }
      for (uint32_t block = 0; block < coarse.blocks(); ++block) {
        table.list.dots(codes, n, coarse.codes + size_t{block} * coarse.groups * kBlockRows * 4, coarse.groups, sums);
        const float* rows = coarse.rows + size_t{block} * 2 * kBlockRows;
        const uint32_t present = std::min(kBlockRows, h_.lists - block * kBlockRows);
        for (uint32_t i = 0; i < n; ++i) {
          const uint32_t q = active[i];
          const ListQuery query{0, points_->scales[q] * (call_.l2() ? 2.0f : 1.0f), 128.0f * static_cast<float>(points_->sums[q]), 0, 0, 0};
          Reservoir& near = nearLists_[i];
          uint32_t mask = table.list.estimate(sums + i * kBlockRows, {rows, call_.l2() ? rows + kBlockRows : nullptr, nullptr, nullptr}, query, near.worstDistance(),
                                              distances, slack);
          if (present < kBlockRows) mask &= (1u << present) - 1;
          for (; mask != 0; mask &= mask - 1) {
            const uint32_t r = static_cast<uint32_t>(std::countr_zero(mask));
            near.add(rankedRow(orderable(distances[r]), block * kBlockRows + r));
          }
        }
      }
      for (uint32_t i = 0; i < n; ++i) takeProbes(queries[active[i]], active[i], nearLists_[i].sorted());
    }
    if (call_.stats != nullptr) call_.stats->bytes += (count + kListQueries - 1) / kListQueries * coarse.codeBytes();
  }

 private:
  /// The bases of the lists that this round adds, exactly.
  void takeProbes(IvfQuery& query, uint32_t q, const std::vector<RankedRow>& near) {
    query.probes.clear();
    const float* values = prepared_ + size_t{q} * h_.dim;
    const FloatKernels& kernel = kernels().f32;
    for (size_t i = query.listsRead; i < near.size(); i += 8) {
      const uint8_t* rows[8];
      float found[8];
      const uint32_t n = static_cast<uint32_t>(std::min<size_t>(8, near.size() - i));
      for (uint32_t j = 0; j < n; ++j) rows[j] = reinterpret_cast<const uint8_t*>(call_.parts.centroid(rowOf(near[i + j])));
      if (call_.l2()) kernel.l2(values, rows, n, h_.dim, found);
      else kernel.dot(values, rows, n, h_.dim, found);
      for (uint32_t j = 0; j < n; ++j) {
        const uint32_t list = rowOf(near[i + j]);
        const float squared = call_.parts.coarseRows[size_t{list / kBlockRows} * 2 * kBlockRows + kBlockRows + list % kBlockRows];
        query.passed += call_.parts.listRows(list);
        query.probes.push_back({list, call_.l2() ? found[j] : -found[j], 1e-6f * (std::fabs(found[j]) + query.length * std::sqrt(squared))});
      }
    }
    query.listsRead = static_cast<uint32_t>(near.size());
  }

  void chooseBinary(std::vector<IvfQuery>& queries, uint32_t count, uint32_t probes) {
    const size_t bytes = h_.dim / 8;
    for (uint32_t q = 0; q < count; ++q) {
      IvfQuery& query = queries[q];
      if (query.done) continue;
      scorer_.setQuery(query.bytes);
      nearLists_[0].reset(probes);
      for (uint32_t first = 0; first < h_.lists; first += kScorerBatch) {
        const uint8_t* rows[kScorerBatch];
        float distances[kScorerBatch];
        const uint32_t n = std::min(kScorerBatch, h_.lists - first);
        for (uint32_t i = 0; i < n; ++i) rows[i] = call_.parts.centroids + (first + i) * bytes;
        scorer_.distances(rows, n, distances);
        for (uint32_t i = 0; i < n; ++i) nearLists_[0].add(rankedRow(distances[i], first + i));
      }
      query.probes.clear();
      const std::vector<RankedRow>& near = nearLists_[0].sorted();
      for (size_t i = query.listsRead; i < near.size(); ++i) {
        query.passed += call_.parts.listRows(rowOf(near[i]));
        query.probes.push_back({rowOf(near[i]), 0, 0});
      }
      query.listsRead = static_cast<uint32_t>(near.size());
    }
  }

  const IvfCall& call_;
  const IvfHeader& h_;
  Scorer scorer_;
  const CodedPoints* points_ = nullptr;
  const float* prepared_ = nullptr;
  std::array<Reservoir, kListQueries> nearLists_;
};

}  // namespace redkite
