#include "redkite/hnsw.h"

#include <limits>
#include <map>
#include <set>

#include "redkite/flat.h"
#include "redkite/quantise.h"
#include "vectors.h"

namespace redkite::test {
namespace {

HnswBuildParams paramsOf(Metric metric, HnswCodes codes = HnswCodes::automatic) {
  HnswBuildParams params;
  params.metric = metric;
  params.efConstruction = 100;
  params.codes = codes;
  return params;
}

struct Built {
  AlignedBytes file;
  HnswIndex index;
};

Built built(const VectorView& view, const HnswBuildParams& params, const Bitset& indexed = {}) {
  Result<AlignedBytes> result = buildHnsw(view, indexed, params, {});
  CHECK_OK(result.status);
  Built all{std::move(result.value), {}};
  const Result<HnswIndex> opened = HnswIndex::open(all.file.data(), all.file.size());
  CHECK_OK(opened.status);
  EXPECT(all.file.size() <= hnswBuildBytesMax(view.type, view.dim, view.rows, params));
  all.index = opened.value;
  CHECK_OK(all.index.verify());
  return all;
}

/// Share of the exact hits found, by score (ties count), checking order, visibility and that scores are the exact search's.
double compare(const HnswIndex& index, const VectorView& view, Metric metric, const std::vector<uint8_t>& queries, uint32_t nq,
               const Bitset& visible, const SearchParams& params, const std::string& where, SearchStats* stats = nullptr) {
  const size_t most = params.hitsMax();
  Hits exact(nq, most), found(nq, most);
  CHECK_OK(flatSearch(view, metric, queries.data(), nq, visible, params, {}, exact.buffer, nullptr));
  HnswScratch scratch;
  CHECK_OK(index.search(view, queries.data(), nq, visible, params, {}, &scratch, found.buffer, stats));
  uint32_t good = 0, total = 0;
  for (uint32_t q = 0; q < nq; ++q) {
    const size_t begin = q * most;
    EXPECT(found.counts[q] == exact.counts[q] || (params.range != nullptr && found.counts[q] < exact.counts[q]),
          where + ": " + std::to_string(found.counts[q]) + " hits of " + std::to_string(exact.counts[q]));
    std::set<uint32_t> seen;
    for (uint32_t i = 0; i < found.counts[q]; ++i) {
      const uint32_t row = found.rows[begin + i];
      const float score = found.scores[begin + i];
      EXPECT(visible.test(row) && seen.insert(row).second, where);
      float distance;
      Scorer scorer(view.type, metric, view.dim);
      scorer.setQuery(queries.data() + q * rowBytes(view.type, view.dim));
      const uint8_t* pointer = view.row(row);
      scorer.distances(&pointer, 1, &distance);
      EXPECT(scorer.scoreOf(distance) == score, where + ": score");
      if (i == 0) continue;
      const float before = found.scores[begin + i - 1];
      EXPECT(largerIsBetter(metric) ? before >= score : before <= score, where + ": order");
      if (before == score) EXPECT(found.rows[begin + i - 1] < row, where + ": ties");
    }
    total += exact.counts[q];
    for (uint32_t i = 0; i < exact.counts[q] && i < found.counts[q]; ++i) {
      const float worst = exact.scores[begin + exact.counts[q] - 1];
      const float score = found.scores[begin + i];
      good += largerIsBetter(metric) ? score >= worst : score <= worst;
    }
  }
  return total == 0 ? 1 : static_cast<double>(good) / total;
}

void everyPairAndSelectivity() {
  const uint32_t rows = 9000;
  for (const auto& [type, metric] : kAllPairs) {
    const uint32_t dim = type == VectorType::binary ? 128 : 24;
    const Column column(type, dim, encoded(type, clustered(rows, dim, 11)), 10);
    const std::vector<uint8_t> queries = encoded(type, clustered(30, dim, 12));
    const Built index = built(column.view, paramsOf(metric));
    EXPECT(index.index.info().codes == (type != VectorType::binary), nameOf(type, metric));
    SearchParams params;
    params.k = 10;
    params.ef = 80;
    Mask one(rows);
    one.set(4321);
    const double plain = compare(index.index, column.view, metric, queries, 30, {}, params, nameOf(type, metric));
    // Inner products have no neighbourhoods to speak of in random data.
    EXPECT(plain >= (metric == Metric::ip ? 0.85 : 0.95), nameOf(type, metric) + " recall " + std::to_string(plain));
    EXPECT(compare(index.index, column.view, metric, queries, 30, one.view(), params, nameOf(type, metric) + " one row") == 1);
    for (const double share : {0.0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.9, 1.0}) {
      const std::string where = nameOf(type, metric) + " share " + std::to_string(share);
      const Mask mask = randomMask(rows, share, 13);
      const double recall = compare(index.index, column.view, metric, queries, 30, mask.view(), params, where);
      EXPECT(recall >= std::min(0.97, plain) - 0.03, where + " recall " + std::to_string(recall) + " plain " + std::to_string(plain));
    }
  }
}

/// Filters that match only what is far from the query, or only what is near.
void correlatedFilters() {
  const uint32_t rows = 30000, dim = 32;
  const Column column(VectorType::f32, dim, encoded(VectorType::f32, clustered(rows, dim, 21)));
  const std::vector<uint8_t> queries = encoded(VectorType::f32, clustered(8, dim, 22));
  const Built index = built(column.view, paramsOf(Metric::l2));
  SearchParams params;
  params.ef = 40;
  double plain = 0;
  for (const bool nearest : {true, false}) {
    for (const double share : {0.5, 0.2}) {
      double total = 0;
      plain = 0;
      for (uint32_t q = 0; q < 8; ++q) {
        const std::vector<uint8_t> query(queries.begin() + q * dim * 4, queries.begin() + (q + 1) * dim * 4);
        Hits all(1, rows);
        SearchParams everything;
        everything.k = rows;
        CHECK_OK(flatSearch(column.view, Metric::l2, query.data(), 1, {}, everything, {}, all.buffer, nullptr));
        Mask mask(rows);
        const uint32_t part = static_cast<uint32_t>(rows * share);
        for (uint32_t i = 0; i < part; ++i) mask.set(all.rows[nearest ? i : rows - 1 - i]);
        plain += compare(index.index, column.view, Metric::l2, query, 1, {}, params, "correlated");
        total += compare(index.index, column.view, Metric::l2, query, 1, mask.view(), params, "correlated");
      }
      EXPECT(total >= plain - 0.11, "recall sum " + std::to_string(total) + " of 8, plain " + std::to_string(plain));
    }
  }
}

void rangesAndGroups() {
  const uint32_t rows = 9000, dim = 24;
  const Column column(VectorType::f32, dim, encoded(VectorType::f32, clustered(rows, dim, 31)));
  const std::vector<uint8_t> queries = encoded(VectorType::f32, clustered(10, dim, 32));
  for (const Metric metric : {Metric::l2, Metric::cosine}) {
    const Built index = built(column.view, paramsOf(metric));
    SearchParams params;
    params.k = 200;
    Hits all(10, 200);
    CHECK_OK(flatSearch(column.view, metric, queries.data(), 10, {}, params, {}, all.buffer, nullptr));
    const ScoreRange range{all.scores[150], all.scores[40], true};
    params.range = &range;
    params.k = 50;
    params.ef = 50;
    EXPECT(compare(index.index, column.view, metric, queries, 10, {}, params, "range") >= 0.95);
    const Mask half = randomMask(rows, 0.5, 33);
    EXPECT(compare(index.index, column.view, metric, queries, 10, half.view(), params, "range, half") >= 0.95);
    params.range = nullptr;
    const GroupBy group{[](const void*, uint32_t row) { return uint64_t{row % 40}; }, nullptr, 2};
    params.group = &group;
    params.k = 8;
    params.ef = 16;
    EXPECT(compare(index.index, column.view, metric, queries, 10, {}, params, "groups") >= 0.95);
    const GroupBy few{[](const void*, uint32_t row) { return uint64_t{row % 3}; }, nullptr, 2};
    params.group = &few;
    EXPECT(compare(index.index, column.view, metric, queries, 10, half.view(), params, "fewer groups than k") == 1);
  }
}

void oddColumns() {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  SearchParams params;
  for (const Metric metric : {Metric::l2, Metric::ip, Metric::cosine}) {
    const uint8_t* nothing = nullptr;
    const Built empty = built(VectorView::contiguous(VectorType::f32, 4, 0, &nothing), paramsOf(metric));
    const std::vector<uint8_t> query = encoded(VectorType::f32, {1, 2, 3, 4});
    Hits hits(1, 10);
    CHECK_OK(empty.index.search(VectorView::contiguous(VectorType::f32, 4, 0, &nothing), query.data(), 1, {}, params, {}, nullptr, hits.buffer, nullptr));
    EXPECT(hits.counts[0] == 0);
    const Column single(VectorType::f32, 4, query);
    compare(built(single.view, paramsOf(metric)).index, single.view, metric, query, 1, {}, params, "one row");

    // Duplicates, zero rows and NaN rows among ordinary ones.
    std::vector<float> values = clustered(6000, 8, 41);
    for (uint32_t row = 0; row < 3000; ++row) for (uint32_t d = 0; d < 8; ++d) values[row * 8 + d] = 1.5f;
    for (uint32_t row = 3000; row < 3500; ++row) for (uint32_t d = 0; d < 8; ++d) values[row * 8 + d] = 0;
    for (uint32_t row = 3500; row < 3600; ++row) values[row * 8 + row % 8] = nan;
    const Column column(VectorType::f32, 8, encoded(VectorType::f32, values));
    const std::vector<uint8_t> queries = encoded(VectorType::f32, clustered(20, 8, 42));
    for (const HnswCodes codes : {HnswCodes::automatic, HnswCodes::none}) {
      const Built odd = built(column.view, paramsOf(metric, codes));
      const double recall = compare(odd.index, column.view, metric, queries, 20, {}, params, "odd rows");
      EXPECT(recall >= 0.9, "odd rows, metric " + std::to_string(static_cast<int>(metric)) + " codes " + std::to_string(static_cast<int>(codes)) + " recall " + std::to_string(recall));
      const Mask thin = randomMask(6000, 0.02, 43);
      compare(odd.index, column.view, metric, queries, 20, thin.view(), params, "odd rows, filtered");
    }
  }
  for (const uint32_t dim : {1u, 3u, 65u}) {
    const Column column(VectorType::f32, dim, encoded(VectorType::f32, clustered(3000, dim, 44)));
    const std::vector<uint8_t> queries = encoded(VectorType::f32, clustered(20, dim, 45));
    const double recall = compare(built(column.view, paramsOf(Metric::l2)).index, column.view, Metric::l2, queries, 20, {}, params, "dimension");
    EXPECT(recall >= 0.95, "dimension " + std::to_string(dim) + " recall " + std::to_string(recall));
  }
  const Column wide(VectorType::f32, kDimMax, encoded(VectorType::f32, clustered(40, kDimMax, 46)));
  const std::vector<uint8_t> query = encoded(VectorType::f32, clustered(1, kDimMax, 47));
  EXPECT(compare(built(wide.view, paramsOf(Metric::l2)).index, wide.view, Metric::l2, query, 1, {}, params, "widest") >= 0.9);
}

void nullRows() {
  const uint32_t rows = 5000, dim = 16;
  const Column column(VectorType::f32, dim, encoded(VectorType::f32, clustered(rows, dim, 51)));
  const Mask present = randomMask(rows, 0.5, 52);
  const Built index = built(column.view, paramsOf(Metric::l2), present.view());
  EXPECT(index.index.info().nodes == present.view().count(rows));
  const std::vector<uint8_t> queries = encoded(VectorType::f32, clustered(10, dim, 53));
  SearchParams params;
  EXPECT(compare(index.index, column.view, Metric::l2, queries, 10, present.view(), params, "null rows") >= 0.95);
  // Without a bitset the index knows by itself which rows are in it, walking and scanning.
  for (const uint32_t ef : {64u, 4000u}) {
    params.ef = ef;
    Hits hits(10, 10);
    CHECK_OK(index.index.search(column.view, queries.data(), 10, {}, params, {}, nullptr, hits.buffer, nullptr));
    for (uint32_t i = 0; i < 100; ++i) EXPECT(present.view().test(hits.rows[i]));
  }
}

void determinismAndThreads() {
  const uint32_t rows = 4000, dim = 20;
  const Column column(VectorType::f32, dim, encoded(VectorType::f32, clustered(rows, dim, 61)));
  const std::vector<uint8_t> queries = encoded(VectorType::f32, clustered(20, dim, 62));
  HnswBuildParams params = paramsOf(Metric::cosine);
  const Built first = built(column.view, params);
  const Built second = built(column.view, params);
  EXPECT(first.file.size() == second.file.size() && std::memcmp(first.file.data(), second.file.data(), first.file.size()) == 0);
  params.threads = 3;
  int32_t progress = 0;
  HnswBuildControl control;
  control.progress = &progress;
  Result<AlignedBytes> parallel = buildHnsw(column.view, {}, params, control);
  CHECK_OK(parallel.status);
  EXPECT(progress == static_cast<int32_t>(rows));
  const Result<HnswIndex> opened = HnswIndex::open(parallel.value.data(), parallel.value.size());
  CHECK_OK(opened.status);
  SearchParams search;
  EXPECT(compare(opened.value, column.view, Metric::cosine, queries, 20, {}, search, "three threads") >= 0.95);
  const int32_t raised = 1;
  control.cancel = {&raised};
  EXPECT(buildHnsw(column.view, {}, params, control).status.code == StatusCode::canceled);
  Hits hits(20, 10);
  EXPECT(first.index.search(column.view, queries.data(), 20, {}, search, {&raised}, nullptr, hits.buffer, nullptr).code == StatusCode::canceled);
}

void refusals() {
  const Column column(VectorType::f32, 8, encoded(VectorType::f32, clustered(50, 8, 71)));
  HnswBuildParams params = paramsOf(Metric::l2);
  params.m = 1;
  EXPECT(buildHnsw(column.view, {}, params, {}).status.code == StatusCode::invalidArgument);
  params.m = 2049;
  EXPECT(buildHnsw(column.view, {}, params, {}).status.code == StatusCode::invalidArgument);
  params = paramsOf(Metric::hamming);
  EXPECT(buildHnsw(column.view, {}, params, {}).status.code == StatusCode::invalidArgument);
  const Built index = built(column.view, paramsOf(Metric::l2));
  const Column other(VectorType::f32, 9, encoded(VectorType::f32, clustered(50, 9, 72)));
  const Column shorter(VectorType::f32, 8, encoded(VectorType::f32, clustered(49, 8, 71)));
  Hits hits(1, 10);
  SearchParams search;
  const std::vector<uint8_t> query(36);
  EXPECT(index.index.search(other.view, query.data(), 1, {}, search, {}, nullptr, hits.buffer, nullptr).code == StatusCode::invalidArgument);
  EXPECT(index.index.search(shorter.view, query.data(), 1, {}, search, {}, nullptr, hits.buffer, nullptr).code == StatusCode::invalidArgument);
  EXPECT(HnswIndex().search(column.view, query.data(), 1, {}, search, {}, nullptr, hits.buffer, nullptr).code == StatusCode::invalidArgument);
}

/// Damaged files are refused, or searched without leaving the file: the sanitizers watch.
void damagedFiles() {
  const uint32_t rows = 3000, dim = 16;
  const Column column(VectorType::f32, dim, encoded(VectorType::f32, clustered(rows, dim, 81)));
  const std::vector<uint8_t> queries = encoded(VectorType::f32, clustered(5, dim, 82));
  const Built good = built(column.view, paramsOf(Metric::l2));
  AlignedBytes copy = AlignedBytes::allocate(good.file.size());
  const auto restore = [&] { std::memcpy(copy.data(), good.file.data(), copy.size()); };
  restore();
  for (size_t at = 0; at < 256; ++at) {
    copy.data()[at] ^= 0x11;
    const Status status = HnswIndex::open(copy.data(), copy.size()).status;
    EXPECT(status.code == StatusCode::corrupted && !status.message.empty(), "header byte " + std::to_string(at));
    copy.data()[at] ^= 0x11;
  }
  for (const size_t size : {size_t{0}, size_t{10}, size_t{255}, size_t{256}, copy.size() - 1}) {
    EXPECT(HnswIndex::open(copy.data(), size).status.code == StatusCode::corrupted);
  }
  Random random(83);
  SearchParams params;
  params.ef = 20;
  for (uint32_t round = 0; round < 60; ++round) {
    restore();
    for (uint32_t i = 0; i < 2000; ++i) copy.data()[256 + random.next() % (copy.size() - 256)] = static_cast<uint8_t>(random.next());
    const Result<HnswIndex> opened = HnswIndex::open(copy.data(), copy.size());
    CHECK_OK(opened.status);
    const Status verified = opened.value.verify();
    EXPECT(verified.code == StatusCode::corrupted && verified.message.find("block") != std::string::npos);
    Hits hits(5, 10);
    const Mask mask = randomMask(rows, 0.6, round);
    CHECK_OK(opened.value.search(column.view, queries.data(), 5, {}, params, {}, nullptr, hits.buffer, nullptr));
    CHECK_OK(opened.value.search(column.view, queries.data(), 5, mask.view(), params, {}, nullptr, hits.buffer, nullptr));
    for (uint32_t q = 0; q < 5; ++q) for (uint32_t i = 0; i < hits.counts[q]; ++i) EXPECT(hits.rows[q * 10 + i] < rows);
  }
}

void codesAreChosenByData() {
  // Pairs of rows so close together, and pairs so far apart, that one global scale cannot tell the pairs' members apart.
  const uint32_t rows = 4000, dim = 16;
  std::vector<float> values(rows * dim);
  Random random(91);
  for (uint32_t row = 0; row < rows; ++row) {
    Random center(row / 40 + 1000);
    for (uint32_t d = 0; d < dim; ++d) values[row * dim + d] = 1000 * normal(center) + 0.01f * normal(random);
  }
  const Column column(VectorType::f32, dim, encoded(VectorType::f32, values));
  const Built index = built(column.view, paramsOf(Metric::l2));
  EXPECT(!index.index.info().codes);
  const std::vector<uint8_t> queries(encoded(VectorType::f32, std::vector<float>(values.begin(), values.begin() + 20 * dim)));
  SearchParams params;
  params.ef = 60;
  EXPECT(compare(index.index, column.view, Metric::l2, queries, 20, {}, params, "tight clusters") >= 0.95);
}

/// Share of the exact first k rows among the hits. Scores are those of codes, so only their order and their visibility are checked.
double recallByRow(const HnswIndex& index, const VectorView& view, Metric metric, const std::vector<uint8_t>& queries, uint32_t nq, const Bitset& visible,
                   const SearchParams& params, const std::string& where) {
  Hits exact(nq, params.k), found(nq, params.k);
  CHECK_OK(flatSearch(view, metric, queries.data(), nq, visible, params, {}, exact.buffer, nullptr));
  CHECK_OK(index.search(view, queries.data(), nq, visible, params, {}, nullptr, found.buffer, nullptr));
  uint32_t good = 0, total = 0;
  for (uint32_t q = 0; q < nq; ++q) {
    const size_t begin = size_t{q} * params.k;
    EXPECT(found.counts[q] == exact.counts[q], where + ": " + std::to_string(found.counts[q]) + " hits of " + std::to_string(exact.counts[q]));
    const std::set<uint32_t> best(exact.rows.begin() + begin, exact.rows.begin() + begin + exact.counts[q]);
    total += exact.counts[q];
    for (uint32_t i = 0; i < found.counts[q]; ++i) {
      EXPECT(visible.test(found.rows[begin + i]), where);
      good += best.count(found.rows[begin + i]);
      if (i == 0) continue;
      const float before = found.scores[begin + i - 1], score = found.scores[begin + i];
      EXPECT(largerIsBetter(metric) ? before >= score : before <= score, where + ": order");
    }
  }
  return total == 0 ? 1 : static_cast<double>(good) / total;
}

struct CodesCase {
  const char* name;
  HnswCodes codes;
  uint32_t subs, nbits, levels;
  double recall;  ///< of the codes alone
};

/// Codes alone read no raw row, so that one that is gone does not matter; ranked again, the hits and scores are the exact ones.
void codesWithAndWithoutRows() {
  const uint32_t rows = 6000, dim = 24, nq = 20;
  const CodesCase cases[] = {{"8 bits", HnswCodes::u8, 0, 8, 1, 0.9},
                             {"products", HnswCodes::product, 12, 8, 1, 0.6},
                             {"products of 4 bits", HnswCodes::product, 24, 4, 1, 0.6},
                             {"two levels of products", HnswCodes::product, 12, 8, 2, 0.8}};
  for (const VectorType type : {VectorType::f32, VectorType::f16}) {
    const Column column(type, dim, encoded(type, clustered(rows, dim, 111)));
    const Column none(type, dim, encoded(type, std::vector<float>(size_t{rows} * dim)));
    const std::vector<uint8_t> queries = encoded(type, clustered(nq, dim, 112));
    for (const Metric metric : {Metric::l2, Metric::ip, Metric::cosine}) {
      for (const CodesCase& c : cases) {
        const std::string where = std::string(c.name) + " " + nameOf(type, metric);
        HnswBuildParams build = paramsOf(metric, c.codes);
        build.subs = c.subs;
        build.nbits = c.nbits;
        build.productLevels = c.levels;
        SearchParams params;
        params.ef = 80;
        const Built again = built(column.view, build);
        EXPECT(again.index.info().refine == Refine::rows, where);
        params.refineRows = 80;
        EXPECT(compare(again.index, column.view, metric, queries, nq, {}, params, where) >= (metric == Metric::ip ? 0.85 : 0.93), where);
        build.refine = Refine::none;
        const Built alone = built(column.view, build);
        EXPECT(alone.index.info().refine == Refine::none && alone.file.size() == again.file.size(), where);
        for (const double share : {1.0, 0.3, 0.002}) {
          const Mask mask = randomMask(rows, share, 113);
          const double recall = recallByRow(alone.index, column.view, metric, queries, nq, share == 1 ? Bitset{} : mask.view(), params, where);
          EXPECT(recall >= c.recall - 0.1, where + " recall " + std::to_string(recall) + " share " + std::to_string(share));
        }
        Hits with(nq, params.k), without(nq, params.k);
        CHECK_OK(alone.index.search(column.view, queries.data(), nq, {}, params, {}, nullptr, with.buffer, nullptr));
        CHECK_OK(alone.index.search(none.view, queries.data(), nq, {}, params, {}, nullptr, without.buffer, nullptr));
        EXPECT(with.rows == without.rows && with.scores == without.scores, where);
      }
    }
  }
}

void quantiser() {
  const uint32_t dim = 33;
  const std::vector<float> values = clustered(500, dim, 95);
  for (const bool l2 : {false, true}) {
    const ScalarQuantiser trained = trainQuantiser(values.data(), 500, dim, l2, false);
    std::vector<uint8_t> codes(dim);
    std::vector<float> back(dim);
    for (uint32_t row = 0; row < 500; ++row) {
      trained.encode(values.data() + row * dim, codes.data());
      trained.decode(codes.data(), back.data());
      for (uint32_t d = 0; d < dim; ++d) EXPECT(std::fabs(back[d] - values[row * dim + d]) <= trained.scale * 0.51f);
    }
  }
  std::vector<int8_t> codes(dim);
  const float odd[] = {std::numeric_limits<float>::quiet_NaN(), 2, -4};
  const QuantisedQuery query = quantiseQuery(odd, 3, 63, codes.data());
  EXPECT(codes[0] == 0 && codes[1] == 32 && codes[2] == -63 && query.sum == -31);
}

}  // namespace
}  // namespace redkite::test

int main() {
  using namespace redkite::test;
  run("codes stay within half a step", quantiser);
  run("every type, metric and selectivity finds what the exact search finds", everyPairAndSelectivity);
  run("correlated filters cost no recall", correlatedFilters);
  run("ranges and groups widen the walk", rangesAndGroups);
  run("duplicates, NaN, zero vectors, one row, no row, any dimension", oddColumns);
  run("null rows are never hits", nullRows);
  run("one thread and a seed give the same bytes; more threads the same recall", determinismAndThreads);
  run("impossible parameters are refused", refusals);
  run("damaged files are refused or harmless", damagedFiles);
  run("codes answer alone, or are ranked again on the rows", codesWithAndWithoutRows);
  run("codes that lose neighbours are not used", codesAreChosenByData);
  return 0;
}
