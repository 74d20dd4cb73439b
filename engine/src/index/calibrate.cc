#include "calibrate.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>

#include "parallel.h"
#include "redkite/flat.h"
#include "redkite/scorer.h"

namespace redkite {
namespace {

constexpr uint32_t kHeldOutMin = 192;
constexpr uint32_t kHeldOutMax = 640;
/// Of these, for each curve.
constexpr uint32_t kCurveQueries[] = {kHeldOutMax, kHeldOutMax, 160};
constexpr uint64_t kQueryBytesMax = uint64_t{8} << 20;
/// Of the exact scan, which reads all rows for each block of queries.
constexpr uint32_t kQueriesAtOnce = 128;
constexpr uint32_t kQueriesAThread = 32;
/// Wider is not worth measuring.
constexpr double kRecallEnough = 0.9995;
/// Below this a curve may cost so many times what was planned: recalls that are often asked for are worth it.
constexpr double kRecallWanted = 0.99;
constexpr uint64_t kPatience = 8;
/// From here on a wider search has as good as all that a narrower one found.
constexpr double kWidthsNest = 0.96;
/// Widenings without effect after which a curve ends.
constexpr uint32_t kInVainMax = 2;
constexpr double kWidthGrowth = 1.5;
constexpr uint32_t kHitsMax = kCurveHits[kCurves - 1];

class Calibration {
 public:
  Calibration(const CalibrationPlan& plan, const SearchAtWidth& search) : plan_(plan), search_(search), stride_(rowBytes(plan.view.type, plan.view.dim)) {}

  Result<WidthCurves> run() {
    WidthCurves curves{};
    if (Status status = findTruth(); !status.ok()) return {std::move(status), {}};
    for (uint32_t i = 0; i < kCurves; ++i) {
      if (Status status = measure(i, curves.curves[i]); !status.ok()) return {std::move(status), {}};
    }
    return {{}, curves};
  }

 private:
  uint32_t count() const { return static_cast<uint32_t>(plan_.candidates.size()); }

  /// Calls `body(begin, end)` for pieces of [0, n) on all threads; the first status that is not ok.
  template <class Body>
  Status inPieces(uint32_t n, uint32_t step, const Body& body) {
    Status failed;
    std::mutex mutex;
    Status status = parallelFor(plan_.threads, n, step, plan_.cancel, [&] {
      return [&](uint32_t from, uint32_t to) {
        Status one = body(from, to);
        const std::lock_guard lock(mutex);
        if (!one.ok()) failed = std::move(one);
      };
    });
    return status.ok() ? failed : status;
  }

  /// The distance of the k-th nearest other row, for each held-out row and each k.
  Status findTruth() {
    queries_.resize(count() * stride_);
    for (uint32_t q = 0; q < count(); ++q) std::memcpy(queries_.data() + q * stride_, plan_.view.row(plan_.candidates[q]), stride_);
    bounds_.assign(size_t{count()} * kCurves, std::numeric_limits<float>::infinity());
    SearchParams params;
    params.k = kHitsMax + 1;
    return inPieces(count(), kQueriesAtOnce, [&](uint32_t begin, uint32_t end) {
      const uint32_t n = end - begin;
      std::vector<uint32_t> rows(size_t{n} * params.k), counts(n);
      std::vector<float> scores(rows.size());
      if (Status status = flatSearch(plan_.view, plan_.metric, queries_.data() + begin * stride_, n, plan_.indexed, params, plan_.cancel,
                                     {rows.data(), scores.data(), counts.data()}, nullptr); !status.ok()) return status;
      Scorer scorer(plan_.view.type, plan_.metric, plan_.view.dim);
      std::vector<float> distances;
      for (uint32_t q = 0; q < n; ++q) {
        otherDistances(scorer, begin + q, rows.data() + size_t{q} * params.k, counts[q], kHitsMax, distances);
        std::sort(distances.begin(), distances.end());
        for (uint32_t i = 0; i < kCurves; ++i) {
          if (distances.size() >= kCurveHits[i]) bounds_[(begin + q) * size_t{kCurves} + i] = distances[kCurveHits[i] - 1];
        }
      }
      return Status{};
    });
  }

  /// Exact distances of the first `most` of the rows that are not the query's own.
  void otherDistances(Scorer& scorer, uint32_t q, const uint32_t* rows, uint32_t n, uint32_t most, std::vector<float>& distances) const {
    scorer.setQuery(queries_.data() + q * stride_);
    distances.clear();
    for (uint32_t i = 0; i < n && distances.size() < most; ++i) {
      if (rows[i] == plan_.candidates[q]) continue;
      const uint8_t* pointer = plan_.view.row(rows[i]);
      scorer.distances(&pointer, 1, &distances.emplace_back());
    }
  }

  Status measure(uint32_t which, WidthCurve& curve) {
    curve.k = kCurveHits[which];
    std::vector<double> shares(std::min(count(), kCurveQueries[which]), 0.0);
    distances_ = 0;
    double mean = 0;
    double width = std::clamp(curve.k * plan_.widthPerHit, 1u, plan_.widthMax);
    uint32_t inVain = 0;
    while (curve.points < kCurvePointsMax && inVain < kInVainMax) {
      const uint32_t tried = static_cast<uint32_t>(std::min<double>(width, plan_.widthMax));
      // A narrow search finds some rows by luck, which a wider one may miss.
      if (mean < kWidthsNest) shares.assign(shares.size(), 0.0);
      if (Status status = searchAt(which, tried, shares); !status.ok()) return status;
      double sum = 0, squares = 0;
      for (const double share : shares) {
        sum += share;
        squares += share * share;
      }
      const double n = static_cast<double>(shares.size());
      // Rows that nothing leads to, and what coarse codes hide, no width finds.
      if (curve.points > 0 && sum / n <= mean) {
        ++inVain;
      } else {
        inVain = 0;
        mean = sum / n;
        curve.at[curve.points++] = {tried, static_cast<float>(mean - std::sqrt(std::max(0.0, squares / n - mean * mean) / n))};
      }
      const uint64_t allowed = plan_.distancesMax * (mean < kRecallWanted ? kPatience : 1);
      if (mean >= kRecallEnough || tried >= plan_.widthMax || distances_.load() > allowed) break;
      width = std::ceil(width * kWidthGrowth);
    }
    return {};
  }

  /// Searches for those that have not found everything yet, and leaves the share that each has found.
  Status searchAt(uint32_t which, uint32_t width, std::vector<double>& shares) {
    std::vector<uint32_t> open;
    for (uint32_t q = 0; q < shares.size(); ++q) if (shares[q] < 1) open.push_back(q);
    const uint32_t k = kCurveHits[which];
    SearchParams params;
    params.k = k + (plan_.heldOut == HeldOut::inside ? 1 : 0);
    return inPieces(static_cast<uint32_t>(open.size()), kQueriesAThread, [&](uint32_t begin, uint32_t end) {
      const uint32_t n = end - begin;
      std::vector<uint8_t> queries(n * stride_);
      for (uint32_t i = 0; i < n; ++i) std::memcpy(queries.data() + i * stride_, queries_.data() + open[begin + i] * stride_, stride_);
      std::vector<uint32_t> rows(size_t{n} * params.k), counts(n);
      std::vector<float> scores(rows.size());
      SearchStats stats;
      if (Status status = search_(queries.data(), n, width, params, {rows.data(), scores.data(), counts.data()}, stats); !status.ok()) return status;
      distances_ += stats.distances;
      Scorer scorer(plan_.view.type, plan_.metric, plan_.view.dim);
      std::vector<float> distances;
      for (uint32_t i = 0; i < n; ++i) {
        const uint32_t q = open[begin + i];
        otherDistances(scorer, q, rows.data() + size_t{i} * params.k, counts[i], k, distances);
        // Equally near rows are equally good.
        const float bound = bounds_[size_t{q} * kCurves + which];
        const auto good = std::count_if(distances.begin(), distances.end(), [bound](float distance) { return distance <= bound; });
        shares[q] = std::max(shares[q], static_cast<double>(good) / k);
      }
      return Status{};
    });
  }

  const CalibrationPlan& plan_;
  const SearchAtWidth& search_;
  size_t stride_;
  std::vector<uint8_t> queries_;
  std::vector<float> bounds_;
  std::atomic<uint64_t> distances_{0};
};

}  // namespace

uint32_t heldOutRows(VectorType type, uint32_t dim, uint32_t nodes) {
  if (nodes < kCalibratedRowsMin) return 0;
  return static_cast<uint32_t>(std::min<uint64_t>({std::clamp(nodes / 64, kHeldOutMin, kHeldOutMax), nodes / 4, std::max<uint64_t>(64, kQueryBytesMax / rowBytes(type, dim))}));
}

uint64_t calibrationBytesMax(VectorType type, uint32_t dim, uint32_t nodes, uint32_t threads) {
  const uint64_t held = heldOutRows(type, dim, nodes);
  const uint64_t row = rowBytes(type, dim);
  // Queries, what a thread asks the exact scan, and that scan's own widened queries.
  return held == 0 ? 0 : held * (row + 64) + uint64_t{threads} * (uint64_t{kQueriesAtOnce} * (kHitsMax + 1) * 24 + (uint64_t{1} << 20) + uint64_t{kQueriesAtOnce} * (row + 8ull * dim));
}

Result<WidthCurves> calibrate(const CalibrationPlan& plan, const SearchAtWidth& search) { return Calibration(plan, search).run(); }

}  // namespace redkite
