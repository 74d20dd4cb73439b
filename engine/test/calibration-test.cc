// Recall targets: the width that a curve gives, and that indexes keep their promise on rows that they have never seen.
#include <cmath>
#include <limits>

#include "../src/index/width-curves.h"
#include "redkite/flat.h"
#include "redkite/growing-graph.h"
#include "redkite/hnsw.h"
#include "redkite/ivf.h"
#include "vectors.h"

namespace redkite::test {
namespace {

void curvesGiveWidths() {
  WidthCurves curves{};
  EXPECT(widthForRecall(curves, 0.9f, 10, 1000) == 0, "nothing was measured");
  curves.curves[0] = {10, 3, {{10, 0.8f}, {20, 0.9f}, {40, 0.96f}}};
  EXPECT(widthForRecall(curves, 0.5f, 10, 1000) == 10);
  EXPECT(widthForRecall(curves, 0.8f, 3, 1000) == 10, "as few hits as there is a curve for");
  EXPECT(widthForRecall(curves, 0.85f, 10, 1000) == 15, "between two points");
  EXPECT(widthForRecall(curves, 0.9f, 20, 1000) == 40, "twice the hits, twice the width");
  EXPECT(widthForRecall(curves, 0.98f, 10, 1000) == 80, "beyond the last point");
  EXPECT(widthForRecall(curves, 0.9999f, 10, 1000) == 80, "not for ever");
  EXPECT(widthForRecall(curves, 0.98f, 10, 50) == 50);
  curves.curves[1] = {100, 1, {{110, 0.95f}}};
  EXPECT(widthForRecall(curves, 0.9f, 55, 1000) == 65, "between two curves");
  EXPECT(widthForRecall(curves, 0.9f, 200, 1000) == 220);
}

void damagedCurvesStayInBounds() {
  Random random(7);
  const float odd[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -1, 0.95f, 2};
  for (int round = 0; round < 20'000; ++round) {
    WidthCurves curves;
    for (WidthCurve& curve : curves.curves) {
      curve.k = random.below(3) == 0 ? static_cast<uint32_t>(random.next()) : random.below(3) * 10;
      curve.points = random.below(2) == 0 ? static_cast<uint32_t>(random.next()) : random.below(4);
      for (WidthPoint& point : curve.at) point = {random.below(2) == 0 ? static_cast<uint32_t>(random.next()) : random.below(100), odd[random.below(5)]};
    }
    const uint32_t width = widthForRecall(curves, 0.95f, 1 + random.below(200), 5000);
    EXPECT(width <= 5000, std::to_string(width));
  }
}

/// Uneven enough that a narrow search misses something.
std::vector<float> sample(uint32_t rows, uint32_t dim, uint64_t seed) {
  std::vector<float> values = clustered(rows, dim, seed);
  Random random(seed + 1);
  for (float& value : values) value += 0.8f * normal(random);
  return values;
}

struct Asked {
  const VectorView& view;
  Metric metric;
  const std::vector<uint8_t>& queries;
  uint32_t nq;
  Hits exact;
};

/// `search` is as wide as it can be where the target is 0.
template <class Search>
double recallOf(const Asked& asked, uint32_t k, float target, const Search& search) {
  Hits found(asked.nq, k);
  SearchParams params;
  params.k = k;
  params.recallTarget = target;
  CHECK_OK(search(params, found.buffer));
  uint32_t good = 0;
  for (uint32_t q = 0; q < asked.nq; ++q) {
    EXPECT(found.counts[q] == k);
    const float worst = asked.exact.scores[size_t{q} * asked.exact.perQuery + k - 1];
    for (uint32_t i = 0; i < k; ++i) good += largerIsBetter(asked.metric) ? found.scores[size_t{q} * k + i] >= worst : found.scores[size_t{q} * k + i] <= worst;
  }
  return static_cast<double>(good) / (asked.nq * k);
}

void promisesAreKept() {
  const uint32_t rows = 20'000, dim = 24, nq = 1000;
  for (const Metric metric : {Metric::l2, Metric::cosine}) {
    const Column column(VectorType::f32, dim, encoded(VectorType::f32, sample(rows, dim, 31)));
    const std::vector<uint8_t> queries = encoded(VectorType::f32, sample(nq, dim, 32));
    SearchParams all;
    all.k = 40;
    Asked asked{column.view, metric, queries, nq, Hits(nq, all.k)};
    CHECK_OK(flatSearch(column.view, metric, queries.data(), nq, {}, all, {}, asked.exact.buffer, nullptr));
    const auto holds = [&](const std::string& name, const auto& search) {
      for (const uint32_t k : {1u, 10u, 40u}) {
        for (const float target : {0.9f, 0.95f, 0.99f}) {
          const double recall = recallOf(asked, k, target, search);
          // Between the numbers of hits that were measured a straight line is all that is known.
          // Coarse codes lose some rows however widely they are searched.
          const double reachable = recallOf(asked, k, 0, search);
          EXPECT(recall >= std::min(static_cast<double>(target), reachable) - (k == 40 ? 0.02 : 0.01), name + " k " + std::to_string(k) + " target " + std::to_string(target) + " recall " + std::to_string(recall));
        }
      }
    };
    HnswBuildParams graph;
    graph.metric = metric;
    graph.m = 8;
    graph.efConstruction = 60;
    Result<AlignedBytes> file = buildHnsw(column.view, {}, graph, {});
    CHECK_OK(file.status);
    const Result<HnswIndex> index = HnswIndex::open(file.value.data(), file.value.size());
    CHECK_OK(index.status);
    CHECK_OK(index.value.verify());
    holds("HNSW", [&](const SearchParams& params, const HitBuffer& out) {
      SearchParams widest = params;
      widest.ef = 4000;
      return index.value.search(column.view, queries.data(), nq, {}, widest, {}, nullptr, out, nullptr);
    });
    IvfBuildParams lists;
    lists.metric = metric;
    lists.lists = 128;
    for (const IvfKind kind : {IvfKind::flat, IvfKind::scann, IvfKind::rabitq}) {
      lists.kind = kind;
      Result<AlignedBytes> inverted = buildIvf(column.view, {}, lists, {});
      CHECK_OK(inverted.status);
      const Result<IvfIndex> opened = IvfIndex::open(inverted.value.data(), inverted.value.size());
      CHECK_OK(opened.status);
      CHECK_OK(opened.value.verify());
      holds("lists of kind " + std::to_string(static_cast<int>(kind)), [&](const SearchParams& params, const HitBuffer& out) {
        return opened.value.search(column.view, queries.data(), nq, {}, params, {128, 0}, {}, out, nullptr);
      });
    }
    GrowingGraphParams growing;
    growing.dim = dim;
    growing.metric = metric;
    growing.rowsMax = rows;
    Result<std::unique_ptr<GrowingGraph>> made = GrowingGraph::create(growing);
    CHECK_OK(made.status);
    CHECK_OK(made.value->add(column.view, {}, rows, {}));
    holds("growing", [&](const SearchParams& params, const HitBuffer& out) {
      SearchParams widest = params;
      widest.ef = 4000;
      return made.value->search(column.view, queries.data(), nq, {}, widest, {}, nullptr, out, nullptr);
    });
  }
}

/// Rows without a vector are neither asked for nor expected, and few rows are not measured at all.
void gapsAndFewRows() {
  for (const uint32_t rows : {1u, 40u, 600u, 3000u}) {
    const uint32_t dim = 8;
    const Column column(VectorType::f32, dim, encoded(VectorType::f32, sample(rows, dim, 33)));
    const Mask some = randomMask(rows, 0.5, 34);
    HnswBuildParams graph;
    Result<AlignedBytes> file = buildHnsw(column.view, some.view(), graph, {});
    CHECK_OK(file.status);
    EXPECT(file.value.size() <= hnswBuildBytesMax(VectorType::f32, dim, rows, graph));
    const Result<HnswIndex> index = HnswIndex::open(file.value.data(), file.value.size());
    CHECK_OK(index.status);
    IvfBuildParams lists;
    lists.lists = 16;
    Result<AlignedBytes> inverted = buildIvf(column.view, some.view(), lists, {});
    CHECK_OK(inverted.status);
    EXPECT(inverted.value.size() <= ivfBuildBytesMax(VectorType::f32, dim, rows, lists));
    const Result<IvfIndex> opened = IvfIndex::open(inverted.value.data(), inverted.value.size());
    CHECK_OK(opened.status);
    SearchParams params;
    params.recallTarget = 0.95f;
    const uint32_t there = std::min(params.k, some.view().count(rows));
    Hits walked(1, params.k), listed(1, params.k);
    CHECK_OK(index.value.search(column.view, column.view.row(0), 1, some.view(), params, {}, nullptr, walked.buffer, nullptr));
    CHECK_OK(opened.value.search(column.view, column.view.row(0), 1, some.view(), params, {}, {}, listed.buffer, nullptr));
    EXPECT(walked.counts[0] == there && listed.counts[0] == there, std::to_string(rows) + " rows");
  }
}

/// A million equal rows have no nearest ones: any will do.
void duplicatesCountAsFound() {
  const uint32_t rows = 6000, dim = 16;
  const Column column(VectorType::f32, dim, encoded(VectorType::f32, std::vector<float>(size_t{rows} * dim, 0.5f)));
  HnswBuildParams graph;
  Result<AlignedBytes> file = buildHnsw(column.view, {}, graph, {});
  CHECK_OK(file.status);
  const Result<HnswIndex> index = HnswIndex::open(file.value.data(), file.value.size());
  CHECK_OK(index.status);
  SearchParams params;
  params.recallTarget = 0.99f;
  Hits found(1, params.k);
  SearchStats stats;
  CHECK_OK(index.value.search(column.view, column.view.row(0), 1, {}, params, {}, nullptr, found.buffer, &stats));
  EXPECT(stats.distances < rows / 4, std::to_string(stats.distances));
}

}  // namespace
}  // namespace redkite::test

int main() {
  using namespace redkite::test;
  run("a curve gives the width for a recall and a number of hits", curvesGiveWidths);
  run("damaged curves give a width within bounds", damagedCurvesStayInBounds);
  run("recall targets are kept on rows that the index has not seen", promisesAreKept);
  run("columns with gaps and few rows take recall targets", gapsAndFewRows);
  run("among equal rows any is found", duplicatesCountAsFound);
  return 0;
}
