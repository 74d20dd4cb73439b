// Ranking what lists left of one query after the other.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "ivf-call.h"
#include "refine-rows.h"
#include "redkite/scorer.h"
#include "top-hits.h"

namespace redkite {

class IvfRanker {
 public:
  explicit IvfRanker(const IvfCall& call)
      : call_(call), h_(call.header()), scorer_(call.view.type, call.metric, call.view.dim), rows_(call.view, call.metric, refineOf(call.header()), call.parts.copy) {}

  /// Writes the hits of a query. False when a wider search could bring more groups.
  bool answer(IvfQuery& query, uint32_t at, uint32_t kept) {
    ranked_.clear();
    if (call_.kind == IvfKind::flat) rankBounded(query, kept);
    else if (call_.refined()) rankAgain(query);
    else rankEstimates(query);
    std::sort(ranked_.begin(), ranked_.end());
    const Written written = writeHits(ranked_, call_.params, call_.metric, at, call_.out);
    return call_.params.group == nullptr || written.full;
  }

  /// All visible rows, by the copy.
  Status scanCopy(const uint8_t* queries, uint32_t nq) {
    const size_t bytes = rowBytes(call_.view.type, call_.view.dim);
    for (uint32_t q = 0; q < nq; ++q) {
      rows_.setQuery(queries + q * bytes);
      top_.reset(call_.params.group == nullptr ? call_.params.k : call_.visibleRows);
      uint32_t ids[kScorerBatch];
      float distances[kScorerBatch];
      uint32_t n = 0;
      const auto flush = [&] {
        rows_.distances(ids, n, distances);
        count(n, rows_.bytesPerRow());
        for (uint32_t i = 0; i < n; ++i) if (inRange(call_.params, call_.metric, distances[i])) top_.add(rankedRow(distances[i], ids[i]));
        n = 0;
      };
      for (uint32_t word = 0; uint64_t{word} * 64 < h_.rows; ++word) {
        if (word % kScannedWords == 0 && call_.cancel.raised()) return Status::canceled();
        for (uint64_t bits = call_.visible.word(word, h_.rows); bits != 0; bits &= bits - 1) {
          ids[n++] = word * 64 + static_cast<uint32_t>(std::countr_zero(bits));
          if (n == kScorerBatch) flush();
        }
      }
      flush();
      writeHits(top_.sorted(), call_.params, call_.metric, q, call_.out);
    }
    if (call_.stats != nullptr && call_.stats->path < SearchPath::flat) call_.stats->path = SearchPath::flat;
    return {};
  }

 private:
  /// Of 64 rows, between looks at the cancel token.
  static constexpr uint32_t kScannedWords = 64;
  /// Of a row that is ranked.
  static constexpr size_t kPrefetchedBytes = 2048;

  /// The estimates themselves.
  void rankEstimates(IvfQuery& query) {
    for (const RankedRow row : query.best.sorted()) {
      const uint32_t id = call_.kind == IvfKind::binary ? rowOf(row) : call_.parts.ids[rowOf(row)];
      if (id < h_.rows && call_.visible.test(id)) ranked_.push_back(rankedRow(distanceOf(row), id));
    }
  }

  /// Exact distances in the order of the lower bounds, until no bound is below the worst that is wanted.
  void rankBounded(IvfQuery& query, uint32_t kept) {
    scorer_.setQuery(query.bytes);
    const std::vector<RankedRow>& rows = query.bounded.sorted();
    top_.reset(kept);
    uint32_t ids[kScorerBatch];
    const uint8_t* pointers[kScorerBatch];
    float distances[kScorerBatch];
    for (size_t at = 0; at < rows.size();) {
      uint32_t n = 0;
      const uint32_t most = at == 0 ? std::min(kept + 4, kScorerBatch) : 8;
      const RankedRow worst = top_.worst();
      for (; at < rows.size() && n < most; ++at) {
        if (worst != ~uint64_t{0} && distanceOf(rows[at]) > distanceOf(worst)) {
          at = rows.size();
          break;
        }
        const uint32_t id = call_.parts.ids[rowOf(rows[at])];
        if (id >= h_.rows || !call_.visible.test(id)) continue;
        ids[n] = id;
        pointers[n++] = call_.view.row(id);
      }
      prefetch(pointers, n);
      scorer_.distances(pointers, n, distances);
      count(n, call_.view.bytesPerRow);
      for (uint32_t i = 0; i < n; ++i) if (inRange(call_.params, call_.metric, distances[i])) top_.add(rankedRow(distances[i], ids[i]));
    }
    ranked_ = top_.sorted();
  }

  /// Distances on the rows or their copy.
  void rankAgain(IvfQuery& query) {
    const std::vector<RankedRow>& rows = query.best.sorted();
    rows_.setQuery(query.bytes);
    uint32_t ids[kScorerBatch];
    float distances[kScorerBatch];
    for (size_t at = 0; at < rows.size();) {
      uint32_t n = 0;
      for (; at < rows.size() && n < kScorerBatch; ++at) {
        const uint32_t id = call_.parts.ids[rowOf(rows[at])];
        if (id >= h_.rows || !call_.visible.test(id)) continue;
        rows_.prefetch(id, kPrefetchedBytes);
        ids[n++] = id;
      }
      rows_.distances(ids, n, distances);
      count(n, rows_.bytesPerRow());
      for (uint32_t i = 0; i < n; ++i) ranked_.push_back(rankedRow(distances[i], ids[i]));
    }
  }

  /// All rows at once: they come from memory one after the other otherwise.
  void prefetch(const uint8_t* const* rows, uint32_t n) const {
    for (uint32_t i = 0; i < n; ++i) prefetchBytes(rows[i], call_.view.bytesPerRow, kPrefetchedBytes);
  }

  void count(uint32_t n, size_t bytesPerRow) {
    if (call_.stats == nullptr) return;
    call_.stats->distances += n;
    call_.stats->exactDistances += n;
    call_.stats->bytes += n * bytesPerRow;
  }

  const IvfCall& call_;
  const IvfHeader& h_;
  Scorer scorer_;
  RefineRows rows_;
  TopHits top_;
  std::vector<RankedRow> ranked_;
};

}  // namespace redkite
