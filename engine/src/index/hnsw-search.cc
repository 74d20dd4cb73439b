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

#include "hnsw-file.h"
#include "hnsw-walk.h"
#include "redkite/flat.h"
#include "redkite/quantise.h"
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
constexpr uint32_t kLanes = 3;

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

HnswScratch::HnswScratch() : state_(std::make_unique<State>()) {}
HnswScratch::~HnswScratch() = default;
HnswScratch::HnswScratch(HnswScratch&&) noexcept = default;
HnswScratch& HnswScratch::operator=(HnswScratch&&) noexcept = default;

namespace {

constexpr uint32_t kRowsBetweenPolls = 4096;
constexpr double kFreshShare = FilteredCodeWalk::kFreshShare;
/// A row compared in a scan against one compared in a walk, with its visited check, insertion and cache misses.
constexpr double kScanCost = 0.45;
/// A scan is chosen under a filter even if it costs this much more than the walk is expected to: its cost is known and its
/// answer whole, whereas a correlated filter lengthens the walk.
constexpr double kScanPreference = 2;

class Search {
 public:
  Search(const HnswParts& parts, const GrowingLevels* growing, const VectorView& view, const Bitset& visible, const SearchParams& params, CancelToken cancel,
         HnswScratch::State& state, const HitBuffer& out, SearchStats* stats)
      : parts_(parts), growing_(growing), h_(parts.header), metric_(static_cast<Metric>(parts.header.metric)), view_(view), visible_(visible),
        params_(params), cancel_(cancel), s_(state), out_(out), stats_(stats), rows_(view, metric_, refineOf(parts.header), parts.copy),
        ground_{parts.links, h_.slots, h_.rows, nullptr, h_.rows} {
    visibleRows_ = visible.all() ? h_.nodes : visible.count(h_.rows);
  }

  Status run(const uint8_t* queries, uint32_t nq) {
    if (takesTurns()) return runInTurns(queries, nq);
    for (uint32_t q = 0; q < nq; ++q) {
      if (cancel_.raised()) return Status::canceled();
      out_.counts[q] = 0;
      if (visibleRows_ == 0) continue;
      choose(queries, q);
      rows_.setQuery(queryBytes_);
      const NodeCodes codes = codesOf(h_);
      const Status status = isScalar(codes) ? searchOne(codeSpace(s_.query)) : isProduct(codes) ? searchOne(tableSpace()) : searchOne(rows_);
      if (!status.ok()) return status;
    }
    if (stats_ != nullptr) stats_->visibleRows = visibleRows_;
    return {};
  }

 private:
  void choose(const uint8_t* queries, uint32_t q) {
    queryBytes_ = queries + q * rowBytes(view_.type, view_.dim);
    query_ = q;
  }

  /// Codes order what is about equally near a little differently than rows do: an eighth more makes up for it, so that an ef brings the
  /// recall that it does in a graph walked on rows.
  uint64_t widthAsked() const {
    const uint64_t ef = params_.ef;
    return std::max<uint64_t>(h_.codeKind == 0 ? ef : ef + ef / 8, params_.k);
  }

  bool prefersScan(uint64_t width) const { return scanCost() <= walkCost(width) * (visible_.all() ? 1 : kScanPreference); }

  /// Whether each query is one walk on 8-bit codes.
  bool takesTurns() const {
    return visibleRows_ > 0 && !widening() && growing_ == nullptr && isScalar(codesOf(h_)) && !prefersScan(widthAsked());
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
          if (!lane.gaveUp) prefetchRanked(lane.pool);
          continue;
        }
        if (cancel_.raised()) return Status::canceled();
        if (Status status = leave(lane, queries); !status.ok()) return status;
        if (next < nq) enter(lane, queries, next++, Company::others);
        else order[i--] = order[--active];
      }
    }
    if (stats_ != nullptr) stats_->visibleRows = visibleRows_;
    return {};
  }

  void enter(Lane& lane, const uint8_t* queries, uint32_t q, Company company) {
    choose(queries, q);
    lane.query = q;
    lane.walked = false;
    lane.gaveUp = false;
    lane.space = codeSpace(lane.codes);
    counts_ = {};
    const uint32_t start = entryRow(lane.space);
    lane.counts = counts_;
    lane.visited.reset(h_.rows);
    const uint32_t width = static_cast<uint32_t>(widthAsked());
    lane.plain.reset();
    lane.filtered.reset();
    if (visible_.all()) {
      lane.pool.reset(width);
      lane.plain.emplace(ground_, lane.space, lane.pool, lane.visited, lane.counts, company).start(start);
    } else {
      lane.filtered.emplace(ground_, lane.space, visible_, filteredPlan(width, scanCost()), lane.guide, lane.pool, lane.visited, lane.counts, company).start(start);
    }
  }

  Status leave(Lane& lane, const uint8_t* queries) {
    choose(queries, lane.query);
    rows_.setQuery(queryBytes_);
    counts_ = lane.counts;
    out_.counts[query_] = 0;
    Status status;
    bool enough = false;
    if (!lane.gaveUp) {
      rankPool(lane.pool, static_cast<uint32_t>(widthAsked()));
      enough = writeHits(s_.ranked, params_, metric_, query_, out_).hits >= std::min(params_.k, visibleRows_);
    }
    if (enough) reached(SearchPath::graph);
    else status = scanVisible(lane.space, SearchPath::graphThenExact);
    if (stats_ != nullptr) addCounts(lane.space);
    return status;
  }

  /// Whether what the walk found is ranked again, and whether nothing but codes is read.
  bool reranks() const { return h_.codeKind != 0 && !alone(); }
  bool alone() const { return isAlone(codesOf(h_)); }
  bool widening() const { return params_.range != nullptr || params_.group != nullptr; }

  /// Leaves the query in s_.wide as rows were coded; its squared length where the metric needs it.
  double prepareQuery() {
    s_.wide.resize(h_.dim);
    widenRow(view_.type, queryBytes_, h_.dim, s_.wide.data());
    if (metric_ == Metric::cosine) {
      double squared = 0;
      for (const float value : s_.wide) squared += static_cast<double>(value) * static_cast<double>(value);
      const float inverse = squared > 0 && std::isfinite(squared) ? static_cast<float>(1 / std::sqrt(squared)) : 0.0f;
      for (float& value : s_.wide) value *= inverse;
    }
    double squared = 0;
    if (parts_.center != nullptr) {
      for (uint32_t d = 0; d < h_.dim; ++d) {
        s_.wide[d] -= parts_.center[d];
        squared += static_cast<double>(s_.wide[d]) * static_cast<double>(s_.wide[d]);
      }
    }
    return squared;
  }

  /// The query's own codes are left in `codes`.
  CodeSpace codeSpace(std::vector<int8_t>& codes) {
    const KernelTable& table = kernels();
    const double squared = prepareQuery();
    codes.assign(h_.codeStride, 0);
    const QuantisedQuery query = quantiseQuery(s_.wide.data(), h_.dim, table.code.queryMax, codes.data());
    CodeSpace space;
    space.codes = parts_.codes;
    space.stride = h_.codeStride;
    space.query = codes.data();
    space.dot = table.code.dot;
    space.biases = parts_.biases;
    const float scale = query.scale * h_.codeScale * (parts_.biases == nullptr ? 1.0f : 2.0f);
    space.factor = scale;
    space.constant = scale * 128.0f * static_cast<float>(query.sum) + static_cast<float>(squared);
    return space;
  }

  TableSpace tableSpace() {
    const double squared = prepareQuery();
    const ProductShape shape = productShapeOf(h_);
    const size_t levelTables = size_t{shape.subs} * shape.room();
    s_.tables.resize(shape.levels * levelTables);
    for (uint32_t level = 0; level < shape.levels; ++level) {
      kernels().list.products(s_.wide.data(), shape.book(parts_.books, level), shape.subs, shape.width(), shape.room(), s_.tables.data() + level * levelTables);
    }
    TableSpace space;
    space.codes = parts_.codes;
    space.stride = h_.codeStride;
    space.tables = s_.tables.data();
    space.room = shape.room();
    space.biases = parts_.biases;
    space.factor = parts_.biases == nullptr ? 1.0f : 2.0f;
    space.constant = static_cast<float>(squared);
    return space;
  }

  template <class Space>
  Status searchOne(const Space& space) {
    counts_ = {};
    const uint32_t wanted = std::min(params_.k, visibleRows_);
    uint64_t width = widthAsked();
    Status status;
    for (;;) {
      if (prefersScan(width)) {
        status = scanVisible(space);
        break;
      }
      if (!walk(space, static_cast<uint32_t>(width), scanCost())) {
        status = scanVisible(space, SearchPath::graphThenExact);
        break;
      }
      rankPool(s_.pool, static_cast<uint32_t>(width));
      const Written written = writeHits(s_.ranked, params_, metric_, query_, out_);
      if (cancel_.raised()) return Status::canceled();
      if (widening() ? written.full || beyondRadius() : written.hits >= wanted) {
        reached(SearchPath::graph);
        break;
      }
      if (!widening()) {
        status = scanVisible(space, SearchPath::graphThenExact);
        break;
      }
      width *= 2;
    }
    if (stats_ != nullptr) addCounts(space);
    return status;
  }

  template <class Space>
  void addCounts(const Space& space) {
    stats_->distances += counts_.distances;
    stats_->hops += counts_.hops;
    stats_->bytes += counts_.distances * space.bytesPerRow() + counts_.hops * h_.slots * 4;
  }

  double share() const { return static_cast<double>(visibleRows_) / h_.rows; }
  /// Both in rows compared in a walk.
  double scanCost() const { return visibleRows_ * kScanCost + 64; }
  double walkCost(uint64_t width) const { return expectedHops(width) * h_.slots * kFreshShare; }
  double expectedHops(uint64_t width) const {
    if (visible_.all()) return static_cast<double>(width);
    return std::max(static_cast<double>(width), matchesWanted(width) / share());
  }
  /// A filtered walk ends once one more than k matching rows (or than ef times the root of the matching share, if that is more) are closer
  /// than all that is left, and it has expanded at least ef nodes. Measured: recall at or above the unfiltered walk's from 50 % down.
  uint32_t matchesWanted(uint64_t width) const {
    const double matches = std::max(static_cast<double>(params_.k), static_cast<double>(width) * std::sqrt(share()));
    return static_cast<uint32_t>(std::min({matches + 1, static_cast<double>(kRowsMax), static_cast<double>(visibleRows_)}));
  }

  /// Nearest node of the upper levels, as a row.
  template <class Space>
  uint32_t entryRow(const Space& space) {
    if (growing_ != nullptr) return growingEntryRow(space);
    if (h_.levels == 0) return h_.entry;
    uint32_t node = 0;
    uint64_t skip = 0;
    for (uint32_t level = 1; level < h_.levels; ++level) skip += uint64_t{h_.levelNodes[level - 1]} * h_.m;
    for (uint32_t level = h_.levels; level > 0; --level) {
      const Layer layer{parts_.upperLinks + skip, h_.m, h_.levelNodes[level - 1], parts_.upperRows, h_.rows};
      node = descendLayer(layer, space, node, counts_);
      if (level > 1) skip -= uint64_t{h_.levelNodes[level - 2]} * h_.m;
    }
    const uint32_t row = parts_.upperRows[node];
    return row < h_.rows ? row : h_.entry;
  }

  template <class Space>
  uint32_t growingEntryRow(const Space& space) {
    if (growing_->count == 0) return h_.entry;
    uint32_t node = 0;
    for (uint32_t level = growing_->count; level > 0; --level) {
      node = growing_->down[level][descendLayer(growing_->layers[level], space, node, counts_)];
    }
    return node < h_.rows ? node : h_.entry;
  }

  /// Leaves the best visible rows in the pool. False when comparing everything has become the cheaper way.
  template <class Space>
  bool walk(const Space& space, uint32_t width, double budget) {
    const uint32_t start = entryRow(space);
    s_.visited.reset(h_.rows);
    if (visible_.all()) {
      s_.pool.reset(width);
      SteppedWalk<Space> walk(ground_, space, s_.pool, s_.visited, counts_, Company::none);
      walk.start(start);
      while (walk.step()) continue;
      compareUnlinked(space);
      return true;
    }
    FilteredWalk<Space> walk(ground_, space, visible_, filteredPlan(width, budget), s_.guide, s_.pool, s_.visited, counts_, Company::none);
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
    if (growing_ == nullptr) return;
    uint32_t rows[kWalkBatch];
    uint32_t n = 0;
    for (uint32_t row = growing_->linked; row < h_.rows; ++row) {
      if (!visible_.test(row) || !s_.visited.add(row)) continue;
      rows[n++] = row;
      if (n < kWalkBatch) continue;
      insertRows(space, rows, n);
      n = 0;
    }
    if (n > 0) insertRows(space, rows, n);
  }

  FilteredWalkPlan filteredPlan(uint32_t width, double budget) const { return {width, std::min(width, matchesWanted(width)), share(), budget}; }

  /// How many of the best of a walk are ranked again.
  uint32_t rankedRows(const Pool& pool, uint32_t width) const {
    return widening() ? pool.size() : std::min<uint32_t>(pool.size(), std::max(params_.k + (isProduct(codesOf(h_)) ? width : width / 6), params_.refineRows));
  }

  void prefetchRanked(const Pool& pool) const {
    if (!reranks()) return;
    const uint32_t n = std::min(kWalkBatch, rankedRows(pool, static_cast<uint32_t>(widthAsked())));
    for (uint32_t i = 0; i < n; ++i) rows_.prefetch(nodeOf(pool.at(i)));
  }

  /// Distances that count of the best of the pool.
  void rankPool(const Pool& pool, uint32_t width) {
    s_.ranked.clear();
    if (!reranks()) {
      for (uint32_t i = 0; i < pool.size(); ++i) s_.ranked.push_back(rankedRow(distanceOfCandidate(pool.at(i)), nodeOf(pool.at(i))));
      return;
    }
    const uint32_t n = rankedRows(pool, width);
    uint32_t ids[kWalkBatch];
    for (uint32_t begin = 0; begin < n; begin += kWalkBatch) {
      const uint32_t count = std::min(kWalkBatch, n - begin);
      for (uint32_t i = 0; i < count; ++i) ids[i] = nodeOf(pool.at(begin + i));
      rankExactly(ids, count);
    }
    std::sort(s_.ranked.begin(), s_.ranked.end());
  }

  void rankExactly(const uint32_t* ids, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) rows_.prefetch(ids[i]);
    float distances[kWalkBatch];
    rows_.distances(ids, count, distances);
    for (uint32_t i = 0; i < count; ++i) s_.ranked.push_back(rankedRow(distances[i], ids[i]));
    if (stats_ == nullptr) return;
    stats_->distances += count;
    stats_->exactDistances += count;
    stats_->bytes += count * rows_.bytesPerRow();
  }

  /// Whether the candidates reach past the radius: wider walks would only find more beyond it.
  bool beyondRadius() const {
    if (params_.range == nullptr || s_.ranked.empty()) return false;
    const float score = Scorer::scoreOf(metric_, distanceOf(s_.ranked.back()));
    return largerIsBetter(metric_) ? !(score > params_.range->radius) : !(score < params_.range->radius);
  }

  void reached(SearchPath path) {
    if (stats_ != nullptr && stats_->path < path) stats_->path = path;
  }

  /// A row without a vector has no links. (Callers do not show such rows; without a bitset nobody says so.)
  bool isNode(uint32_t row) const {
    return h_.nodes == h_.rows || row == h_.entry || loadLink(parts_.links + size_t{row} * h_.slots) < h_.rows;
  }

  /// Hands the distances of all visible rows to `take(row, distance)`. False when canceled.
  template <class Space, class Take>
  bool compareVisible(const Space& space, Take take) {
    uint32_t ids[kWalkBatch];
    uint32_t n = 0;
    const auto flush = [&] {
      float distances[kWalkBatch];
      space.distances(ids, n, distances);
      for (uint32_t i = 0; i < n; ++i) take(ids[i], distances[i]);
      counts_.distances += n;
      n = 0;
    };
    for (uint32_t word = 0; uint64_t{word} * 64 < h_.rows; ++word) {
      if (word % (kRowsBetweenPolls / 64) == 0 && cancel_.raised()) return false;
      for (uint64_t bits = visible_.word(word, h_.rows); bits != 0; bits &= bits - 1) {
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

  /// Compares all visible rows: on codes first, the best of these exactly. Groups and ranges take every row exactly.
  template <class Space>
  Status scanVisible(const Space& space, SearchPath path = SearchPath::flat) {
    reached(path);
    if (widening() || !reranks()) {
      s_.top.reset(params_.group == nullptr ? params_.k : visibleRows_);
      const uint64_t before = counts_.distances;
      const auto take = [this](uint32_t row, float distance) {
        const RankedRow hit = rankedRow(distance, row);
        if (hit < s_.top.worst() && inRange(params_, metric_, distance)) s_.top.add(hit);
      };
      const bool whole = alone() ? compareVisible(space, take) : compareVisible(rows_, take);
      if (!whole) return Status::canceled();
      if (stats_ != nullptr && !alone()) stats_->exactDistances += counts_.distances - before;
      writeHits(s_.top.sorted(), params_, metric_, query_, out_);
      return {};
    }
    s_.top.reset(size_t{params_.k} * 2 + 32);
    const bool whole = compareVisible(space, [this](uint32_t row, float distance) {
      const RankedRow hit = rankedRow(distance, row);
      if (hit < s_.top.worst()) s_.top.add(hit);
    });
    if (!whole) return Status::canceled();
    const bool all = s_.top.worst() == ~uint64_t{0};
    const std::vector<RankedRow>& best = s_.top.sorted();
    rankExactly(best);
    if (!all) {
      // Far from the query rows lie so densely that the error of the codes hides the order. Its size is known by now: whatever it
      // could have kept out is compared exactly too.
      const float bound = reachOfError(best);
      if (distanceOf(best.back()) < bound) {
        s_.near.clear();
        const bool again = compareVisible(space, [&](uint32_t row, float distance) {
          if (distance < bound) s_.near.push_back(rankedRow(distance, row));
        });
        if (!again) return Status::canceled();
        s_.ranked.clear();
        rankExactly(s_.near);
      }
    }
    std::sort(s_.ranked.begin(), s_.ranked.end());
    writeHits(s_.ranked, params_, metric_, query_, out_);
    return {};
  }

  void rankExactly(const std::vector<RankedRow>& candidates) {
    s_.ranked.clear();
    uint32_t ids[kWalkBatch];
    for (size_t begin = 0; begin < candidates.size(); begin += kWalkBatch) {
      const uint32_t count = static_cast<uint32_t>(std::min<size_t>(kWalkBatch, candidates.size() - begin));
      for (uint32_t i = 0; i < count; ++i) ids[i] = rowOf(candidates[begin + i]);
      rankExactly(ids, count);
    }
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
    std::nth_element(s_.ranked.begin(), s_.ranked.begin() + params_.k - 1, s_.ranked.end());
    return static_cast<float>(static_cast<double>(distanceOf(s_.ranked[params_.k - 1])) + 3 * std::sqrt(squares / static_cast<double>(n)));
  }

  const HnswParts& parts_;
  const GrowingLevels* growing_;
  const HnswHeader& h_;
  Metric metric_;
  const VectorView& view_;
  const Bitset& visible_;
  const SearchParams& params_;
  CancelToken cancel_;
  HnswScratch::State& s_;
  const HitBuffer& out_;
  SearchStats* stats_;
  RefineRows rows_;
  Layer ground_;
  WalkCounts counts_;
  uint32_t visibleRows_ = 0;
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
  return Search(parts, growing, view, visible, params, cancel, scratch.state(), out, stats).run(queries, nq);
}

}  // namespace redkite
