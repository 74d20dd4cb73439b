// Searching: descend, walk level 0 on codes, re-rank the best on the raw rows or their copy; under filters choose between a longer walk
// and comparing all matching rows.
//
// Measured and rejected for filters: walking matching nodes only, with two-hop expansion through the others (ACORN). At 10 % random
// it is a quarter faster at equal recall, but on correlated filters it loses 5 to 10 points of recall, and below 5 % the scan wins.
#include <algorithm>
#include <cmath>
#include <new>
#include <optional>
#include <string>

#include "hnsw-call.h"
#include "hnsw-entry.h"
#include "hnsw-query.h"
#include "hnsw-ranker.h"
#include "hnsw-scan.h"
#include "hnsw-scratch.h"
#include "stepped-walk.h"
#include "top-hits.h"

namespace redkite {

HnswScratch::HnswScratch() : state_(std::make_unique<State>()) {}
HnswScratch::~HnswScratch() = default;
HnswScratch::HnswScratch(HnswScratch&&) noexcept = default;
HnswScratch& HnswScratch::operator=(HnswScratch&&) noexcept = default;

namespace {

class Search {
 public:
  Search(const HnswCall& call, HnswScratch::State& state)
      : call_(call), h_(call.header()), s_(state), ranker_(call, state.ranked), scan_(call, ranker_, state), ground_{call.parts.links, h_.slots, h_.rows, nullptr, h_.rows} {}

  Status run(const uint8_t* queries, uint32_t nq) {
    if (takesTurns()) return runInTurns(queries, nq);
    for (uint32_t q = 0; q < nq; ++q) {
      if (call_.cancel.raised()) return Status::canceled();
      call_.out.counts[q] = 0;
      if (call_.visibleRows == 0) continue;
      choose(queries, q);
      ranker_.setQuery(queryBytes_);
      const NodeCodes codes = codesOf(h_);
      const Status status = isScalar(codes)    ? searchOne(codeSpaceOf(call_.parts, queryBytes_, s_.wide, s_.query))
                            : isProduct(codes) ? searchOne(tableSpaceOf(call_.parts, queryBytes_, s_.wide, s_.tables))
                                               : searchOne(ranker_.rows());
      if (!status.ok()) return status;
    }
    if (call_.stats != nullptr) call_.stats->visibleRows = call_.visibleRows;
    return {};
  }

 private:
  void choose(const uint8_t* queries, uint32_t q) {
    queryBytes_ = queries + q * rowBytes(call_.view.type, call_.view.dim);
    query_ = q;
  }

  /// Whether each query is one walk on 8-bit codes.
  bool takesTurns() const {
    return call_.visibleRows > 0 && !call_.widening() && call_.growing == nullptr && isScalar(codesOf(h_)) && !call_.prefersScan(call_.widthAsked());
  }

  Status runInTurns(const uint8_t* queries, uint32_t nq) {
    uint32_t next = 0;
    uint32_t active = 0;
    Lane* order[kLanes];
    for (Lane& lane : s_.lanes) {
      if (next == nq) break;
      enter(lane, queries, next++, nq == 1 ? Company::none : Company::others);
      order[active++] = &lane;
    }
    while (active > 0) {
      for (uint32_t i = 0; i < active; ++i) {
        Lane& lane = *order[i];
        if (!lane.walked) {
          if (lane.step()) continue;
          lane.walked = true;
          if (!lane.gaveUp) ranker_.prefetch(lane.pool);
          continue;
        }
        if (call_.cancel.raised()) return Status::canceled();
        if (Status status = leave(lane, queries); !status.ok()) return status;
        if (next < nq) enter(lane, queries, next++, Company::others);
        else order[i--] = order[--active];
      }
    }
    if (call_.stats != nullptr) call_.stats->visibleRows = call_.visibleRows;
    return {};
  }

  void enter(Lane& lane, const uint8_t* queries, uint32_t q, Company company) {
    choose(queries, q);
    lane.query = q;
    lane.walked = false;
    lane.gaveUp = false;
    lane.space = codeSpaceOf(call_.parts, queryBytes_, s_.wide, lane.codes);
    counts_ = {};
    const uint32_t start = entryRowOf(call_.parts, call_.growing, lane.space, counts_);
    lane.counts = counts_;
    lane.visited.reset(h_.rows);
    const uint32_t width = static_cast<uint32_t>(call_.widthAsked());
    lane.plain.reset();
    lane.filtered.reset();
    if (call_.visible.all()) {
      lane.pool.reset(width);
      lane.plain.emplace(ground_, lane.space, lane.pool, lane.visited, lane.counts, company).start(start);
    } else {
      lane.filtered.emplace(ground_, lane.space, call_.visible, call_.filteredPlan(width, call_.scanCost()), lane.guide, lane.pool, lane.visited, lane.counts, company).start(start);
    }
  }

  Status leave(Lane& lane, const uint8_t* queries) {
    choose(queries, lane.query);
    ranker_.setQuery(queryBytes_);
    counts_ = lane.counts;
    call_.out.counts[query_] = 0;
    Status status;
    bool enough = false;
    if (!lane.gaveUp) {
      ranker_.rankPool(lane.pool, static_cast<uint32_t>(call_.widthAsked()));
      enough = writeHits(s_.ranked, call_.params, call_.metric, query_, call_.out).hits >= std::min(call_.params.k, call_.visibleRows);
    }
    if (enough) call_.reached(SearchPath::graph);
    else status = scan_.run(lane.space, query_, SearchPath::graphThenExact, counts_);
    if (call_.stats != nullptr) addCounts(lane.space);
    return status;
  }

  template <class Space>
  Status searchOne(const Space& space) {
    counts_ = {};
    const uint32_t wanted = std::min(call_.params.k, call_.visibleRows);
    uint64_t width = call_.widthAsked();
    Status status;
    for (;;) {
      if (call_.prefersScan(width)) {
        status = scan_.run(space, query_, SearchPath::flat, counts_);
        break;
      }
      if (!walk(space, static_cast<uint32_t>(width), call_.scanCost())) {
        status = scan_.run(space, query_, SearchPath::graphThenExact, counts_);
        break;
      }
      ranker_.rankPool(s_.pool, static_cast<uint32_t>(width));
      const Written written = writeHits(s_.ranked, call_.params, call_.metric, query_, call_.out);
      if (call_.cancel.raised()) return Status::canceled();
      if (call_.widening() ? written.full || beyondRadius() : written.hits >= wanted) {
        call_.reached(SearchPath::graph);
        break;
      }
      if (!call_.widening()) {
        status = scan_.run(space, query_, SearchPath::graphThenExact, counts_);
        break;
      }
      width *= 2;
    }
    if (call_.stats != nullptr) addCounts(space);
    return status;
  }

  template <class Space>
  void addCounts(const Space& space) {
    call_.stats->distances += counts_.distances;
    call_.stats->hops += counts_.hops;
    call_.stats->bytes += counts_.distances * space.bytesPerRow() + counts_.hops * h_.slots * 4;
  }

  /// Leaves the best visible rows in the pool. False when comparing everything has become the cheaper way.
  template <class Space>
  bool walk(const Space& space, uint32_t width, double budget) {
    const uint32_t start = entryRowOf(call_.parts, call_.growing, space, counts_);
    s_.visited.reset(h_.rows);
    if (call_.visible.all()) {
      s_.pool.reset(width);
      SteppedWalk<Space> walk(ground_, space, s_.pool, s_.visited, counts_, Company::none);
      walk.start(start);
      while (walk.step()) continue;
      compareUnlinked(space);
      return true;
    }
    FilteredWalk<Space> walk(ground_, space, call_.visible, call_.filteredPlan(width, budget), s_.guide, s_.pool, s_.visited, counts_, Company::none);
    walk.start(start);
    for (;;) {
      const auto step = walk.step();
      if (step == FilteredWalk<Space>::Step::more) continue;
      if (step == FilteredWalk<Space>::Step::found) compareUnlinked(space);
      return step == FilteredWalk<Space>::Step::found;
    }
  }

  /// Compares rows, at most kWalkBatch, and puts them into the pool.
  template <class Space>
  void insertRows(const Space& space, const uint32_t* rows, uint32_t n) {
    float distances[kWalkBatch];
    Candidate compared[kWalkBatch];
    space.distances(rows, n, distances);
    for (uint32_t i = 0; i < n; ++i) compared[i] = candidate(distances[i], rows[i]);
    s_.pool.insertNear(compared, n);
    counts_.distances += n;
  }

  /// Rows of a growing graph that no link leads to yet.
  template <class Space>
  void compareUnlinked(const Space& space) {
    if (call_.growing == nullptr) return;
    uint32_t rows[kWalkBatch];
    uint32_t n = 0;
    for (uint32_t row = call_.growing->linked; row < h_.rows; ++row) {
      if (!call_.visible.test(row) || !s_.visited.add(row)) continue;
      rows[n++] = row;
      if (n < kWalkBatch) continue;
      insertRows(space, rows, n);
      n = 0;
    }
    if (n > 0) insertRows(space, rows, n);
  }

  /// Whether the candidates reach past the radius: wider walks would only find more beyond it.
  bool beyondRadius() const {
    if (call_.params.range == nullptr || s_.ranked.empty()) return false;
    const float score = Scorer::scoreOf(call_.metric, distanceOf(s_.ranked.back()));
    return largerIsBetter(call_.metric) ? !(score > call_.params.range->radius) : !(score < call_.params.range->radius);
  }

  const HnswCall& call_;
  const HnswHeader& h_;
  HnswScratch::State& s_;
  HnswRanker ranker_;
  HnswScan scan_;
  Layer ground_;
  WalkCounts counts_;
  const uint8_t* queryBytes_ = nullptr;
  uint32_t query_ = 0;
};

}  // namespace

Status HnswIndex::search(const VectorView& view, const uint8_t* queries, uint32_t nq, const Bitset& visible,
                         const SearchParams& params, CancelToken cancel, HnswScratch* scratch, const HitBuffer& out,
                         SearchStats* stats) const {
  if (data_ == nullptr) return Status::invalid("HNSW index: not opened");
  if (Status status = checkSearch(params, out); !status.ok()) return status;
  if (view.type != info_.type || view.dim != info_.dim) {
    return Status::invalid("the column has dimension " + std::to_string(view.dim) + " and type " +
                           std::to_string(static_cast<int>(view.type)) + ", the index " + std::to_string(info_.dim) + " and " +
                           std::to_string(static_cast<int>(info_.type)));
  }
  if (view.rows < info_.rows) {
    return Status::invalid("the column has " + std::to_string(view.rows) + " rows, the index " + std::to_string(info_.rows));
  }
  try {
    const HnswParts parts = HnswParts::of(*this);
    std::optional<HnswScratch> own;
    HnswScratch& used = scratch == nullptr ? own.emplace() : *scratch;
    SearchParams asked = params;
    asked.ef = efOf(parts.curves, params, info_.nodes);
    return searchGraph(parts, nullptr, view, queries, nq, visible, asked, cancel, used, out, stats);
  } catch (const std::bad_alloc&) {
    return Status::outOfMemory();
  }
}

uint32_t efOf(const WidthCurves* curves, const SearchParams& params, uint32_t nodes) {
  if (!(params.recallTarget > 0)) return params.ef;
  const uint32_t measured = curves == nullptr ? 0 : widthForRecall(*curves, params.recallTarget, params.k, nodes);
  if (measured > 0) return measured;
  // Twice what recall@10 takes in 115,659 text embeddings.
  const double missing = std::max(1e-4, 1 - static_cast<double>(params.recallTarget));
  return static_cast<uint32_t>(2 * std::max(params.k, 16u) * std::max(1.0, std::pow(0.1 / missing, 0.7)));
}

Status searchGraph(const HnswParts& parts, const GrowingLevels* growing, const VectorView& view, const uint8_t* queries, uint32_t nq,
                   const Bitset& visible, const SearchParams& params, CancelToken cancel, HnswScratch& scratch, const HitBuffer& out,
                   SearchStats* stats) {
  const HnswCall call{parts, growing, view, visible, params, cancel, out, stats};
  return Search(call, scratch.state()).run(queries, nq);
}

}  // namespace redkite
