#include "redkite/growing-graph.h"

#include <atomic>
#include <set>
#include <thread>

#include "redkite/flat.h"
#include "vectors.h"

namespace redkite::test {
namespace {

double recall(const Hits& found, const Hits& exact, uint32_t nq, uint32_t k) {
  uint32_t same = 0, all = 0;
  for (uint32_t q = 0; q < nq; ++q) {
    std::set<uint32_t> best(exact.rows.begin() + q * k, exact.rows.begin() + q * k + exact.counts[q]);
    all += exact.counts[q];
    for (uint32_t i = 0; i < found.counts[q]; ++i) same += static_cast<uint32_t>(best.count(found.rows[q * k + i]));
  }
  return all == 0 ? 1 : static_cast<double>(same) / all;
}

std::unique_ptr<GrowingGraph> graphFor(const VectorView& view, Metric metric) {
  GrowingGraphParams params;
  params.type = view.type;
  params.dim = view.dim;
  params.metric = metric;
  params.rowsMax = view.rows;
  Result<std::unique_ptr<GrowingGraph>> made = GrowingGraph::create(params);
  CHECK_OK(made.status);
  return std::move(made.value);
}

/// The first `rows` rows of a view.
VectorView prefix(VectorView view, uint32_t rows) {
  view.rows = rows;
  return view;
}

void growsWithEveryType() {
  constexpr uint32_t rows = 6000, nq = 30, k = 10;
  for (const auto& [type, metric] : kAllPairs) {
    const uint32_t dim = type == VectorType::binary ? 128 : 24;
    const Column column(type, dim, encoded(type, clustered(rows, dim, 1)), 10);
    const std::vector<uint8_t> queries = encoded(type, clustered(nq, dim, 2));
    const Mask valid = randomMask(rows, 0.97, 8);
    const auto graph = graphFor(column.view, metric);
    for (const uint32_t added : {500u, 2000u, 5989u}) {
      CHECK_OK(graph->add(column.view, valid.view(), added, {}));
      EXPECT(graph->rows() == added || added < 1024);
      for (const uint32_t seen : {added, std::min(rows, added + 700)}) {
        for (const double share : {0.97, 0.4, 0.02}) {
          Mask mask = randomMask(seen, share, 5);
          for (size_t w = 0; w < mask.words.size(); ++w) mask.words[w] &= valid.words[w];
          SearchParams params;
          params.k = k;
          Hits found(nq, k), exact(nq, k);
          CHECK_OK(graph->search(prefix(column.view, seen), queries.data(), nq, mask.view(), params, {}, nullptr, found.buffer, nullptr));
          CHECK_OK(flatSearch(prefix(column.view, seen), metric, queries.data(), nq, mask.view(), params, {}, exact.buffer, nullptr));
          EXPECT(found.counts == exact.counts, nameOf(type, metric));
          for (uint32_t q = 0; q < nq; ++q) for (uint32_t i = 0; i < found.counts[q]; ++i) EXPECT(mask.view().test(found.rows[q * k + i]));
          const double reached = recall(found, exact, nq, k);
          // Equal distances abound between bit rows.
          EXPECT(reached >= (type == VectorType::binary ? 0.8 : 0.95), nameOf(type, metric) + " " + std::to_string(reached) + " at " + std::to_string(seen));
        }
      }
    }
  }
}

void rangesAndGroups() {
  constexpr uint32_t rows = 5000, dim = 24;
  const Column column(VectorType::f32, dim, encoded(VectorType::f32, clustered(rows, dim, 1)));
  const std::vector<uint8_t> query = encoded(VectorType::f32, clustered(1, dim, 2));
  const auto graph = graphFor(column.view, Metric::l2);
  CHECK_OK(graph->add(column.view, {}, 4000, {}));
  Hits all(1, rows);
  SearchParams params;
  params.k = rows;
  CHECK_OK(flatSearch(column.view, Metric::l2, query.data(), 1, {}, params, {}, all.buffer, nullptr));
  const ScoreRange range{all.scores[60], all.scores[20], true};
  params.range = &range;
  params.k = 100;
  Hits inside(1, 100);
  CHECK_OK(graph->search(column.view, query.data(), 1, {}, params, {}, nullptr, inside.buffer, nullptr));
  EXPECT(inside.counts[0] >= 38 && inside.counts[0] <= 40);
  const GroupBy group{[](const void*, uint32_t row) { return uint64_t{row % 17}; }, nullptr, 3};
  params = {};
  params.k = 4;
  params.group = &group;
  Hits grouped(1, 12);
  CHECK_OK(graph->search(column.view, query.data(), 1, {}, params, {}, nullptr, grouped.buffer, nullptr));
  EXPECT(grouped.counts[0] == 12);
}

void oddRows() {
  constexpr uint32_t rows = 4000, dim = 20;
  std::vector<float> values = clustered(rows, dim, 1);
  for (uint32_t row = 100; row < 2500; ++row) std::copy_n(values.begin() + 99 * dim, dim, values.begin() + row * dim);
  values[50 * dim] = std::numeric_limits<float>::quiet_NaN();
  values[51 * dim] = std::numeric_limits<float>::infinity();
  std::fill_n(values.begin() + 52 * dim, dim, 0.0f);
  const Column column(VectorType::f32, dim, encoded(VectorType::f32, values));
  for (const Metric metric : {Metric::l2, Metric::cosine}) {
    const auto graph = graphFor(column.view, metric);
    CHECK_OK(graph->add(column.view, {}, rows, {}));
    SearchParams params;
    Hits hits(1, 10);
    uint32_t found = 0;
    for (uint32_t row = 2600; row < 2700; ++row) {
      CHECK_OK(graph->search(column.view, column.view.row(row), 1, {}, params, {}, nullptr, hits.buffer, nullptr));
      EXPECT(hits.counts[0] == 10);
      found += hits.rows[0] == row;
    }
    EXPECT(found >= 95, std::to_string(found));
  }
}

void refusesAndCancels() {
  const Column column(VectorType::f32, 16, encoded(VectorType::f32, clustered(3000, 16, 1)));
  const auto graph = graphFor(column.view, Metric::ip);
  EXPECT(graph->add(column.view, {}, 3001, {}).code == StatusCode::invalidArgument);
  const int32_t raised = 1;
  EXPECT(graph->add(column.view, {}, 3000, {&raised}).code == StatusCode::canceled);
  CHECK_OK(graph->add(column.view, {}, 3000, {}));
  EXPECT(graph->rows() == 3000 && graph->memoryBytes() > 3000 * 64);
  GrowingGraphParams params;
  params.dim = 0;
  params.rowsMax = 1;
  EXPECT(GrowingGraph::create(params).status.code == StatusCode::invalidArgument);
  params.dim = 4;
  params.metric = Metric::hamming;
  EXPECT(GrowingGraph::create(params).status.code == StatusCode::invalidArgument);
}

/// Run under the thread sanitizer too: readers see every row that was added before they began, while rows come.
void searchesWhileItGrows() {
  constexpr uint32_t rows = 9000, dim = 32, readers = 2;
  const Column column(VectorType::f32, dim, encoded(VectorType::f32, clustered(rows, dim, 1)));
  const auto graph = graphFor(column.view, Metric::l2);
  CHECK_OK(graph->add(column.view, {}, 2000, {}));
  std::atomic<bool> done{false};
  std::atomic<uint32_t> asked{0}, found{0};
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < readers; ++t) {
    threads.emplace_back([&, t] {
      Random random(t);
      HnswScratch scratch;
      Hits hits(1, 10);
      SearchParams params;
      while (!done.load()) {
        const uint32_t seen = graph->rows();
        const uint32_t row = random.below(seen);
        Mask mask(seen);
        for (uint32_t r = 0; r < seen; ++r) if (r % 10 != 3 || r == row) mask.set(r);
        CHECK_OK(graph->search(prefix(column.view, seen), column.view.row(row), 1, mask.view(), params, {}, &scratch, hits.buffer, nullptr));
        EXPECT(hits.counts[0] == 10);
        for (uint32_t i = 0; i < 10; ++i) EXPECT(hits.rows[i] < seen && mask.view().test(hits.rows[i]));
        ++asked;
        found += hits.rows[0] == row;
      }
    });
  }
  for (uint32_t end = 2250; end <= rows; end += 250) CHECK_OK(graph->add(column.view, {}, end, {}));
  while (asked.load() < 50) std::this_thread::yield();
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT(found.load() * 100 >= asked.load() * 98, std::to_string(found.load()) + " of " + std::to_string(asked.load()));
}

}  // namespace
}  // namespace redkite::test

int main() {
  using namespace redkite::test;
  run("rows are found with every type, metric and filter, added or not yet", growsWithEveryType);
  run("ranges and groups", rangesAndGroups);
  run("duplicates, NaN, infinity and zero rows do not hide others", oddRows);
  run("impossible parameters are refused and a cancelled addition goes on later", refusesAndCancels);
  run("searches find what was there before them while rows are added", searchesWhileItGrows);
  return 0;
}
