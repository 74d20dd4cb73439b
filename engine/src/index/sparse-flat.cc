#include <new>

#include "redkite/flat.h"
#include "sparse-scoring.h"
#include "top-hits.h"

namespace redkite {
namespace {

constexpr uint32_t kRowsBetweenPolls = 1024;

/// Both ascend, so a merge finds the common indices; the sum runs in ascending index order whatever the lengths.
float scoreOf(const SparseScoring& scoring, const SparseRow& query, const SparseRow& row, float norm) {
  const uint32_t queryPairs = query.bytes / 8;
  const uint32_t rowPairs = row.bytes / 8;
  float sum = 0;
  uint32_t i = 0;
  uint32_t j = 0;
  while (i < queryPairs && j < rowPairs) {
    const uint32_t left = indexAt(query, i);
    const uint32_t right = indexAt(row, j);
    if (left == right) sum += scoring.weight(valueAt(query, i)) * scoring.part(valueAt(row, j), norm);
    i += left <= right;
    j += right <= left;
  }
  return sum;
}

Status search(const SparseView& view, Metric metric, const SparseRow* queries, uint32_t nq, const Bitset& visible,
              const SearchParams& params, CancelToken cancel, const HitBuffer& out, SearchStats* stats) {
  if (Status status = checkSearch(params, out); !status.ok()) return status;
  if (Status status = SparseScoring::check(metric, params.bm25); !status.ok()) return status;
  for (uint32_t q = 0; q < nq; ++q) {
    if (Status status = checkSparseRow(queries[q], "sparse query", q); !status.ok()) return status;
  }
  const SparseScoring scoring(metric, params.bm25);
  const uint32_t visibleRows = visible.count(view.rows);
  const size_t kept = params.group == nullptr ? std::min<size_t>(params.k, visibleRows) : visibleRows;
  std::vector<TopHits> tops(nq);
  for (TopHits& top : tops) top.reset(kept);
  uint32_t scanned = 0;
  for (uint32_t word = 0; uint64_t{word} * 64 < view.rows; ++word) {
    for (uint64_t bits = visible.word(word, view.rows); bits != 0; bits &= bits - 1) {
      if (++scanned % kRowsBetweenPolls == 0 && cancel.raised()) return Status::canceled();
      const uint32_t id = word * 64 + static_cast<uint32_t>(std::countr_zero(bits));
      const SparseRow row = view.row(id);
      if (stats != nullptr) stats->bytes += row.bytes;
      const float norm = scoring.isBm25() ? scoring.norm(lengthOf(row)) : 0.0f;
      for (uint32_t q = 0; q < nq; ++q) {
        const float score = scoreOf(scoring, queries[q], row, norm);
        if (!(score > 0) || !inRange(params, metric, -score)) continue;
        tops[q].add(rankedRow(-score, id));
      }
    }
  }
  if (cancel.raised()) return Status::canceled();
  for (uint32_t q = 0; q < nq; ++q) writeHits(tops[q].sorted(), params, metric, q, out);
  if (stats != nullptr) {
    stats->distances += uint64_t{visibleRows} * nq;
    stats->exactDistances += uint64_t{visibleRows} * nq;
    stats->visibleRows = visibleRows;
    if (visibleRows > 0 && stats->path < SearchPath::flat) stats->path = SearchPath::flat;
  }
  return {};
}

}  // namespace

Status sparseFlatSearch(const SparseView& view, Metric metric, const SparseRow* queries, uint32_t nq, const Bitset& visible,
                        const SearchParams& params, CancelToken cancel, const HitBuffer& out, SearchStats* stats) {
  try {
    return search(view, metric, queries, nq, visible, params, cancel, out, stats);
  } catch (const std::bad_alloc&) {
    return Status::outOfMemory();
  }
}

}  // namespace redkite
