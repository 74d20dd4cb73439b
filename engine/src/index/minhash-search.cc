#include <algorithm>
#include <cmath>
#include <new>
#include <string>
#include <vector>

#include "bands.h"
#include "minhash-file.h"
#include "redkite/flat.h"
#include "redkite/scorer.h"
#include "top-hits.h"

namespace redkite {
namespace {

/// Rows at the radius of a range that may be missed.
constexpr double kMissedInRange = 0.01;
constexpr uint32_t kEntriesBetweenPolls = 1u << 16;
/// What a scan takes at a time.
constexpr uint32_t kQueriesAtOnce = 32;

/// Entries of one band that have the tag of the query's.
struct Run {
  const uint64_t* begin;
  const uint64_t* end;
};

class Search {
 public:
  Search(const MinHashParts& parts, const VectorView& view, const Bitset& visible, const SearchParams& params, CancelToken cancel,
         const HitBuffer& out, SearchStats* stats)
      : parts_(parts),
        h_(parts.header),
        view_(view),
        visible_(visible),
        params_(params),
        cancel_(cancel),
        out_(out),
        stats_(stats),
        bands_(h_.dim / 8, params.minHash),
        scorer_(view.type, Metric::mhjaccard, view.dim, kernels(), params.minHash),
        visibleRows_(visible.count(view.rows)) {
    if (params.group != nullptr) wanted_ = visibleRows_;
    else if (!params.minHash.estimate) wanted_ = params.k;
    else wanted_ = params.refineRows == 0 ? visibleRows_ : std::max(params.refineRows, params.k);
  }

  Status run(const uint8_t* queries, uint32_t nq) {
    const size_t bytes = rowBytes(view_.type, view_.dim);
    // Queries in front of this one that all rows are compared with: together, as rows are read once for several.
    uint32_t waiting = 0;
    for (uint32_t q = 0; q < nq; ++q) {
      bool enough = true;
      if (cancel_.raised() || !runOne(queries + q * bytes, q, enough)) return Status::canceled();
      if (!enough && ++waiting < kQueriesAtOnce && q + 1 < nq) continue;
      const uint32_t end = enough ? q : q + 1;
      if (waiting == 0) continue;
      if (Status status = scanAll(queries + (end - waiting) * bytes, end - waiting, waiting); !status.ok()) return status;
      waiting = 0;
    }
    if (stats_ != nullptr) stats_->visibleRows = visibleRows_;
    return {};
  }

 private:
  /// False when canceled. `enough` says whether the hits are written, or all rows are to be compared.
  bool runOne(const uint8_t* query, uint32_t q, bool& enough) {
    out_.counts[q] = 0;
    if (visibleRows_ == 0) return true;
    findRuns(query);
    enough = candidatesCost() < visibleRows_;
    if (!enough) return true;
    if (!gather(query)) return false;
    rank(query);
    enough = isEnough(writeHits(ranked_, params_, Metric::mhjaccard, q, out_), q);
    if (stats_ != nullptr) stats_->path = std::max(stats_->path, SearchPath::lists);
    return true;
  }

  /// All runs before any entry is looked at, so that their cache misses come together.
  void findRuns(const uint8_t* query) {
    const uint64_t perBand = startsOfBand(h_);
    hashes_.resize(h_.bands);
    runs_.resize(h_.bands);
    for (uint32_t band = 0; band < h_.bands; ++band) {
      hashes_[band] = bands_.hash(query, band);
      __builtin_prefetch(parts_.starts + band * perBand + bucketOf(h_, hashes_[band]));
    }
    for (uint32_t band = 0; band < h_.bands; ++band) {
      const uint32_t* start = parts_.starts + band * perBand + bucketOf(h_, hashes_[band]);
      // A damaged file's bounds are cut to what is there.
      const uint32_t end = std::min(start[1], h_.nodes);
      const uint64_t* entries = parts_.entries + uint64_t{band} * h_.nodes;
      runs_[band] = {entries + std::min(start[0], end), entries + end};
      __builtin_prefetch(runs_[band].begin);
    }
    for (uint32_t band = 0; band < h_.bands; ++band) {
      Run& run = runs_[band];
      run.begin = std::lower_bound(run.begin, run.end, entryOf(hashes_[band], 0));
      run.end = std::upper_bound(run.begin, run.end, entryOf(hashes_[band], ~uint32_t{0}));
    }
  }

  /// Entries that will be looked at: as many as there are, or as it takes to find `wanted_` visible ones in each band.
  uint64_t candidatesCost() const {
    const double perHit = static_cast<double>(view_.rows) / visibleRows_;
    const double enough = static_cast<double>(wanted_) * perHit + 1;
    double total = 0;
    for (const Run& run : runs_) total += std::min(static_cast<double>(run.end - run.begin), enough);
    return static_cast<uint64_t>(total);
  }

  /// Visible rows of the runs, ascending, each once; the first `wanted_` of each band are enough. False when canceled.
  bool gather(const uint8_t* query) {
    rows_.clear();
    incomplete_ = false;
    uint32_t passed = 0;
    for (uint32_t band = 0; band < h_.bands; ++band) {
      uint32_t taken = 0;
      for (const uint64_t* at = runs_[band].begin; at < runs_[band].end; ++at) {
        if (++passed % kEntriesBetweenPolls == 0 && cancel_.raised()) return false;
        const uint32_t row = static_cast<uint32_t>(*at);
        if (row >= h_.rows || !visible_.test(row)) continue;
        // Rows may have the tag and not the band; an estimate says so by itself.
        if (!params_.minHash.estimate && !bands_.equal(query, view_.row(row), band)) continue;
        rows_.push_back(row);
        if (++taken < wanted_) continue;
        incomplete_ = incomplete_ || at + 1 < runs_[band].end;
        break;
      }
      const bool capped = params_.minHash.estimate && params_.group == nullptr && params_.refineRows > 0;
      if (capped && rows_.size() >= wanted_) {
        keepDistinct();
        if (rows_.size() >= wanted_ && band + 1 < h_.bands) {
          incomplete_ = true;
          break;
        }
      }
    }
    keepDistinct();
    return true;
  }

  void keepDistinct() {
    std::sort(rows_.begin(), rows_.end());
    rows_.erase(std::unique(rows_.begin(), rows_.end()), rows_.end());
  }

  void rank(const uint8_t* query) {
    top_.reset(params_.group == nullptr ? params_.k : rows_.size());
    if (params_.minHash.estimate) scorer_.setQuery(query);
    const uint8_t* pointers[kScorerBatch];
    float distances[kScorerBatch];
    for (size_t at = 0; at < rows_.size(); at += kScorerBatch) {
      const uint32_t n = static_cast<uint32_t>(std::min<size_t>(kScorerBatch, rows_.size() - at));
      for (uint32_t i = 0; i < n; ++i) pointers[i] = view_.row(rows_[at + i]);
      if (params_.minHash.estimate) scorer_.distances(pointers, n, distances);
      else std::fill_n(distances, n, -1.0f);
      for (uint32_t i = 0; i < n; ++i) {
        if (inRange(params_, Metric::mhjaccard, distances[i])) top_.add(rankedRow(distances[i], rows_[at + i]));
      }
    }
    ranked_ = top_.sorted();
    if (stats_ == nullptr) return;
    stats_->distances += rows_.size();
    stats_->exactDistances += rows_.size();
    stats_->bytes += rows_.size() * view_.bytesPerRow;
  }

  /// Share of the rows of this estimate that share a band with the query.
  double foundShare(double estimate) const {
    // A row with fewer unequal elements than there are bands leaves one band without any.
    if (static_cast<double>(bands_.elements) * (1 - estimate) < bands_.count) return 1;
    return 1 - std::pow(1 - std::pow(std::max(estimate, 0.0), bands_.elementsOfOne), bands_.count);
  }

  bool isEnough(const Written& written, uint32_t q) const {
    // Rows that share no band are no hits.
    if (!params_.minHash.estimate) return true;
    const float* scores = out_.scores + q * params_.hitsMax();
    if (written.full) {
      if (!(params_.recallTarget > 0)) return true;
      return !incomplete_ && foundShare(static_cast<double>(scores[written.hits - 1])) >= static_cast<double>(params_.recallTarget);
    }
    if (params_.range == nullptr) return params_.group == nullptr && written.hits == std::min(params_.k, visibleRows_);
    return !incomplete_ && foundShare(static_cast<double>(params_.range->radius)) >= 1 - kMissedInRange;
  }

  Status scanAll(const uint8_t* queries, uint32_t first, uint32_t nq) {
    const size_t begin = first * params_.hitsMax();
    return flatSearch(view_, Metric::mhjaccard, queries, nq, visible_, params_, cancel_,
                      {out_.rows + begin, out_.scores + begin, out_.counts + first}, stats_);
  }

  const MinHashParts& parts_;
  const MinHashHeader& h_;
  const VectorView& view_;
  const Bitset& visible_;
  const SearchParams& params_;
  CancelToken cancel_;
  const HitBuffer& out_;
  SearchStats* stats_;
  Bands bands_;
  Scorer scorer_;
  uint32_t visibleRows_;
  /// Candidates of a band beyond these are not looked at.
  uint32_t wanted_;
  /// Some were not.
  bool incomplete_ = false;
  std::vector<uint64_t> hashes_;
  std::vector<Run> runs_;
  std::vector<uint32_t> rows_;
  std::vector<RankedRow> ranked_;
  TopHits top_;
};

}  // namespace

Status MinHashIndex::search(const VectorView& view, const uint8_t* queries, uint32_t nq, const Bitset& visible, const SearchParams& params,
                            CancelToken cancel, const HitBuffer& out, SearchStats* stats) const {
  if (data_ == nullptr) return Status::invalid("MINHASH_LSH index: not opened");
  if (Status status = checkSearch(params, out); !status.ok()) return status;
  if (view.type != VectorType::binary || view.dim != info_.dim || view.rows < info_.rows) {
    return Status::invalid("the column has " + std::to_string(view.rows) + " rows of dimension " + std::to_string(view.dim) + " and type " +
                           std::to_string(static_cast<int>(view.type)) + ", the index " + std::to_string(info_.rows) + " of dimension " +
                           std::to_string(info_.dim) + " and type " + std::to_string(static_cast<int>(VectorType::binary)));
  }
  if (!fits(info_.rows, params.minHash)) {
    return Status::invalid("the search is over " + std::to_string(params.minHash.bands) + " bands of elements of " +
                           std::to_string(params.minHash.elementBytes) + " bytes, the index over " + std::to_string(info_.bands) + " and " +
                           std::to_string(info_.elementBytes));
  }
  try {
    const MinHashParts parts(*this);
    VectorView indexed = view;
    indexed.rows = info_.rows;
    return Search(parts, indexed, visible, params, cancel, out, stats).run(queries, nq);
  } catch (const std::bad_alloc&) {
    return Status::outOfMemory();
  }
}

}  // namespace redkite
