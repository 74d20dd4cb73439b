#include "redkite/flat.h"

#include <limits>
#include <map>

#include "vectors.h"

namespace redkite::test {
namespace {

struct Slow {
  double score;
  uint32_t row;
};

std::vector<Slow> slowRanking(const VectorView& view, Metric metric, const uint8_t* query, const Bitset& visible) {
  std::vector<Slow> all;
  for (uint32_t row = 0; row < view.rows; ++row) {
    if (visible.test(row)) all.push_back({slowScore(view.type, metric, view.dim, query, view.row(row)), row});
  }
  std::stable_sort(all.begin(), all.end(), [&](const Slow& a, const Slow& b) { return largerIsBetter(metric) ? a.score > b.score : a.score < b.score; });
  return all;
}

void everyPairAndSelectivity() {
  for (const auto& [type, metric] : kAllPairs) {
    const uint32_t dim = type == VectorType::binary ? 136 : 37;
    const uint32_t rows = 700;
    const Column column(type, dim, encoded(type, clustered(rows, dim, 5)), 7);
    const std::vector<uint8_t> queries = encoded(type, clustered(40, dim, 6));
    for (const double share : {0.0, 0.004, 0.1, 0.6, 1.0}) {
      const Mask mask = randomMask(rows, share, 9);
      SearchParams params;
      params.k = 12;
      Hits together(40, 12), alone(1, 12);
      SearchStats stats;
      CHECK_OK(flatSearch(column.view, metric, queries.data(), 40, mask.view(), params, {}, together.buffer, &stats));
      for (uint32_t q = 0; q < 40; ++q) {
        const uint8_t* query = queries.data() + q * rowBytes(type, dim);
        const std::vector<Slow> slow = slowRanking(column.view, metric, query, mask.view());
        EXPECT(together.counts[q] == std::min<size_t>(12, slow.size()), nameOf(type, metric));
        for (uint32_t i = 0; i < together.counts[q]; ++i) {
          const float score = together.scores[q * 12 + i];
          EXPECT(std::fabs(score - slow[i].score) <= 1e-4 * std::max(1.0, std::fabs(slow[i].score)), nameOf(type, metric));
          EXPECT(mask.view().test(together.rows[q * 12 + i]));
          if (i > 0 && score == together.scores[q * 12 + i - 1]) EXPECT(together.rows[q * 12 + i] > together.rows[q * 12 + i - 1]);
        }
        CHECK_OK(flatSearch(column.view, metric, query, 1, mask.view(), params, {}, alone.buffer, nullptr));
        EXPECT(std::equal(alone.rows.begin(), alone.rows.begin() + alone.counts[0], together.rows.begin() + q * 12));
        EXPECT(std::equal(alone.scores.begin(), alone.scores.begin() + alone.counts[0], together.scores.begin() + q * 12));
      }
      std::vector<uint32_t> list;
      for (uint32_t row = 0; row < rows; ++row) if (mask.view().test(row)) list.push_back(row);
      Hits listed(40, 12);
      CHECK_OK(flatSearchRows(column.view, metric, queries.data(), 40, list.data(), static_cast<uint32_t>(list.size()), params, {}, listed.buffer, nullptr));
      EXPECT(listed.counts == together.counts && listed.rows == together.rows && listed.scores == together.scores, nameOf(type, metric));
    }
  }
}

/// Many queries are first compared with codes of the rows; a single one never is. Both must find the same, whatever the values.
void manyQueriesAnswerAsOne() {
  const float odd[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 0.0f, 1e-30f, 3e18f, 1e-44f};
  constexpr uint32_t rows = 3000, nq = 29, k = 12;
  for (const auto& [type, metric] : kAllPairs) {
    if (type == VectorType::binary) continue;
    for (const uint32_t dim : {16u, 100u, 192u}) {
      for (const float shift : {0.0f, 20.0f}) {
        std::vector<float> values = clustered(rows, dim, 5), asked = clustered(nq, dim, 6);
        for (float& value : values) value += shift;
        for (float& value : asked) value += shift;
        for (uint32_t i = 0; i < 6; ++i) {
          values[size_t{i * 37 + 5} * dim + i] = odd[i];
          asked[size_t{i} * dim + i] = odd[i];
        }
        for (const uint32_t row : {40u, 2000u}) std::fill_n(values.begin() + row * dim, dim, 0.0f);
        std::fill_n(asked.begin() + 7 * dim, dim, 0.0f);
        for (uint32_t row = 1000; row < 1300; ++row) std::copy_n(values.begin() + 999 * dim, dim, values.begin() + row * dim);
        std::copy_n(values.begin() + 999 * dim, dim, asked.begin() + 8 * dim);
        const Column column(type, dim, encoded(type, values), 9);
        const std::vector<uint8_t> queries = encoded(type, asked);
        const Mask mask = randomMask(rows, 0.9, 3);
        const ScoreRange range{metric == Metric::l2 ? 1e4f : -1e4f, 0, false};
        SearchParams params;
        params.k = k;
        params.range = dim == 100 ? &range : nullptr;
        Hits together(nq, k), alone(1, k);
        CHECK_OK(flatSearch(column.view, metric, queries.data(), nq, mask.view(), params, {}, together.buffer, nullptr));
        for (uint32_t q = 0; q < nq; ++q) {
          CHECK_OK(flatSearch(column.view, metric, queries.data() + q * rowBytes(type, dim), 1, mask.view(), params, {}, alone.buffer, nullptr));
          EXPECT(alone.counts[0] == together.counts[q], nameOf(type, metric) + " query " + std::to_string(q));
          EXPECT(std::equal(alone.rows.begin(), alone.rows.begin() + alone.counts[0], together.rows.begin() + q * k), nameOf(type, metric) + " query " + std::to_string(q));
          EXPECT(std::memcmp(alone.scores.data(), together.scores.data() + q * k, alone.counts[0] * 4) == 0, nameOf(type, metric));
        }
      }
    }
  }
}

void ranges() {
  for (const Metric metric : {Metric::l2, Metric::ip, Metric::cosine}) {
    const uint32_t dim = 16, rows = 500;
    const Column column(VectorType::f32, dim, encoded(VectorType::f32, clustered(rows, dim, 1)));
    const std::vector<uint8_t> query = encoded(VectorType::f32, clustered(1, dim, 2));
    Hits all(1, rows);
    SearchParams params;
    params.k = rows;
    CHECK_OK(flatSearch(column.view, metric, query.data(), 1, {}, params, {}, all.buffer, nullptr));
    EXPECT(all.counts[0] == rows);
    // The bounds are scores of rows: the radius excludes its row, the range filter includes its own.
    const ScoreRange range{all.scores[60], all.scores[20], true};
    params.range = &range;
    Hits inside(1, rows);
    CHECK_OK(flatSearch(column.view, metric, query.data(), 1, {}, params, {}, inside.buffer, nullptr));
    EXPECT(inside.counts[0] == 40 && inside.rows[0] == all.rows[20] && inside.rows[39] == all.rows[59]);
    params.k = 5;
    Hits five(1, 5);
    CHECK_OK(flatSearch(column.view, metric, query.data(), 1, {}, params, {}, five.buffer, nullptr));
    EXPECT(five.counts[0] == 5 && five.rows[4] == all.rows[24]);
  }
}

void groups() {
  const uint32_t dim = 8, rows = 300;
  const Column column(VectorType::f32, dim, encoded(VectorType::f32, clustered(rows, dim, 1)));
  const std::vector<uint8_t> query = encoded(VectorType::f32, clustered(1, dim, 2));
  const GroupBy group{[](const void*, uint32_t row) { return uint64_t{row % 17}; }, nullptr, 3};
  SearchParams params;
  params.k = 4;
  params.group = &group;
  Hits hits(1, params.hitsMax());
  CHECK_OK(flatSearch(column.view, Metric::l2, query.data(), 1, {}, params, {}, hits.buffer, nullptr));
  EXPECT(hits.counts[0] == 12);
  std::map<uint32_t, uint32_t> sizes;
  for (uint32_t i = 0; i < 12; ++i) {
    ++sizes[hits.rows[i] % 17];
    if (i > 0) EXPECT(hits.scores[i] >= hits.scores[i - 1]);
  }
  EXPECT(sizes.size() == 4);
  for (const auto& [value, size] : sizes) EXPECT(size == 3);
}

void oddValues() {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {nan, 1, 0, 0, infinity, 1, 1, 1, 1, 1};
  const Column column(VectorType::f32, 2, encoded(VectorType::f32, values));
  const std::vector<uint8_t> query = encoded(VectorType::f32, {1, 1});
  SearchParams params;
  Hits hits(1, 10);
  CHECK_OK(flatSearch(column.view, Metric::l2, query.data(), 1, {}, params, {}, hits.buffer, nullptr));
  EXPECT(hits.counts[0] == 5 && hits.rows[0] == 3 && hits.rows[1] == 4 && hits.rows[2] == 1 && hits.rows[3] == 0);
  EXPECT(hits.scores[3] == infinity);
  CHECK_OK(flatSearch(column.view, Metric::cosine, query.data(), 1, {}, params, {}, hits.buffer, nullptr));
  EXPECT(hits.rows[0] == 3 && hits.rows[1] == 4 && hits.rows[2] == 1 && hits.scores[2] == 0);
  EXPECT(hits.scores[4] == -infinity);
  const uint8_t* none = nullptr;
  CHECK_OK(flatSearch(VectorView::contiguous(VectorType::f32, 2, 0, &none), Metric::l2, query.data(), 1, {}, params, {}, hits.buffer, nullptr));
  EXPECT(hits.counts[0] == 0);
}

void refusals() {
  const Column column(VectorType::f32, 4, encoded(VectorType::f32, clustered(10, 4, 1)));
  const std::vector<uint8_t> query(16);
  Hits hits(1, 10);
  SearchParams params;
  const int32_t raised = 1;
  EXPECT(flatSearch(column.view, Metric::l2, query.data(), 1, {}, params, {&raised}, hits.buffer, nullptr).code == StatusCode::canceled);
  EXPECT(flatSearch(column.view, Metric::hamming, query.data(), 1, {}, params, {}, hits.buffer, nullptr).code == StatusCode::invalidArgument);
  params.k = 0;
  EXPECT(flatSearch(column.view, Metric::l2, query.data(), 1, {}, params, {}, hits.buffer, nullptr).code == StatusCode::invalidArgument);
  params.k = 10;
  const uint32_t unsorted[] = {3, 2};
  EXPECT(flatSearchRows(column.view, Metric::l2, query.data(), 1, unsorted, 2, params, {}, hits.buffer, nullptr).code == StatusCode::invalidArgument);
  const uint32_t beyond[] = {10};
  EXPECT(flatSearchRows(column.view, Metric::l2, query.data(), 1, beyond, 1, params, {}, hits.buffer, nullptr).code == StatusCode::invalidArgument);
}

void sparse() {
  struct Pair {
    uint32_t index;
    float value;
  };
  Random random(3);
  std::vector<std::vector<Pair>> rows(400);
  for (auto& row : rows) {
    uint32_t index = 0;
    for (uint32_t i = random.below(30); i > 0; --i) row.push_back({index += 1 + random.below(20), normal(random)});
  }
  const SparseView view{400, &rows, [](const void* context, uint32_t row) {
    const auto& all = *static_cast<const std::vector<std::vector<Pair>>*>(context);
    return SparseRow{reinterpret_cast<const uint8_t*>(all[row].data()), static_cast<uint32_t>(all[row].size() * 8)};
  }};
  const SparseRow query = view.row(7).bytes > 0 ? view.row(7) : view.row(8);
  SearchParams params;
  params.k = 400;
  Hits hits(1, 400);
  const Mask mask = randomMask(400, 0.7, 4);
  CHECK_OK(sparseFlatSearch(view, Metric::ip, &query, 1, mask.view(), params, {}, hits.buffer, nullptr));
  uint32_t positive = 0;
  for (uint32_t row = 0; row < 400; ++row) {
    std::map<uint32_t, double> dense;
    for (const Pair& pair : rows[row]) dense[pair.index] = pair.value;
    double sum = 0;
    for (uint32_t i = 0; i < query.bytes / 8; ++i) {
      const Pair* pair = reinterpret_cast<const Pair*>(query.data) + i;
      if (const auto found = dense.find(pair->index); found != dense.end()) sum += found->second * pair->value;
    }
    if (!(sum > 0) || !mask.view().test(row)) continue;
    ++positive;
    const auto at = std::find(hits.rows.begin(), hits.rows.begin() + hits.counts[0], row);
    EXPECT(at != hits.rows.begin() + hits.counts[0]);
    EXPECT(std::fabs(hits.scores[static_cast<size_t>(at - hits.rows.begin())] - sum) < 1e-4);
  }
  EXPECT(hits.counts[0] == positive && positive > 0);
  const Pair descending[] = {{5, 1}, {5, 1}};
  const SparseRow bad{reinterpret_cast<const uint8_t*>(descending), 16};
  EXPECT(sparseFlatSearch(view, Metric::ip, &bad, 1, {}, params, {}, hits.buffer, nullptr).code == StatusCode::invalidArgument);
  const SparseRow torn{reinterpret_cast<const uint8_t*>(descending), 12};
  EXPECT(sparseFlatSearch(view, Metric::ip, &torn, 1, {}, params, {}, hits.buffer, nullptr).code == StatusCode::invalidArgument);
}

/// Bits drawn thinly and densely, so that some rows stand in each relation, at a dimension with whole words and a tail.
void relations() {
  constexpr uint32_t rows = 500, bytes = 13, nq = 6;
  Random random(41);
  std::vector<uint8_t> stored(rows * bytes), queries(nq * bytes);
  for (size_t i = 0; i < stored.size(); ++i) stored[i] = static_cast<uint8_t>(random.below(3) == 0 ? 0 : random.below(2) == 0 ? 0xff : 0x0f);
  for (size_t i = 0; i < queries.size(); ++i) queries[i] = static_cast<uint8_t>(i % bytes > 2 ? (i / bytes % 2 == 0 ? 0 : 0xff) : 0x0f);
  const Column column(VectorType::binary, bytes * 8, stored);
  const Mask mask = randomMask(rows, 0.7, 42);
  SearchParams params;
  params.k = rows;
  for (const Metric metric : {Metric::substructure, Metric::superstructure}) {
    size_t found = 0;
    Hits hits(nq, rows);
    CHECK_OK(flatSearch(column.view, metric, queries.data(), nq, mask.view(), params, {}, hits.buffer, nullptr));
    for (uint32_t q = 0; q < nq; ++q) {
      std::vector<uint32_t> inside;
      for (uint32_t row = 0; row < rows; ++row) {
        bool holds = mask.view().test(row);
        for (uint32_t i = 0; i < bytes; ++i) {
          const uint32_t a = queries[q * bytes + i], b = stored[row * bytes + i];
          holds = holds && (a & b) == (metric == Metric::substructure ? a : b);
        }
        if (holds) inside.push_back(row);
      }
      const auto begin = hits.rows.begin() + static_cast<std::ptrdiff_t>(size_t{q} * rows);
      EXPECT(hits.counts[q] == inside.size() && std::equal(inside.begin(), inside.end(), begin));
      for (uint32_t i = 0; i < hits.counts[q]; ++i) EXPECT(hits.scores[size_t{q} * rows + i] == 0);
      found += inside.size();
    }
    EXPECT(found > 0 && found < size_t{nq} * rows);
  }
}

}  // namespace
}  // namespace redkite::test

int main() {
  using namespace redkite::test;
  run("every type, metric and selectivity answers as the slow reference", everyPairAndSelectivity);
  run("many queries in one call find what each finds alone", manyQueriesAnswerAsOne);
  run("ranges exclude the radius and include the filter", ranges);
  run("groups are full and ordered", groups);
  run("NaN, infinity and zero vectors rank last or are similar to nothing", oddValues);
  run("impossible parameters are refused and cancellation is seen", refusals);
  run("a relation is found where it holds, and nothing else", relations);
  run("sparse products match a dense sum", sparse);
  return 0;
}
