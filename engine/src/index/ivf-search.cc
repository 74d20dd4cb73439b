// Searching an inverted file: nearest lists by 8-bit codes of their centroids, then the lists' blocks, then, where the index says so, the
// best on the raw rows or their copy. Queries of a call share the blocks that they read.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <new>
#include <optional>
#include <string>

#include "ivf-file.h"
#include "ivf-near.h"
#include "k-means.h"
#include "redkite/flat.h"

namespace redkite {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
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
/// Of 64 rows, between the same.
constexpr uint32_t kScannedWords = 64;
/// Of a row that is ranked.
constexpr size_t kPrefetchedBytes = 2048;

float orderable(float distance) { return std::isnan(distance) ? kInfinity : distance; }

/// A list that a query reads.
struct Probe {
  uint32_t list;
  float base;
  /// What adding up may have changed in the distances of its rows.
  float rounding;
};

/// What is known of one query.
struct Query {
  const uint8_t* bytes = nullptr;
  float length = 0;
  float error = 0;
  uint64_t seen = 0;      ///< visible rows compared
  uint64_t passed = 0;    ///< rows of the lists read, visible or not
  uint32_t listsRead = 0;
  bool reached = false;   ///< the last round found a row within the radius
  bool done = false;
  BoundedRows bounded;
  Reservoir best;
  std::vector<Probe> probes;  ///< of this round, nearest first
};

class Search {
 public:
  Search(const IvfParts& parts, const VectorView& view, const Bitset& visible, const SearchParams& params, const IvfSearchParams& ivf, CancelToken cancel,
         const HitBuffer& out, SearchStats* stats)
      : parts_(parts), h_(parts.header), kind_(static_cast<IvfKind>(h_.kind)), metric_(static_cast<Metric>(h_.metric)), view_(view), visible_(visible),
        params_(params), ivf_(ivf), cancel_(cancel), out_(out), stats_(stats), scorer_(view.type, metric_, view.dim),
        rows_(view, metric_, refineOf(parts.header), parts.copy),
        prepare_(view.type, metric_, view.dim, metric_ == Metric::l2 ? parts.center : nullptr, kind_ == IvfKind::rabitq ? parts.codebooks : nullptr) {
    visibleRows_ = visible.all() ? h_.nodes : visible.count(h_.rows);
    nprobe_ = std::clamp(ivf.nprobe, 1u, h_.lists);
    if (params.range != nullptr) {
      radius_ = largerIsBetter(metric_) ? -params.range->radius : params.range->radius;
      if (params.range->hasRangeFilter) tooNear_ = largerIsBetter(metric_) ? -params.range->rangeFilter : params.range->rangeFilter;
    }
  }

  Status run(const uint8_t* queries, uint32_t nq) {
    std::fill(out_.counts, out_.counts + nq, 0u);
    if (stats_ != nullptr) stats_->visibleRows = visibleRows_;
    if (visibleRows_ == 0) return {};
    const double scanned = static_cast<double>(rowsWanted()) / share();
    // Null rows are invisible to callers who know of them; without a bitset a scan would show them.
    const bool scannable = !visible_.all() || h_.nodes == h_.rows;
    if (scannable && visibleRows_ * kExactCost <= scanned + h_.lists) {
      if (isCopy(refineOf(h_))) return scanCopy(queries, nq);
      VectorView rows = view_;
      rows.rows = h_.rows;
      return flatSearch(rows, metric_, queries, nq, visible_, params_, cancel_, out_, stats_);
    }
    const uint64_t pairs = std::max<uint64_t>(1, kPairsMax / nprobe_);
    // Groups widen one query's search, not that of its neighbours.
    const uint32_t block = params_.group != nullptr ? 1 : static_cast<uint32_t>(std::min<uint64_t>({nq, kQueriesMax, pairs}));
    queries_.resize(block);
    const size_t bytes = rowBytes(view_.type, view_.dim);
    for (uint32_t first = 0; first < nq; first += block) {
      count_ = std::min(block, nq - first);
      for (uint32_t q = 0; q < count_; ++q) queries_[q].bytes = queries + size_t{first + q} * bytes;
      if (Status status = searchBlock(first); !status.ok()) return status;
    }
    if (stats_ != nullptr && stats_->path < SearchPath::lists) stats_->path = SearchPath::lists;
    return {};
  }

 private:
  bool scalar() const { return kind_ == IvfKind::flat || kind_ == IvfKind::sq8; }
  bool l2() const { return metric_ == Metric::l2; }
  double share() const { return static_cast<double>(visibleRows_) / std::max(1u, h_.nodes); }
  bool refined() const { return h_.refine != 0; }

  /// Matching rows to be compared: those of `nprobe` average lists, thinned less than the filter thins them, since the nearest of fewer rows
  /// lie farther away.
  uint64_t rowsWanted() const {
    const uint64_t least = std::min<uint64_t>(visibleRows_, uint64_t{params_.k} * (visible_.all() ? 1 : 2));
    if (visible_.all()) return std::max<uint64_t>(least, static_cast<uint64_t>(static_cast<double>(h_.nodes) * nprobe_ / h_.lists));
    const double unfiltered = static_cast<double>(h_.nodes) * nprobe_ / h_.lists;
    return std::min<uint64_t>(visibleRows_, std::max(least, static_cast<uint64_t>(unfiltered * std::sqrt(share()))));
  }

  /// Matching rows without which a query is not answered. Where the filter is correlated with the distance, as many as an unfiltered search
  /// compares; where the near rows are those that do not match, the best of the others lie in many lists.
  uint64_t rowsNeeded(const Query& query) const {
    if (visible_.all()) return std::min<uint64_t>(visibleRows_, params_.k);
    const double unfiltered = static_cast<double>(h_.nodes) * nprobe_ / h_.lists;
    const double expected = static_cast<double>(query.passed) * share();
    const double seen = static_cast<double>(query.seen);
    if (seen * 2 < expected) return visibleRows_;
    const double factor = seen * 1.5 < expected ? 3 : seen > expected * 1.5 ? 1 : 0;
    return std::min<uint64_t>(visibleRows_, std::max(rowsWanted(), static_cast<uint64_t>(unfiltered * factor)));
  }

  uint32_t kept() const {
    uint64_t wanted = params_.group == nullptr ? params_.k : uint64_t{params_.k} * params_.group->groupSize * groupRows_;
    if (refined()) wanted = std::max<uint64_t>(wanted, ivf_.refineRows > 0 ? ivf_.refineRows : refineRowsOf(wanted));
    else if (isProduct(kind_)) wanted += kTableSpare;
    return static_cast<uint32_t>(std::clamp<uint64_t>(wanted, 1, visibleRows_));
  }

  /// Rows ranked again where the caller does not say how many: what the coarseness of the codes asks for.
  uint64_t refineRowsOf(uint64_t hits) const { return kind_ == IvfKind::scann ? hits * 2 + 32 : hits * 4 + 64; }

  /// All visible rows, by the copy.
  Status scanCopy(const uint8_t* queries, uint32_t nq) {
    const size_t bytes = rowBytes(view_.type, view_.dim);
    for (uint32_t q = 0; q < nq; ++q) {
      rows_.setQuery(queries + q * bytes);
      top_.reset(params_.group == nullptr ? params_.k : visibleRows_);
      uint32_t ids[kScorerBatch];
      float distances[kScorerBatch];
      uint32_t n = 0;
      const auto flush = [&] {
        rows_.distances(ids, n, distances);
        exact(n, rows_.bytesPerRow());
        for (uint32_t i = 0; i < n; ++i) if (inRange(params_, metric_, distances[i])) top_.add(rankedRow(distances[i], ids[i]));
        n = 0;
      };
      for (uint32_t word = 0; uint64_t{word} * 64 < h_.rows; ++word) {
        if (word % kScannedWords == 0 && cancel_.raised()) return Status::canceled();
        for (uint64_t bits = visible_.word(word, h_.rows); bits != 0; bits &= bits - 1) {
          ids[n++] = word * 64 + static_cast<uint32_t>(std::countr_zero(bits));
          if (n == kScorerBatch) flush();
        }
      }
      flush();
      writeHits(top_.sorted(), params_, metric_, q, out_);
    }
    if (stats_ != nullptr && stats_->path < SearchPath::flat) stats_->path = SearchPath::flat;
    return {};
  }

  Status searchBlock(uint32_t first) {
    groupRows_ = kGroupRows;
    nprobe_ = std::clamp(ivf_.nprobe, 1u, h_.lists);
    for (;;) {
      begin();
      uint32_t probes = nprobe_;
      for (;;) {
        chooseLists(probes);
        if (Status status = kind_ == IvfKind::binary ? scanBinary() : scalar() ? scanScalar() : scanTables(); !status.ok()) return status;
        bool more = false;
        for (uint32_t q = 0; q < count_; ++q) more = wantsMore(queries_[q]) || more;
        if (!more) break;
        // The next round brings as many lists again as were read so far.
        probes = std::min(h_.lists, probes * 2);
      }
      bool full = true;
      for (uint32_t q = 0; q < count_; ++q) {
        const bool whole = answer(first + q, queries_[q]);
        full = full && whole;
      }
      if (full || (kept() == visibleRows_ && nprobe_ == h_.lists)) return {};
      groupRows_ *= 4;
      nprobe_ = std::min(h_.lists, nprobe_ * 2);
    }
  }

  void begin() {
    const uint32_t dim = view_.dim;
    for (uint32_t q = 0; q < count_; ++q) {
      Query& query = queries_[q];
      query.seen = 0;
      query.passed = 0;
      query.listsRead = 0;
      query.done = false;
      query.probes.clear();
      query.bounded.reset(kept());
      query.best.reset(kept());
    }
    if (kind_ == IvfKind::binary) return;
    prepared_.resize(size_t{count_} * dim);
    points_.resize(count_, dim);
    for (uint32_t q = 0; q < count_; ++q) {
      float* values = prepared_.data() + size_t{q} * dim;
      prepare_.prepare(queries_[q].bytes, values);
      points_.set(q, values, dim);
      if (kind_ != IvfKind::flat) continue;
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

  /// Leaves the lists from the last round's number up to `probes` in each query that is not done.
  void chooseLists(uint32_t probes) {
    if (kind_ == IvfKind::binary) return chooseBinaryLists(probes);
    const CoarseView coarse{h_.lists, codeGroups(h_.dim), parts_.coarseCodes, parts_.coarseRows};
    const KernelTable& table = kernels();
    int32_t sums[kListQueries * kBlockRows];
    float distances[kBlockRows];
    float slack[kBlockRows];
    uint32_t active[kListQueries];
    for (uint32_t next = 0; next < count_;) {
      uint32_t n = 0;
      for (; next < count_ && n < kListQueries; ++next) if (!queries_[next].done) active[n++] = next;
      if (n == 0) break;
      const int8_t* codes[kListQueries];
      for (uint32_t i = 0; i < n; ++i) {
        codes[i] = points_.row(active[i]);
        nearLists_[i].reset(probes);
      }
      for (uint32_t block = 0; block < coarse.blocks(); ++block) {
        table.list.dots(codes, n, coarse.codes + size_t{block} * coarse.groups * kBlockRows * 4, coarse.groups, sums);
        const float* rows = coarse.rows + size_t{block} * 2 * kBlockRows;
        const uint32_t present = std::min(kBlockRows, h_.lists - block * kBlockRows);
        for (uint32_t i = 0; i < n; ++i) {
          const uint32_t q = active[i];
          const ListQuery query{0, points_.scales[q] * (l2() ? 2.0f : 1.0f), 128.0f * static_cast<float>(points_.sums[q]), 0, 0, 0};
          Reservoir& near = nearLists_[i];
          uint32_t mask = table.list.estimate(sums + i * kBlockRows, {rows, l2() ? rows + kBlockRows : nullptr, nullptr, nullptr}, query, near.worstDistance(),
                                              distances, slack);
          if (present < kBlockRows) mask &= (1u << present) - 1;
          for (; mask != 0; mask &= mask - 1) {
            const uint32_t r = static_cast<uint32_t>(std::countr_zero(mask));
            near.add(rankedRow(orderable(distances[r]), block * kBlockRows + r));
          }
        }
      }
      for (uint32_t i = 0; i < n; ++i) takeProbes(queries_[active[i]], active[i], nearLists_[i].sorted());
    }
    if (stats_ != nullptr) stats_->bytes += (count_ + kListQueries - 1) / kListQueries * coarse.codeBytes();
  }

  /// The bases of the lists that this round adds, exactly.
  void takeProbes(Query& query, uint32_t q, const std::vector<RankedRow>& near) {
    query.probes.clear();
    const float* values = prepared_.data() + size_t{q} * h_.dim;
    const FloatKernels& kernel = kernels().f32;
    for (size_t i = query.listsRead; i < near.size(); i += 8) {
      const uint8_t* rows[8];
      float found[8];
      const uint32_t n = static_cast<uint32_t>(std::min<size_t>(8, near.size() - i));
      for (uint32_t j = 0; j < n; ++j) rows[j] = reinterpret_cast<const uint8_t*>(parts_.centroid(rowOf(near[i + j])));
      if (l2()) kernel.l2(values, rows, n, h_.dim, found);
      else kernel.dot(values, rows, n, h_.dim, found);
      for (uint32_t j = 0; j < n; ++j) {
        const uint32_t list = rowOf(near[i + j]);
        const float squared = parts_.coarseRows[size_t{list / kBlockRows} * 2 * kBlockRows + kBlockRows + list % kBlockRows];
        query.passed += parts_.listRows(list);
        query.probes.push_back({list, l2() ? found[j] : -found[j], 1e-6f * (std::fabs(found[j]) + query.length * std::sqrt(squared))});
      }
    }
    query.listsRead = static_cast<uint32_t>(near.size());
  }

  void chooseBinaryLists(uint32_t probes) {
    const size_t bytes = h_.dim / 8;
    for (uint32_t q = 0; q < count_; ++q) {
      Query& query = queries_[q];
      if (query.done) continue;
      scorer_.setQuery(query.bytes);
      nearLists_[0].reset(probes);
      for (uint32_t first = 0; first < h_.lists; first += kScorerBatch) {
        const uint8_t* rows[kScorerBatch];
        float distances[kScorerBatch];
        const uint32_t n = std::min(kScorerBatch, h_.lists - first);
        for (uint32_t i = 0; i < n; ++i) rows[i] = parts_.centroids + (first + i) * bytes;
        scorer_.distances(rows, n, distances);
        for (uint32_t i = 0; i < n; ++i) nearLists_[0].add(rankedRow(distances[i], first + i));
      }
      query.probes.clear();
      const std::vector<RankedRow>& near = nearLists_[0].sorted();
      for (size_t i = query.listsRead; i < near.size(); ++i) {
        query.passed += parts_.listRows(rowOf(near[i]));
        query.probes.push_back({rowOf(near[i]), 0, 0});
      }
      query.listsRead = static_cast<uint32_t>(near.size());
    }
  }

  /// Rows of a block that may be returned.
  uint32_t visibleMask(uint32_t block, uint32_t present) const {
    const uint32_t all = present >= kBlockRows ? ~0u : (1u << present) - 1;
    if (visible_.all()) return all;
    const uint32_t* ids = parts_.ids + size_t{block} * kBlockRows;
    uint32_t mask = 0;
    for (uint32_t r = 0; r < std::min(present, kBlockRows); ++r) mask |= static_cast<uint32_t>(visible_.test(ids[r])) << r;
    return mask;
  }

  const float* factorsOf(uint32_t block) const { return parts_.factors + size_t{block} * factorArrays(h_) * kBlockRows; }

  /// Lists one after the other, each for all queries that read it; the nearest list of every query first, so that bounds are tight early.
  Status scanScalar() {
    for (const bool nearest : {true, false}) {
      pairs_.clear();
      for (uint32_t q = 0; q < count_; ++q) {
        Query& query = queries_[q];
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
        if (++lists % kListsBetweenPolls == 0 && cancel_.raised()) return Status::canceled();
        scanScalarList(pairs_[i].probe.list, pairs_.data() + i, end - i);
        i = end;
      }
    }
    return cancel_.raised() ? Status::canceled() : Status{};
  }

  struct Pair {
    Probe probe;
    uint32_t query;
  };

  void scanScalarList(uint32_t list, const Pair* pairs, size_t n) {
    const uint32_t rows = parts_.listRows(list);
    const uint32_t groups = codeGroups(h_.dim);
    const KernelTable& table = kernels();
    int32_t sums[kListQueries * kBlockRows];
    for (uint32_t begin = 0; begin < rows; begin += kBlockRows) {
      const uint32_t block = parts_.firstBlock(list) + begin / kBlockRows;
      const uint32_t mask = visibleMask(block, rows - begin);
      if (mask == 0) continue;
      const float* factors = factorsOf(block);
      const ListRows listRows{factors, factors + kBlockRows, kind_ == IvfKind::flat ? factors + 2 * kBlockRows : nullptr,
                              kind_ == IvfKind::flat ? factors + 3 * kBlockRows : nullptr};
      for (size_t first = 0; first < n; first += kListQueries) {
        const uint32_t count = static_cast<uint32_t>(std::min<size_t>(kListQueries, n - first));
        const int8_t* codes[kListQueries];
        for (uint32_t i = 0; i < count; ++i) codes[i] = points_.row(pairs[first + i].query);
        table.list.dots(codes, count, parts_.codes + block * blockBytes(h_), groups, sums);
        for (uint32_t i = 0; i < count; ++i) offerScalar(pairs[first + i], block, mask, sums + i * kBlockRows, listRows);
      }
      if (stats_ != nullptr) stats_->bytes += blockBytes(h_);
    }
  }

  void offerScalar(const Pair& pair, uint32_t block, uint32_t mask, const int32_t* sums, const ListRows& rows) {
    Query& query = queries_[pair.query];
    compared(query, mask);
    const bool exact = kind_ == IvfKind::flat;
    const float rounding = exact ? pair.probe.rounding : 0;
    const ListQuery list{pair.probe.base, points_.scales[pair.query] * (l2() ? 2.0f : 1.0f), 128.0f * static_cast<float>(points_.sums[pair.query]), query.length,
                         query.error, rounding};
    float distances[kBlockRows];
    float slack[kBlockRows];
    const float worst = std::min(radius_, exact ? query.bounded.worst() : query.best.worstDistance());
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
      lower = std::isnan(lower) ? -kInfinity : lower;
      upper = orderable(upper);
      query.reached = query.reached || upper < radius_;
      if (upper < tooNear_) continue;
      query.bounded.add(lower, upper, place, lower >= tooNear_ && upper < radius_);
    }
  }

  /// A row by its estimated distance, where the estimate decides.
  void offer(Query& query, float distance, uint32_t place) {
    // Whatever is compared again on the raw rows is cut to the range by them.
    const bool inside = params_.range == nullptr || distance < radius_;
    query.reached = query.reached || (params_.range != nullptr && inside);
    if (!refined() && params_.range != nullptr && (!inside || distance < tooNear_)) return;
    query.best.add(rankedRow(distance, place));
  }

  void compared(Query& query, uint32_t mask) {
    const uint32_t rows = static_cast<uint32_t>(std::popcount(mask));
    query.seen += rows;
    if (stats_ != nullptr) stats_->distances += rows;
  }

  /// Product codes and bits: one query after the other, whose tables stay in the cache, nearest list first.
  Status scanTables() {
    for (uint32_t q = 0; q < count_; ++q) {
      if (queries_[q].done) continue;
      if (cancel_.raised()) return Status::canceled();
      queries_[q].reached = false;
      makeTables(q);
      uint32_t lists = 0;
      for (const Probe& probe : queries_[q].probes) {
        if (++lists % kListsBetweenPolls == 0 && cancel_.raised()) return Status::canceled();
        scanTableList(queries_[q], probe);
      }
      if (isProduct(kind_) && !refined()) rankByTables(q);
    }
    return {};
  }

  /// Fills tables_, tableQuery_ and floatTables_ for query q.
  void makeTables(uint32_t q) {
    const float* values = prepared_.data() + size_t{q} * h_.dim;
    const ListKernels& kernel = kernels().list;
    const uint32_t entries = tableEntries(h_.nbits);
    const uint32_t room = (h_.subs + 3) / 4 * 4;
    floatTables_.assign(size_t{room} * entries, 0.0f);
    float signsDotQuery = 0;
    if (kind_ == IvfKind::rabitq) {
      for (uint32_t s = 0; s < h_.subs; ++s) {
        float* table = floatTables_.data() + size_t{s} * 16;
        for (uint32_t bit = 0; bit < 4 && s * 4 + bit < h_.dim; ++bit) {
          const float value = values[s * 4 + bit];
          signsDotQuery += value;
          for (uint32_t e = 1u << bit; e < 2u << bit; ++e) table[e] = table[e - (1u << bit)] + value;
        }
      }
    } else {
      kernel.products(values, parts_.codebooks, h_.subs, h_.dim / h_.subs, entries, floatTables_.data());
    }
    // One step for all tables: sums of bytes are then sums of products. No sum of the largest entries may leave 16 bits.
    leasts_.resize(room);
    float widest = 0;
    double total = 0;
    double bias = 0;
    for (uint32_t s = 0; s < h_.subs; ++s) {
      float greatest = 0;
      kernel.bounds(floatTables_.data() + size_t{s} * entries, entries, &leasts_[s], &greatest);
      const float range = greatest - leasts_[s];
      widest = std::max(widest, range);
      total += static_cast<double>(range);
      bias += static_cast<double>(leasts_[s]);
    }
    const float step = std::max(widest / 255, static_cast<float>(total / (65000.0 - h_.subs)));
    const bool usable = step > 0 && std::isfinite(step) && std::isfinite(1 / step);
    tables_.assign(size_t{room} * entries, 0);
    for (uint32_t s = 0; usable && s < h_.subs; ++s) {
      kernel.quantise(floatTables_.data() + size_t{s} * entries, entries, leasts_[s], 1 / step, tables_.data() + size_t{s} * entries);
    }
    const float metric = l2() ? 2.0f : 1.0f;
    const float used = usable ? step : 0;
    if (kind_ == IvfKind::rabitq) {
      // signs . query = 2 * (sum of the positive places) - sum of all
      tableQuery_ = {0, 2 * metric * used, usable ? (signsDotQuery / 2 - static_cast<float>(bias)) / step : 0, 0, 0, 0};
    } else {
      tableQuery_ = {static_cast<float>(-static_cast<double>(metric) * bias), metric * used, 0, 0, 0, 0};
    }
  }

  void scanTableList(Query& query, const Probe& probe) {
    const uint32_t rows = parts_.listRows(probe.list);
    const uint32_t firstBlock = parts_.firstBlock(probe.list);
    const KernelTable& table = kernels();
    ListQuery list = tableQuery_;
    list.base += probe.base;
    const bool wide = h_.nbits > 4;
    int32_t sums[2 * kBlockRows];
    float distances[kBlockRows];
    float slack[kBlockRows];
    for (uint32_t begin = 0; begin < rows; begin += kBlockRows) {
      const uint32_t block = firstBlock + begin / kBlockRows;
      const bool second = wide && begin / kBlockRows % 2 == 1;
      if (!second) {
        const uint8_t* codes = parts_.codes + block * blockBytes(h_);
        if (wide) table.list.lookup8(tables_.data(), codes, h_.subs, rows - begin > kBlockRows ? 2 : 1, sums);
        else table.list.lookup4(tables_.data(), codes, codeGroups(h_.subs), sums);
      }
      uint32_t mask = visibleMask(block, rows - begin);
      if (mask == 0) continue;
      compared(query, mask);
      const float* factors = factorsOf(block);
      const ListRows listRows = kind_ == IvfKind::rabitq ? ListRows{factors, factors + kBlockRows, nullptr, nullptr}
                                                         : ListRows{nullptr, l2() ? factors : nullptr, nullptr, nullptr};
      mask &= table.list.estimate(sums + (second ? kBlockRows : 0), listRows, list, query.best.worstDistance(), distances, slack);
      for (; mask != 0; mask &= mask - 1) {
        const uint32_t r = static_cast<uint32_t>(std::countr_zero(mask));
        offer(query, orderable(distances[r]), block * kBlockRows + r);
      }
      if (stats_ != nullptr) stats_->bytes += blockBytes(h_);
    }
  }

  /// The kept rows' distances from the tables as they were before rounding.
  void rankByTables(uint32_t q) {
    Query& query = queries_[q];
    std::vector<RankedRow>& rows = query.best.sorted();
    const uint32_t entries = tableEntries(h_.nbits);
    for (RankedRow& row : rows) {
      const uint32_t place = rowOf(row);
      const uint32_t block = place / kBlockRows;
      const uint32_t r = place % kBlockRows;
      const uint32_t list = listOf(block);
      const auto probe = std::find_if(query.probes.begin(), query.probes.end(), [list](const Probe& one) { return one.list == list; });
      // Rows of earlier rounds were ranked then.
      if (probe == query.probes.end()) continue;
      const uint8_t* codes = parts_.codes + block * blockBytes(h_);
      float product = 0;
      for (uint32_t s = 0; s < h_.subs; ++s) {
        const uint32_t code = entries == 256 ? codes[size_t{s} * kBlockRows + r]
                                             : static_cast<uint32_t>(codes[size_t{s} * 16 + r % 16] >> (r < 16 ? 0 : 4)) & 15u;
        product += floatTables_[size_t{s} * entries + code];
      }
      const float constant = l2() ? factorsOf(block)[r] : 0;
      row = rankedRow(orderable(probe->base + constant - (l2() ? 2.0f : 1.0f) * product), place);
    }
  }

  uint32_t listOf(uint32_t block) const {
    const uint32_t* end = parts_.starts + h_.lists + 1;
    const uint32_t* after = std::upper_bound(parts_.starts, end, block);
    return after == parts_.starts ? 0 : std::min(static_cast<uint32_t>(after - parts_.starts) - 1, h_.lists - 1);
  }

  Status scanBinary() {
    const size_t bytes = h_.dim / 8;
    for (uint32_t q = 0; q < count_; ++q) {
      Query& query = queries_[q];
      if (query.done) continue;
      if (cancel_.raised()) return Status::canceled();
      query.reached = false;
      scorer_.setQuery(query.bytes);
      for (const Probe& probe : query.probes) {
        const uint32_t rows = parts_.listRows(probe.list);
        for (uint32_t begin = 0; begin < rows; begin += kBlockRows) {
          const uint32_t block = parts_.firstBlock(probe.list) + begin / kBlockRows;
          uint32_t mask = visibleMask(block, rows - begin);
          if (mask == 0) continue;
          compared(query, mask);
          const uint8_t* codes = parts_.codes + block * blockBytes(h_);
          const uint8_t* pointers[kBlockRows];
          float distances[kBlockRows];
          for (uint32_t r = 0; r < kBlockRows; ++r) pointers[r] = codes + r * bytes;
          scorer_.distances(pointers, kBlockRows, distances);
          for (; mask != 0; mask &= mask - 1) {
            const uint32_t r = static_cast<uint32_t>(std::countr_zero(mask));
            if (!(distances[r] <= query.best.worstDistance())) continue;
            // Distances of bits are few, and of equals the first row counts: here the row itself is the place.
            const uint32_t id = parts_.ids[size_t{block} * kBlockRows + r];
            if (id < h_.rows) offer(query, distances[r], id);
          }
          if (stats_ != nullptr) stats_->bytes += blockBytes(h_);
        }
      }
    }
    return {};
  }

  /// Marks the query done, or leaves it to another round.
  bool wantsMore(Query& query) const {
    if (query.done) return false;
    const bool going = params_.range != nullptr && query.reached && !(kind_ == IvfKind::flat ? query.bounded.full() : query.best.full());
    query.done = query.listsRead >= h_.lists || (query.seen >= rowsNeeded(query) && !going);
    return !query.done;
  }

  /// Writes the hits of a query. False when a wider search could bring more groups.
  bool answer(uint32_t at, Query& query) {
    ranked_.clear();
    if (kind_ == IvfKind::flat) rankBounded(query);
    else if (refined()) rankAgain(query);
    else for (const RankedRow row : query.best.sorted()) takeEstimate(row);
    std::sort(ranked_.begin(), ranked_.end());
    const Written written = writeHits(ranked_, params_, metric_, at, out_);
    return params_.group == nullptr || written.full;
  }

  void takeEstimate(RankedRow row) {
    const uint32_t id = kind_ == IvfKind::binary ? rowOf(row) : parts_.ids[rowOf(row)];
    if (id < h_.rows && visible_.test(id)) ranked_.push_back(rankedRow(distanceOf(row), id));
  }

  /// Exact distances in the order of the lower bounds, until no bound is below the worst that is wanted.
  void rankBounded(Query& query) {
    scorer_.setQuery(query.bytes);
    const std::vector<RankedRow>& rows = query.bounded.sorted();
    top_.reset(kept());
    uint32_t ids[kScorerBatch];
    const uint8_t* pointers[kScorerBatch];
    float distances[kScorerBatch];
    for (size_t at = 0; at < rows.size();) {
      uint32_t n = 0;
      const uint32_t most = at == 0 ? std::min(kept() + 4, kScorerBatch) : 8;
      const RankedRow worst = top_.worst();
      for (; at < rows.size() && n < most; ++at) {
        if (worst != ~uint64_t{0} && distanceOf(rows[at]) > distanceOf(worst)) {
          at = rows.size();
          break;
        }
        const uint32_t id = parts_.ids[rowOf(rows[at])];
        if (id >= h_.rows || !visible_.test(id)) continue;
        ids[n] = id;
        pointers[n++] = view_.row(id);
      }
      prefetch(pointers, n);
      scorer_.distances(pointers, n, distances);
      exact(n, view_.bytesPerRow);
      for (uint32_t i = 0; i < n; ++i) if (inRange(params_, metric_, distances[i])) top_.add(rankedRow(distances[i], ids[i]));
    }
    ranked_ = top_.sorted();
  }

  void rankAgain(Query& query) {
    const std::vector<RankedRow>& rows = query.best.sorted();
    rows_.setQuery(query.bytes);
    uint32_t ids[kScorerBatch];
    float distances[kScorerBatch];
    for (size_t at = 0; at < rows.size();) {
      uint32_t n = 0;
      for (; at < rows.size() && n < kScorerBatch; ++at) {
        const uint32_t id = parts_.ids[rowOf(rows[at])];
        if (id >= h_.rows || !visible_.test(id)) continue;
        rows_.prefetch(id, kPrefetchedBytes);
        ids[n++] = id;
      }
      rows_.distances(ids, n, distances);
      exact(n, rows_.bytesPerRow());
      for (uint32_t i = 0; i < n; ++i) ranked_.push_back(rankedRow(distances[i], ids[i]));
    }
  }

  /// All rows at once: they come from memory one after the other otherwise.
  void prefetch(const uint8_t* const* rows, uint32_t n) const {
    for (uint32_t i = 0; i < n; ++i) prefetchBytes(rows[i], view_.bytesPerRow, kPrefetchedBytes);
  }

  void exact(uint32_t n, size_t bytesPerRow) {
    if (stats_ == nullptr) return;
    stats_->distances += n;
    stats_->exactDistances += n;
    stats_->bytes += n * bytesPerRow;
  }

  const IvfParts& parts_;
  const IvfHeader& h_;
  IvfKind kind_;
  Metric metric_;
  const VectorView& view_;
  const Bitset& visible_;
  const SearchParams& params_;
  const IvfSearchParams& ivf_;
  CancelToken cancel_;
  const HitBuffer& out_;
  SearchStats* stats_;
  Scorer scorer_;
  RefineRows rows_;
  RowPreparer prepare_;
  uint32_t visibleRows_ = 0;
  uint32_t nprobe_ = 1;
  uint32_t groupRows_ = kGroupRows;
  /// The range as distances: [tooNear_, radius_).
  float radius_ = kInfinity;
  float tooNear_ = -kInfinity;
  uint32_t count_ = 0;
  std::vector<Query> queries_;
  std::vector<float> prepared_;
  CodedPoints points_;
  std::array<Reservoir, kListQueries> nearLists_;
  std::vector<Pair> pairs_;
  std::vector<float> floatTables_;
  std::vector<float> leasts_;
  std::vector<uint8_t> tables_;
  ListQuery tableQuery_{};
  TopHits top_;
  std::vector<RankedRow> ranked_;
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
    return Search(parts, view, visible, params, asked, cancel, out, stats).run(queries, nq);
  } catch (const std::bad_alloc&) {
    return Status::outOfMemory();
  }
}

}  // namespace redkite
