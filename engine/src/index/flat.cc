#include "redkite/flat.h"

#include <new>
#include <optional>
#include <string>

#include "bands.h"
#include "block-scan.h"
#include "redkite/scorer.h"
#include "top-hits.h"

namespace redkite {
namespace {

constexpr uint32_t kQueryBlock = 32;
constexpr uint32_t kRowBlock = 64;
constexpr uint32_t kBlocksBetweenPolls = 32;

/// Yields visible rows in ascending order, up to kRowBlock at a time.
class BitsetRows {
 public:
  BitsetRows(const Bitset& visible, uint32_t rows) : visible_(visible), rows_(rows) {}
  void restart() { word_ = 0; }
  uint32_t next(uint32_t* ids) {
    // A block is one word, so that a block never has to be split.
    while (uint64_t{word_} * 64 < rows_) {
      uint64_t bits = visible_.word(word_, rows_);
      const uint32_t base = word_++ * 64;
      uint32_t n = 0;
      for (; bits != 0; bits &= bits - 1) ids[n++] = base + static_cast<uint32_t>(std::countr_zero(bits));
      // Thin words are filled up so that kernels see whole blocks.
      while (n > 0 && n <= kRowBlock / 2 && uint64_t{word_} * 64 < rows_) {
        uint64_t more = visible_.word(word_, rows_);
        if (n + static_cast<uint32_t>(std::popcount(more)) > kRowBlock) break;
        const uint32_t moreBase = word_++ * 64;
        for (; more != 0; more &= more - 1) ids[n++] = moreBase + static_cast<uint32_t>(std::countr_zero(more));
      }
      if (n > 0) return n;
    }
    return 0;
  }
  uint32_t count() const { return visible_.count(rows_); }

 private:
  const Bitset& visible_;
  uint32_t rows_;
  uint32_t word_ = 0;
};

class ListedRows {
 public:
  ListedRows(const uint32_t* rows, uint32_t count) : rows_(rows), count_(count) {}
  void restart() { at_ = 0; }
  uint32_t next(uint32_t* ids) {
    const uint32_t n = count_ - at_ < kRowBlock ? count_ - at_ : kRowBlock;
    for (uint32_t i = 0; i < n; ++i) ids[i] = rows_[at_ + i];
    at_ += n;
    return n;
  }
  uint32_t count() const { return count_; }

 private:
  const uint32_t* rows_;
  uint32_t count_;
  uint32_t at_ = 0;
};

Status checkView(const VectorView& view, Metric metric, const SearchParams& params, const HitBuffer& out) {
  if (!metricAllowed(view.type, metric) || view.type == VectorType::sparse) {
    return Status::invalid("metric " + std::to_string(static_cast<int>(metric)) + " does not exist for vector type " +
                           std::to_string(static_cast<int>(view.type)));
  }
  const uint32_t dimMax = view.type == VectorType::binary ? kDimMax * 8 : kDimMax;
  if (view.dim == 0 || view.dim > dimMax) {
    return Status::invalid("dimension is " + std::to_string(view.dim) + ", it must be 1 to " + std::to_string(dimMax));
  }
  if (metric == Metric::mhjaccard) {
    if (Status status = checkMinHash(view.dim, params.minHash); !status.ok()) return status;
  }
  return checkSearch(params, out);
}

/// Without groups the best k suffice; the groups of a row are known only after all better rows.
size_t keptHits(const SearchParams& params, uint32_t rows) {
  return params.group == nullptr ? std::min<size_t>(params.k, rows) : rows;
}

/// One query waits for memory, not for arithmetic. Rows are read one after the other, as one stream: several read side by side halved the
/// speed (the hardware no longer fetches ahead), and asking for the next rows beforehand did not bring it back.
void streamDistances(const Scorer& scorer, const uint8_t* const* rows, uint32_t n, float* out) {
  for (uint32_t i = 0; i < n; ++i) scorer.distances(rows + i, 1, out + i);
}

template <class Rows>
Status scan(const VectorView& view, Metric metric, const uint8_t* queries, uint32_t nq, Rows source,
            const SearchParams& params, CancelToken cancel, const HitBuffer& out, SearchStats* stats) {
  if (Status status = checkView(view, metric, params, out); !status.ok()) return status;
  const uint32_t visibleRows = source.count();
  const size_t queryBytes = rowBytes(view.type, view.dim);
  bool coded = BlockScan::suits(view, params, nq, visibleRows);
  std::optional<BlockScan> blocks;
  if (coded) coded = blocks.emplace(view, metric, params).ready();
  const uint32_t queriesMax = std::min(nq, coded ? kBlockScanQueries : kQueryBlock);
  std::vector<Scorer> scorers(queriesMax, Scorer(view.type, metric, view.dim, kernels(), params.minHash));
  std::vector<const Scorer*> pointers;
  for (const Scorer& scorer : scorers) pointers.push_back(&scorer);
  std::vector<TopHits> tops(scorers.size());
  std::vector<float> distances(size_t{std::min(nq, kQueryBlock)} * kRowBlock);
  uint64_t bytes = 0;

  for (uint32_t firstQuery = 0; firstQuery < nq; firstQuery += queriesMax) {
    const uint32_t block = std::min(queriesMax, nq - firstQuery);
    for (uint32_t q = 0; q < block; ++q) {
      scorers[q].setQuery(queries + (firstQuery + q) * queryBytes);
      tops[q].reset(keptHits(params, visibleRows));
    }
    if (coded) blocks->setQueries(queries + firstQuery * queryBytes, scorers.data(), block);
    source.restart();
    bytes += uint64_t{visibleRows} * queryBytes;
    uint32_t ids[kRowBlock];
    const uint8_t* rows[kRowBlock];
    uint32_t passed = 0;
    for (uint32_t n = source.next(ids); n > 0; n = source.next(ids)) {
      if (++passed % kBlocksBetweenPolls == 0 && cancel.raised()) return Status::canceled();
      for (uint32_t i = 0; i < n; ++i) rows[i] = view.row(ids[i]);
      if (coded && !blocks->pointless()) {
        blocks->compare(rows, ids, n, tops.data());
        continue;
      }
      for (uint32_t first = 0; first < block; first += kQueryBlock) {
        const uint32_t part = std::min(kQueryBlock, block - first);
        if (part == 1) streamDistances(scorers[first], rows, n, distances.data());
        else tileDistances(pointers.data() + first, part, rows, n, distances.data());
        for (uint32_t q = 0; q < part; ++q) {
          const float* row = distances.data() + size_t{q} * n;
          TopHits& top = tops[first + q];
          for (uint32_t i = 0; i < n; ++i) {
            const RankedRow hit = rankedRow(row[i], ids[i]);
            if (hit < top.worst() && inRange(params, metric, row[i])) top.add(hit);
          }
        }
      }
    }
    for (uint32_t q = 0; q < block; ++q) writeHits(tops[q].sorted(), params, metric, firstQuery + q, out);
  }
  if (cancel.raised()) return Status::canceled();
  if (stats != nullptr) {
    const uint64_t compared = uint64_t{visibleRows} * nq;
    stats->distances += compared;
    stats->exactDistances += compared;
    stats->bytes += bytes;
    stats->visibleRows = visibleRows;
    if (visibleRows > 0 && stats->path < SearchPath::flat) stats->path = SearchPath::flat;
  }
  return {};
}

}  // namespace

Status flatSearch(const VectorView& view, Metric metric, const uint8_t* queries, uint32_t nq, const Bitset& visible,
                  const SearchParams& params, CancelToken cancel, const HitBuffer& out, SearchStats* stats) {
  try {
    return scan(view, metric, queries, nq, BitsetRows(visible, view.rows), params, cancel, out, stats);
  } catch (const std::bad_alloc&) {
    return Status::outOfMemory();
  }
}

Status flatSearchRows(const VectorView& view, Metric metric, const uint8_t* queries, uint32_t nq, const uint32_t* rows,
                      uint32_t rowCount, const SearchParams& params, CancelToken cancel, const HitBuffer& out,
                      SearchStats* stats) {
  for (uint32_t i = 0; i < rowCount; ++i) {
    if (rows[i] >= view.rows || (i > 0 && rows[i] <= rows[i - 1])) {
      return Status::invalid("row list entry " + std::to_string(i) + " is " + std::to_string(rows[i]) +
                             ", entries must ascend and stay below " + std::to_string(view.rows));
    }
  }
  try {
    return scan(view, metric, queries, nq, ListedRows(rows, rowCount), params, cancel, out, stats);
  } catch (const std::bad_alloc&) {
    return Status::outOfMemory();
  }
}

}  // namespace redkite
