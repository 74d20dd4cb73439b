// Searching an inverted file: nearest lists by 8-bit codes of their centroids, then the lists' blocks, then, where the index says so, the
// best on the raw rows or their copy. Queries of a call share the blocks that they read.
#include <algorithm>
#include <bit>
#include <cmath>
#include <new>
#include <string>
#include <vector>

#include "ivf-call.h"
#include "ivf-probes.h"
#include "ivf-ranker.h"
#include "ivf-rows.h"
#include "ivf-tables.h"
#include "k-means.h"
#include "redkite/flat.h"

namespace redkite {
namespace {

/// Queries whose candidates are kept at once.
constexpr uint32_t kQueriesMax = 256;
/// (query, list) pairs of the same at most.
constexpr uint64_t kPairsMax = uint64_t{1} << 21;
/// A row compared exactly against one compared by its codes.
constexpr double kExactCost = 4;
/// Product codes are ranked again with unrounded tables: as many as wanted and these.
constexpr uint32_t kTableSpare = 16;
/// Group-by looks at this many rows for each wanted hit at first.
constexpr uint32_t kGroupRows = 8;
constexpr uint32_t kListsBetweenPolls = 64;

class Search {
 public:
  explicit Search(const IvfCall& call)
      : call_(call), h_(call.header()), scorer_(call.view.type, call.metric, call.view.dim), probes_(call), ranker_(call),
        prepare_(call.view.type, call.metric, call.view.dim, call.l2() ? call.parts.center : nullptr, call.kind == IvfKind::rabitq ? call.parts.codebooks : nullptr),
        nprobe_(std::clamp(call.ivf.nprobe, 1u, h_.lists)) {}

  Status run(const uint8_t* queries, uint32_t nq) {
    std::fill(call_.out.counts, call_.out.counts + nq, 0u);
    if (call_.stats != nullptr) call_.stats->visibleRows = call_.visibleRows;
    if (call_.visibleRows == 0) return {};
    const double scanned = static_cast<double>(rowsWanted()) / call_.share();
    // Null rows are invisible to callers who know of them; without a bitset a scan would show them.
    const bool scannable = !call_.visible.all() || h_.nodes == h_.rows;
    if (scannable && call_.visibleRows * kExactCost <= scanned + h_.lists) {
      if (isCopy(refineOf(h_))) return ranker_.scanCopy(queries, nq);
      VectorView rows = call_.view;
      rows.rows = h_.rows;
      return flatSearch(rows, call_.metric, queries, nq, call_.visible, call_.params, call_.cancel, call_.out, call_.stats);
    }
    const uint64_t pairs = std::max<uint64_t>(1, kPairsMax / nprobe_);
    // Groups widen one query's search, not that of its neighbours.
    const uint32_t block = call_.params.group != nullptr ? 1 : static_cast<uint32_t>(std::min<uint64_t>({nq, kQueriesMax, pairs}));
    queries_.resize(block);
    const size_t bytes = rowBytes(call_.view.type, call_.view.dim);
    for (uint32_t first = 0; first < nq; first += block) {
      count_ = std::min(block, nq - first);
      for (uint32_t q = 0; q < count_; ++q) queries_[q].bytes = queries + size_t{first + q} * bytes;
      if (Status status = searchBlock(first); !status.ok()) return status;
    }
    if (call_.stats != nullptr && call_.stats->path < SearchPath::lists) call_.stats->path = SearchPath::lists;
    return {};
  }

 private:
  bool scalar() const { return call_.kind == IvfKind::flat || call_.kind == IvfKind::sq8; }

  /// Matching rows to be compared: those of `nprobe` average lists, thinned less than the filter thins them, since the nearest of fewer rows
  /// lie farther away.
  uint64_t rowsWanted() const {
    const uint64_t least = std::min<uint64_t>(call_.visibleRows, uint64_t{call_.params.k} * (call_.visible.all() ? 1 : 2));
    if (call_.visible.all()) return std::max<uint64_t>(least, static_cast<uint64_t>(static_cast<double>(h_.nodes) * nprobe_ / h_.lists));
    const double unfiltered = static_cast<double>(h_.nodes) * nprobe_ / h_.lists;
    return std::min<uint64_t>(call_.visibleRows, std::max(least, static_cast<uint64_t>(unfiltered * std::sqrt(call_.share()))));
  }

  /// Matching rows without which a query is not answered. Where the filter is correlated with the distance, as many as an unfiltered search
  /// compares; where the near rows are those that do not match, the best of the others lie in many lists.
  uint64_t rowsNeeded(const IvfQuery& query) const {
    if (call_.visible.all()) return std::min<uint64_t>(call_.visibleRows, call_.params.k);
    const double unfiltered = static_cast<double>(h_.nodes) * nprobe_ / h_.lists;
    const double expected = static_cast<double>(query.passed) * call_.share();
    const double seen = static_cast<double>(query.seen);
    if (seen * 2 < expected) return call_.visibleRows;
    const double factor = seen * 1.5 < expected ? 3 : seen > expected * 1.5 ? 1 : 0;
    return std::min<uint64_t>(call_.visibleRows, std::max(rowsWanted(), static_cast<uint64_t>(unfiltered * factor)));
  }

  uint32_t kept() const {
    uint64_t wanted = call_.params.group == nullptr ? call_.params.k : uint64_t{call_.params.k} * call_.params.group->groupSize * groupRows_;
    if (call_.refined()) wanted = std::max<uint64_t>(wanted, call_.ivf.refineRows > 0 ? call_.ivf.refineRows : refineRowsOf(wanted));
    else if (isProduct(call_.kind)) wanted += kTableSpare;
    return static_cast<uint32_t>(std::clamp<uint64_t>(wanted, 1, call_.visibleRows));
  }

  /// Rows ranked again where the caller does not say how many: what the coarseness of the codes asks for.
  uint64_t refineRowsOf(uint64_t hits) const { return call_.kind == IvfKind::scann ? hits * 2 + 32 : hits * 4 + 64; }

  Status searchBlock(uint32_t first) {
    groupRows_ = kGroupRows;
    nprobe_ = std::clamp(call_.ivf.nprobe, 1u, h_.lists);
    for (;;) {
      begin();
      uint32_t probes = nprobe_;
      for (;;) {
        probes_.choose(queries_, count_, probes);
        if (Status status = call_.kind == IvfKind::binary ? scanBinary() : scalar() ? scanScalar() : scanTables(); !status.ok()) return status;
        bool more = false;
        for (uint32_t q = 0; q < count_; ++q) more = wantsMore(queries_[q]) || more;
        if (!more) break;
        // The next round brings as many lists again as were read so far.
        probes = std::min(h_.lists, probes * 2);
      }
      bool full = true;
      for (uint32_t q = 0; q < count_; ++q) {
        const bool whole = ranker_.answer(queries_[q], first + q, kept());
        full = full && whole;
      }
      if (full || (kept() == call_.visibleRows && nprobe_ == h_.lists)) return {};
      groupRows_ *= 4;
      nprobe_ = std::min(h_.lists, nprobe_ * 2);
    }
  }

  void begin() {
    const uint32_t dim = call_.view.dim;
    for (uint32_t q = 0; q < count_; ++q) {
      IvfQuery& query = queries_[q];
      query.seen = 0;
      query.passed = 0;
      query.listsRead = 0;
      query.done = false;
      query.probes.clear();
      query.bounded.reset(kept());
      query.best.reset(kept());
    }
    if (call_.kind == IvfKind::binary) return;
    prepared_.resize(size_t{count_} * dim);
    points_.resize(count_, dim);
    probes_.setQueries(&points_, prepared_.data());
    for (uint32_t q = 0; q < count_; ++q) {
      float* values = prepared_.data() + size_t{q} * dim;
      prepare_.prepare(queries_[q].bytes, values);
      points_.set(q, values, dim);
      if (call_.kind != IvfKind::flat) continue;
      double lost = 0;
      for (uint32_t d = 0; d < dim; ++d) {
        const double difference = static_cast<double>(values[d]) - static_cast<double>(points_.scales[q]) * points_.row(q)[d];
        lost += difference * difference;
      }
      const float error = static_cast<float>(std::sqrt(lost)) * 1.001f;
      const float rounding = 4e-7f * (static_cast<float>(dim) / 16 + 16);
      queries_[q].length = lengthOf(values, dim);
      queries_[q].error = error + rounding * queries_[q].length;
    }
  }

  const float* factorsOf(uint32_t block) const { return call_.parts.factors + size_t{block} * factorArrays(h_) * kBlockRows; }

  /// Lists one after the other, each for all queries that read it; the nearest list of every query first, so that bounds are tight early.
  Status scanScalar() {
    for (const bool nearest : {true, false}) {
      pairs_.clear();
      for (uint32_t q = 0; q < count_; ++q) {
        IvfQuery& query = queries_[q];
        if (query.done) continue;
        query.reached = nearest ? false : query.reached;
        for (size_t i = nearest ? 0 : 1; i < (nearest ? std::min<size_t>(1, query.probes.size()) : query.probes.size()); ++i) {
          pairs_.push_back({query.probes[i], q});
        }
      }
      if (count_ > 1) std::sort(pairs_.begin(), pairs_.end(), [](const Pair& a, const Pair& b) { return a.probe.list != b.probe.list ? a.probe.list < b.probe.list : a.query < b.query; });
      uint32_t lists = 0;
      for (size_t i = 0; i < pairs_.size();) {
        size_t end = i + 1;
        while (end < pairs_.size() && pairs_[end].probe.list == pairs_[i].probe.list) ++end;
        if (++lists % kListsBetweenPolls == 0 && call_.cancel.raised()) return Status::canceled();
        scanScalarList(pairs_[i].probe.list, pairs_.data() + i, end - i);
        i = end;
      }
    }
    return call_.cancel.raised() ? Status::canceled() : Status{};
  }

  struct Pair {
    Probe probe;
    uint32_t query;
  };

  void scanScalarList(uint32_t list, const Pair* pairs, size_t n) {
    const uint32_t rows = call_.parts.listRows(list);
    const uint32_t groups = codeGroups(h_.dim);
    const KernelTable& table = kernels();
    int32_t sums[kListQueries * kBlockRows];
    for (uint32_t begin = 0; begin < rows; begin += kBlockRows) {
      const uint32_t block = call_.parts.firstBlock(list) + begin / kBlockRows;
      const uint32_t mask = call_.visibleMask(block, rows - begin);
      if (mask == 0) continue;
      const float* factors = factorsOf(block);
      const ListRows listRows{factors, factors + kBlockRows, call_.kind == IvfKind::flat ? factors + 2 * kBlockRows : nullptr,
                              call_.kind == IvfKind::flat ? factors + 3 * kBlockRows : nullptr};
      for (size_t first = 0; first < n; first += kListQueries) {
        const uint32_t count = static_cast<uint32_t>(std::min<size_t>(kListQueries, n - first));
        const int8_t* codes[kListQueries];
        for (uint32_t i = 0; i < count; ++i) codes[i] = points_.row(pairs[first + i].query);
        table.list.dots(codes, count, call_.parts.codes + block * blockBytes(h_), groups, sums);
        for (uint32_t i = 0; i < count; ++i) offerScalar(pairs[first + i], block, mask, sums + i * kBlockRows, listRows);
      }
      if (call_.stats != nullptr) call_.stats->bytes += blockBytes(h_);
    }
  }

  void offerScalar(const Pair& pair, uint32_t block, uint32_t mask, const int32_t* sums, const ListRows& rows) {
    IvfQuery& query = queries_[pair.query];
    compared(query, mask);
    const bool exact = call_.kind == IvfKind::flat;
    const float rounding = exact ? pair.probe.rounding : 0;
    const ListQuery list{pair.probe.base, points_.scales[pair.query] * (call_.l2() ? 2.0f : 1.0f), 128.0f * static_cast<float>(points_.sums[pair.query]), query.length,
                         query.error, rounding};
    float distances[kBlockRows];
    float slack[kBlockRows];
    const float worst = std::min(call_.radius, exact ? query.bounded.worst() : query.best.worstDistance());
    mask &= kernels().list.estimate(sums, rows, list, worst, distances, slack);
    for (; mask != 0; mask &= mask - 1) {
      const uint32_t r = static_cast<uint32_t>(std::countr_zero(mask));
      const uint32_t place = block * kBlockRows + r;
      if (!exact) {
        offer(query, orderable(distances[r]), place);
        continue;
      }
      float lower = distances[r] - slack[r];
      float upper = distances[r] + slack[r];
      // A row of which nothing is known may be anywhere.
      lower = std::isnan(lower) ? -IvfCall::kNowhere : lower;
      upper = orderable(upper);
      query.reached = query.reached || upper < call_.radius;
      if (upper < call_.tooNear) continue;
      query.bounded.add(lower, upper, place, lower >= call_.tooNear && upper < call_.radius);
    }
  }

  /// A row by its estimated distance, where the estimate decides.
  void offer(IvfQuery& query, float distance, uint32_t place) {
    // Whatever is compared again on the raw rows is cut to the range by them.
    const bool inside = call_.params.range == nullptr || distance < call_.radius;
    query.reached = query.reached || (call_.params.range != nullptr && inside);
    if (!call_.refined() && call_.params.range != nullptr && (!inside || distance < call_.tooNear)) return;
    query.best.add(rankedRow(distance, place));
  }

  void compared(IvfQuery& query, uint32_t mask) {
    const uint32_t rows = static_cast<uint32_t>(std::popcount(mask));
    query.seen += rows;
    if (call_.stats != nullptr) call_.stats->distances += rows;
  }

  /// Product codes and bits: one query after the other, whose tables stay in the cache, nearest list first.
  Status scanTables() {
    for (uint32_t q = 0; q < count_; ++q) {
      if (queries_[q].done) continue;
      if (call_.cancel.raised()) return Status::canceled();
      queries_[q].reached = false;
      tables_.make(call_.parts, prepared_.data() + size_t{q} * h_.dim);
      uint32_t lists = 0;
      for (const Probe& probe : queries_[q].probes) {
        if (++lists % kListsBetweenPolls == 0 && call_.cancel.raised()) return Status::canceled();
        scanTableList(queries_[q], probe);
      }
      if (isProduct(call_.kind) && !call_.refined()) rankByTables(q);
    }
    return {};
  }

  void scanTableList(IvfQuery& query, const Probe& probe) {
    const uint32_t rows = call_.parts.listRows(probe.list);
    const uint32_t firstBlock = call_.parts.firstBlock(probe.list);
    const KernelTable& table = kernels();
    ListQuery list = tables_.query();
    list.base += probe.base;
    const bool wide = h_.nbits > 4;
    int32_t sums[2 * kBlockRows];
    float distances[kBlockRows];
    float slack[kBlockRows];
    for (uint32_t begin = 0; begin < rows; begin += kBlockRows) {
      const uint32_t block = firstBlock + begin / kBlockRows;
      const bool second = wide && begin / kBlockRows % 2 == 1;
      if (!second) {
        const uint8_t* codes = call_.parts.codes + block * blockBytes(h_);
        if (wide) table.list.lookup8(tables_.rounded(), codes, h_.subs, rows - begin > kBlockRows ? 2 : 1, sums);
        else table.list.lookup4(tables_.rounded(), codes, codeGroups(h_.subs), sums);
      }
      uint32_t mask = call_.visibleMask(block, rows - begin);
      if (mask == 0) continue;
      compared(query, mask);
      const float* factors = factorsOf(block);
      const ListRows listRows = call_.kind == IvfKind::rabitq ? ListRows{factors, factors + kBlockRows, nullptr, nullptr}
                                                              : ListRows{nullptr, call_.l2() ? factors : nullptr, nullptr, nullptr};
      mask &= table.list.estimate(sums + (second ? kBlockRows : 0), listRows, list, query.best.worstDistance(), distances, slack);
      for (; mask != 0; mask &= mask - 1) {
        const uint32_t r = static_cast<uint32_t>(std::countr_zero(mask));
        offer(query, orderable(distances[r]), block * kBlockRows + r);
      }
      if (call_.stats != nullptr) call_.stats->bytes += blockBytes(h_);
    }
  }

  /// The kept rows' distances from the tables as they were before rounding.
  void rankByTables(uint32_t q) {
    IvfQuery& query = queries_[q];
    std::vector<RankedRow>& rows = query.best.sorted();
    for (RankedRow& row : rows) {
      const uint32_t place = rowOf(row);
      const uint32_t block = place / kBlockRows;
      const uint32_t r = place % kBlockRows;
      const uint32_t list = listOf(block);
      const auto probe = std::find_if(query.probes.begin(), query.probes.end(), [list](const Probe& one) { return one.list == list; });
      // Rows of earlier rounds were ranked then.
      if (probe == query.probes.end()) continue;
      const uint8_t* codes = call_.parts.codes + block * blockBytes(h_);
      const float product = tables_.productOf(h_, codes, r);
      const float constant = call_.l2() ? factorsOf(block)[r] : 0;
      row = rankedRow(orderable(probe->base + constant - (call_.l2() ? 2.0f : 1.0f) * product), place);
    }
  }

  uint32_t listOf(uint32_t block) const {
    const uint32_t* end = call_.parts.starts + h_.lists + 1;
    const uint32_t* after = std::upper_bound(call_.parts.starts, end, block);
    return after == call_.parts.starts ? 0 : std::min(static_cast<uint32_t>(after - call_.parts.starts) - 1, h_.lists - 1);
  }

  Status scanBinary() {
    const size_t bytes = h_.dim / 8;
    for (uint32_t q = 0; q < count_; ++q) {
      IvfQuery& query = queries_[q];
      if (query.done) continue;
      if (call_.cancel.raised()) return Status::canceled();
      query.reached = false;
      scorer_.setQuery(query.bytes);
      for (const Probe& probe : query.probes) {
        const uint32_t rows = call_.parts.listRows(probe.list);
        for (uint32_t begin = 0; begin < rows; begin += kBlockRows) {
          const uint32_t block = call_.parts.firstBlock(probe.list) + begin / kBlockRows;
          uint32_t mask = call_.visibleMask(block, rows - begin);
          if (mask == 0) continue;
          compared(query, mask);
          const uint8_t* codes = call_.parts.codes + block * blockBytes(h_);
          const uint8_t* pointers[kBlockRows];
          float distances[kBlockRows];
          for (uint32_t r = 0; r < kBlockRows; ++r) pointers[r] = codes + r * bytes;
          scorer_.distances(pointers, kBlockRows, distances);
          for (; mask != 0; mask &= mask - 1) {
            const uint32_t r = static_cast<uint32_t>(std::countr_zero(mask));
            if (!(distances[r] <= query.best.worstDistance())) continue;
            // Distances of bits are few, and of equals the first row counts: here the row itself is the place.
            const uint32_t id = call_.parts.ids[size_t{block} * kBlockRows + r];
            if (id < h_.rows) offer(query, distances[r], id);
          }
          if (call_.stats != nullptr) call_.stats->bytes += blockBytes(h_);
        }
      }
    }
    return {};
  }

  /// Marks the query done, or leaves it to another round.
  bool wantsMore(IvfQuery& query) const {
    if (query.done) return false;
    const bool going = call_.params.range != nullptr && query.reached && !(call_.kind == IvfKind::flat ? query.bounded.full() : query.best.full());
    query.done = query.listsRead >= h_.lists || (query.seen >= rowsNeeded(query) && !going);
    return !query.done;
  }

  const IvfCall& call_;
  const IvfHeader& h_;
  Scorer scorer_;
  IvfProbes probes_;
  IvfRanker ranker_;
  IvfTables tables_;
  RowPreparer prepare_;
  uint32_t nprobe_;
  uint32_t groupRows_ = kGroupRows;
  uint32_t count_ = 0;
  std::vector<IvfQuery> queries_;
  std::vector<float> prepared_;
  CodedPoints points_;
  std::vector<Pair> pairs_;
};

uint32_t nprobeOf(const IvfParts& parts, const SearchParams& params, const IvfSearchParams& ivf) {
  if (!(params.recallTarget > 0)) return ivf.nprobe;
  const uint32_t lists = parts.header.lists;
  const uint32_t measured = parts.curves == nullptr ? 0 : widthForRecall(*parts.curves, params.recallTarget, params.k, lists);
  if (measured > 0) return measured;
  // Twice what recall@10 takes in 115,659 text embeddings in 1,024 lists.
  const double missing = std::max(1e-4, 1 - static_cast<double>(params.recallTarget));
  return static_cast<uint32_t>(std::clamp(std::ceil(1.25 * std::sqrt(lists) * std::pow(0.1 / missing, 0.6)), 1.0, static_cast<double>(lists)));
}

}  // namespace

Status IvfIndex::search(const VectorView& view, const uint8_t* queries, uint32_t nq, const Bitset& visible, const SearchParams& params,
                        const IvfSearchParams& ivf, CancelToken cancel, const HitBuffer& out, SearchStats* stats) const {
  if (data_ == nullptr) return Status::invalid("IVF index: not opened");
  if (Status status = checkSearch(params, out); !status.ok()) return status;
  if (view.type != info_.type || view.dim != info_.dim) {
    return Status::invalid("the column has dimension " + std::to_string(view.dim) + " and type " + std::to_string(static_cast<int>(view.type)) +
                           ", the index " + std::to_string(info_.dim) + " and " + std::to_string(static_cast<int>(info_.type)));
  }
  if (view.rows < info_.rows) {
    return Status::invalid("the column has " + std::to_string(view.rows) + " rows, the index " + std::to_string(info_.rows));
  }
  try {
    const IvfParts parts = IvfParts::of(*this);
    const IvfSearchParams asked{nprobeOf(parts, params, ivf), ivf.refineRows};
    const IvfCall call{parts, view, visible, params, asked, cancel, out, stats};
    return Search(call).run(queries, nq);
  } catch (const std::bad_alloc&) {
    return Status::outOfMemory();
  }
}

}  // namespace redkite
