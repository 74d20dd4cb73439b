#include "redkite/ivf.h"

#include <limits>
#include <set>

#include "redkite/flat.h"
#include "vectors.h"

namespace redkite::test {
namespace {

constexpr IvfKind kDenseKinds[] = {IvfKind::flat, IvfKind::sq8, IvfKind::pq, IvfKind::scann, IvfKind::rabitq};

IvfBuildParams paramsOf(IvfKind kind, Metric metric, uint32_t lists = 40) {
  IvfBuildParams params;
  params.kind = kind;
  params.metric = metric;
  params.lists = lists;
  params.subs = 12;
  return params;
}

struct Built {
  AlignedBytes file;
  IvfIndex index;
};

Built built(const VectorView& view, const IvfBuildParams& params, const Bitset& indexed = {}) {
  Result<AlignedBytes> result = buildIvf(view, indexed, params, {});
  CHECK_OK(result.status);
  Built all{std::move(result.value), {}};
  const Result<IvfIndex> opened = IvfIndex::open(all.file.data(), all.file.size());
  CHECK_OK(opened.status);
  EXPECT(all.file.size() <= ivfBuildBytesMax(view.type, view.dim, view.rows, params));
  all.index = opened.value;
  CHECK_OK(all.index.verify());
  return all;
}

/// Whether the scores of this kind are those of the raw rows.
bool exactScores(IvfKind kind, Refine refine) {
  return kind == IvfKind::flat || kind == IvfKind::binary || (refine == Refine::rows && (kind == IvfKind::scann || kind == IvfKind::rabitq));
}

/// Share of the exact hits found, by row's exact score (ties count), checking counts, order, visibility and exact scores.
double compare(const Built& built, const VectorView& view, Metric metric, const std::vector<uint8_t>& queries, uint32_t nq, const Bitset& visible,
               const SearchParams& params, const IvfSearchParams& ivf, const std::string& where, SearchStats* stats = nullptr) {
  const size_t most = params.hitsMax();
  Hits exact(nq, most), found(nq, most);
  SearchStats own;
  stats = stats == nullptr ? &own : stats;
  CHECK_OK(flatSearch(view, metric, queries.data(), nq, visible, params, {}, exact.buffer, nullptr));
  CHECK_OK(built.index.search(view, queries.data(), nq, visible, params, ivf, {}, found.buffer, stats));
  const bool exactScored = stats->path == SearchPath::flat || exactScores(built.index.info().kind, built.index.info().refine);
  uint32_t good = 0, total = 0;
  for (uint32_t q = 0; q < nq; ++q) {
    const size_t begin = q * most;
    EXPECT(found.counts[q] == exact.counts[q] || params.range != nullptr, where + ": " + std::to_string(found.counts[q]) + " hits of " + std::to_string(exact.counts[q]));
    std::set<uint32_t> seen;
    Scorer scorer(view.type, metric, view.dim);
    scorer.setQuery(queries.data() + q * rowBytes(view.type, view.dim));
    total += exact.counts[q];
    for (uint32_t i = 0; i < found.counts[q]; ++i) {
      const uint32_t row = found.rows[begin + i];
      const float score = found.scores[begin + i];
      EXPECT(row < view.rows && visible.test(row) && seen.insert(row).second, where);
      float distance;
      const uint8_t* pointer = view.row(row);
      scorer.distances(&pointer, 1, &distance);
      const float real = scorer.scoreOf(distance);
      EXPECT(!exactScored || real == score, where + ": score");
      if (exact.counts[q] > 0) {
        const float worst = exact.scores[begin + exact.counts[q] - 1];
        good += largerIsBetter(metric) ? real >= worst : real <= worst;
      }
      if (i == 0) continue;
      const float before = found.scores[begin + i - 1];
      EXPECT(largerIsBetter(metric) ? before >= score : before <= score, where + ": order");
      if (before == score) EXPECT(found.rows[begin + i - 1] < row, where + ": ties");
    }
  }
  return total == 0 ? 1 : static_cast<double>(std::min(good, total)) / total;
}

void flatIsExactWithinItsLists() {
  const uint32_t rows = 5000, nq = 23;
  for (const auto& [type, metric] : kAllPairs) {
    const bool binary = type == VectorType::binary;
    for (const uint32_t dim : {binary ? 128u : 24u, binary ? 8u : 3u}) {
      const Column column(type, dim, encoded(type, clustered(rows, dim, 11)), 10);
      const std::vector<uint8_t> queries = encoded(type, clustered(nq, dim, 12));
      const Mask valid = randomMask(rows, 0.9, 14);
      const Built index = built(column.view, paramsOf(binary ? IvfKind::binary : IvfKind::flat, metric), valid.view());
      for (const double share : {0.0, 0.3, 1.0}) {
        Mask mask = randomMask(rows, share, 13);
        for (size_t w = 0; w < mask.words.size(); ++w) mask.words[w] &= valid.words[w];
        for (const uint32_t k : {1u, 10u, 300u}) {
          SearchParams params;
          params.k = k;
          Hits exact(nq, k), found(nq, k), alone(1, k);
          const std::string where = nameOf(type, metric) + " dim " + std::to_string(dim) + " k " + std::to_string(k) + " share " + std::to_string(share);
          CHECK_OK(flatSearch(column.view, metric, queries.data(), nq, mask.view(), params, {}, exact.buffer, nullptr));
          CHECK_OK(index.index.search(column.view, queries.data(), nq, mask.view(), params, {10'000, 0}, {}, found.buffer, nullptr));
          EXPECT(exact.counts == found.counts, where);
          for (uint32_t q = 0; q < nq; ++q) {
            for (size_t i = q * k; i < q * k + exact.counts[q]; ++i) EXPECT(exact.rows[i] == found.rows[i] && exact.scores[i] == found.scores[i], where);
          }
          // One query alone gets what it gets among others, whatever the lists.
          CHECK_OK(index.index.search(column.view, queries.data(), nq, mask.view(), params, {3, 0}, {}, found.buffer, nullptr));
          CHECK_OK(index.index.search(column.view, queries.data() + 7 * rowBytes(type, dim), 1, mask.view(), params, {3, 0}, {}, alone.buffer, nullptr));
          EXPECT(alone.counts[0] == found.counts[7], where);
          for (uint32_t i = 0; i < alone.counts[0]; ++i) EXPECT(alone.rows[i] == found.rows[7 * k + i] && alone.scores[i] == found.scores[7 * k + i], where);
        }
      }
    }
  }
}

/// Recall that each kind has at least on 24 clustered dimensions when every list is read.
double recallOf(IvfKind kind) {
  switch (kind) {
    case IvfKind::sq8: return 0.95;
    case IvfKind::pq: return 0.75;
    case IvfKind::scann: return 0.9;
    case IvfKind::rabitq: return 0.85;
    default: return 0.97;
  }
}

void everyKindTypeAndSelectivity() {
  const uint32_t rows = 9000, dim = 24, nq = 30;
  for (const auto& [type, metric] : kAllPairs) {
    if (type == VectorType::binary) continue;
    const Column column(type, dim, encoded(type, clustered(rows, dim, 11)), 10);
    const std::vector<uint8_t> queries = encoded(type, clustered(nq, dim, 12));
    for (const IvfKind kind : kDenseKinds) {
      const Built index = built(column.view, paramsOf(kind, metric));
      const std::string name = nameOf(type, metric) + " kind " + std::to_string(static_cast<int>(kind));
      SearchParams params;
      Mask one(rows);
      one.set(4321);
      const double whole = compare(index, column.view, metric, queries, nq, {}, params, {40, 0}, name + " whole");
      EXPECT(whole >= recallOf(kind), name + " recall " + std::to_string(whole));
      const double plain = compare(index, column.view, metric, queries, nq, {}, params, {8, 0}, name);
      EXPECT(compare(index, column.view, metric, queries, nq, one.view(), params, {8, 0}, name + " one row") == 1);
      for (const double share : {0.0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.9, 1.0}) {
        const std::string where = name + " share " + std::to_string(share);
        const Mask mask = randomMask(rows, share, 13);
        const double recall = compare(index, column.view, metric, queries, nq, mask.view(), params, {8, 0}, where);
        EXPECT(recall >= std::min(0.97, plain) - 0.06, where + " recall " + std::to_string(recall) + " plain " + std::to_string(plain));
      }
      // Many hits from few lists: more lists are read.
      params.k = 2000;
      compare(index, column.view, metric, queries, 5, {}, params, {1, 0}, name + " many");
    }
  }
}

/// Filters that match only what is far from the query, or only what is near.
void correlatedFilters() {
  const uint32_t rows = 20000, dim = 32;
  const Column column(VectorType::f32, dim, encoded(VectorType::f32, clustered(rows, dim, 21)));
  const std::vector<uint8_t> queries = encoded(VectorType::f32, clustered(8, dim, 22));
  const Built index = built(column.view, paramsOf(IvfKind::flat, Metric::l2, 128));
  SearchParams params;
  for (const bool nearest : {true, false}) {
    for (const double share : {0.5, 0.2}) {
      double total = 0, plain = 0;
      for (uint32_t q = 0; q < 8; ++q) {
        const std::vector<uint8_t> query(queries.begin() + q * dim * 4, queries.begin() + (q + 1) * dim * 4);
        Hits all(1, rows);
        SearchParams everything;
        everything.k = rows;
        CHECK_OK(flatSearch(column.view, Metric::l2, query.data(), 1, {}, everything, {}, all.buffer, nullptr));
        Mask mask(rows);
        const uint32_t part = static_cast<uint32_t>(rows * share);
        for (uint32_t i = 0; i < part; ++i) mask.set(all.rows[nearest ? i : rows - 1 - i]);
        plain += compare(index, column.view, Metric::l2, query, 1, {}, params, {12, 0}, "correlated");
        total += compare(index, column.view, Metric::l2, query, 1, mask.view(), params, {12, 0}, "correlated");
      }
      EXPECT(total >= plain - (nearest ? 0.21 : 1.7), "recall sum " + std::to_string(total) + " of 8, plain " + std::to_string(plain));
    }
  }
}

void rangesAndGroups() {
  const uint32_t rows = 9000, dim = 24, nq = 10;
  const Column column(VectorType::f32, dim, encoded(VectorType::f32, clustered(rows, dim, 31)));
  const std::vector<uint8_t> queries = encoded(VectorType::f32, clustered(nq, dim, 32));
  const Mask half = randomMask(rows, 0.5, 33);
  for (const Metric metric : {Metric::l2, Metric::cosine}) {
    SearchParams params;
    params.k = 200;
    Hits all(nq, 200);
    CHECK_OK(flatSearch(column.view, metric, queries.data(), nq, {}, params, {}, all.buffer, nullptr));
    const ScoreRange range{all.scores[150], all.scores[40], true};
    const GroupBy group{[](const void*, uint32_t row) { return uint64_t{row % 40}; }, nullptr, 2};
    const GroupBy few{[](const void*, uint32_t row) { return uint64_t{row % 3}; }, nullptr, 2};
    for (const IvfKind kind : {IvfKind::flat, IvfKind::sq8, IvfKind::pq, IvfKind::scann}) {
      const Built index = built(column.view, paramsOf(kind, metric));
      const std::string name = "metric " + std::to_string(static_cast<int>(metric)) + " kind " + std::to_string(static_cast<int>(kind));
      const double least = kind == IvfKind::pq ? 0.6 : 0.9;
      params = {};
      params.k = 50;
      params.range = &range;
      double recall = compare(index, column.view, metric, queries, nq, {}, params, {20, 200}, name + " range");
      EXPECT(recall >= least, name + " range " + std::to_string(recall));
      recall = compare(index, column.view, metric, queries, nq, half.view(), params, {20, 200}, name + " range, half");
      EXPECT(recall >= least, name + " range, half " + std::to_string(recall));
      params.range = nullptr;
      params.group = &group;
      params.k = 8;
      recall = compare(index, column.view, metric, queries, nq, {}, params, {20, 0}, name + " groups");
      EXPECT(recall >= least, name + " groups " + std::to_string(recall));
      params.group = &few;
      recall = compare(index, column.view, metric, queries, nq, half.view(), params, {20, 0}, name + " fewer groups than k");
      EXPECT(recall >= least, name + " few groups " + std::to_string(recall));
    }
  }
}

void oddColumns() {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  SearchParams params;
  for (const IvfKind kind : kDenseKinds) {
    for (const Metric metric : {Metric::l2, Metric::ip, Metric::cosine}) {
      IvfBuildParams build = paramsOf(kind, metric);
      build.subs = 4;
      const uint8_t* nothing = nullptr;
      const VectorView none = VectorView::contiguous(VectorType::f32, 4, 0, &nothing);
      const std::vector<uint8_t> query = encoded(VectorType::f32, {1, 2, 3, 4});
      Hits hits(1, 10);
      CHECK_OK(built(none, build).index.search(none, query.data(), 1, {}, params, {}, {}, hits.buffer, nullptr));
      EXPECT(hits.counts[0] == 0);
      const Column single(VectorType::f32, 4, query);
      compare(built(single.view, build), single.view, metric, query, 1, {}, params, {}, "one row");

      // Duplicates, zero rows, NaN and infinite rows, huge and tiny ones among ordinary ones.
      std::vector<float> values = clustered(6000, 8, 41);
      for (uint32_t row = 0; row < 3000; ++row) for (uint32_t d = 0; d < 8; ++d) values[row * 8 + d] = 1.5f;
      for (uint32_t row = 3000; row < 3500; ++row) for (uint32_t d = 0; d < 8; ++d) values[row * 8 + d] = 0;
      for (uint32_t row = 3500; row < 3600; ++row) values[row * 8 + row % 8] = row % 2 == 0 ? nan : infinity;
      for (uint32_t row = 3600; row < 3610; ++row) for (uint32_t d = 0; d < 8; ++d) values[row * 8 + d] *= row % 2 == 0 ? 1e19f : 1e-30f;
      const Column column(VectorType::f32, 8, encoded(VectorType::f32, values));
      std::vector<float> asked = clustered(20, 8, 42);
      for (uint32_t d = 0; d < 8; ++d) asked[8 + d] = 0, asked[16 + d] = d == 3 ? nan : 1, asked[24 + d] = 1e20f, asked[32 + d] = 1e-30f;
      const std::vector<uint8_t> queries = encoded(VectorType::f32, asked);
      const Built odd = built(column.view, build);
      const double recall = compare(odd, column.view, metric, queries, 20, {}, params, {64, 0}, "odd rows");
      EXPECT(kind != IvfKind::flat || recall >= 0.95, "odd rows, metric " + std::to_string(static_cast<int>(metric)) + " recall " + std::to_string(recall));
      compare(odd, column.view, metric, queries, 20, randomMask(6000, 0.02, 43).view(), params, {}, "odd rows, filtered");
    }
    for (const uint32_t dim : {1u, 2u, 3u, 65u, 130u}) {
      if (kind == IvfKind::scann && dim % 2 != 0) continue;
      const Column column(VectorType::f32, dim, encoded(VectorType::f32, clustered(3000, dim, 44)));
      const std::vector<uint8_t> queries = encoded(VectorType::f32, clustered(20, dim, 45));
      for (const uint32_t nbits : {1u, 4u, 6u, 8u}) {
        IvfBuildParams build = paramsOf(kind, Metric::l2);
        build.subs = dim;
        build.nbits = nbits;
        const double recall = compare(built(column.view, build), column.view, Metric::l2, queries, 20, {}, params, {64, 500}, "dimension");
        EXPECT(recall >= (kind == IvfKind::flat ? 1 : nbits < 6 || dim > 100 ? 0 : 0.5), "kind " + std::to_string(static_cast<int>(kind)) + " dimension " + std::to_string(dim) + " recall " + std::to_string(recall));
        if (kind != IvfKind::pq) break;
      }
    }
  }
  for (const IvfKind kind : kDenseKinds) {
    const Column wide(VectorType::f32, kDimMax, encoded(VectorType::f32, clustered(80, kDimMax, 46)));
    const std::vector<uint8_t> query = encoded(VectorType::f32, clustered(1, kDimMax, 47));
    IvfBuildParams build = paramsOf(kind, Metric::l2, 2);
    build.subs = 64;
    build.nbits = 4;
    EXPECT(compare(built(wide.view, build), wide.view, Metric::l2, query, 1, {}, params, {2, 80}, "widest") >= 0.4);
  }
}

void sameFileForAnyThreads() {
  const Column column(VectorType::f32, 24, encoded(VectorType::f32, clustered(8000, 24, 51)));
  const Column bits(VectorType::binary, 64, encoded(VectorType::binary, clustered(8000, 64, 51)));
  for (const IvfKind kind : {IvfKind::flat, IvfKind::pq, IvfKind::rabitq, IvfKind::binary}) {
    const VectorView& view = kind == IvfKind::binary ? bits.view : column.view;
    IvfBuildParams params = paramsOf(kind, kind == IvfKind::binary ? Metric::hamming : Metric::l2);
    const Built one = built(view, params);
    params.threads = 3;
    int32_t progress = 0;
    const Result<AlignedBytes> three = buildIvf(view, {}, params, {{}, &progress});
    CHECK_OK(three.status);
    EXPECT(progress == 8000 && one.file.size() == three.value.size() && std::memcmp(one.file.data(), three.value.data(), one.file.size()) == 0);
    const int32_t raised = 1;
    EXPECT(buildIvf(view, {}, params, {{&raised}, nullptr}).status.code == StatusCode::canceled);
    Hits hits(1, 10);
    std::vector<uint8_t> query(rowBytes(view.type, view.dim), 1);
    EXPECT(one.index.search(view, query.data(), 1, {}, {}, {}, {&raised}, hits.buffer, nullptr).code == StatusCode::canceled);
  }
}

void wrongParametersAreRefused() {
  const Column column(VectorType::f32, 24, encoded(VectorType::f32, clustered(100, 24, 51)));
  const auto refused = [&](IvfKind kind, Metric metric, uint32_t lists, uint32_t subs, uint32_t nbits) {
    IvfBuildParams params = paramsOf(kind, metric, lists);
    params.subs = subs;
    params.nbits = nbits;
    return buildIvf(column.view, {}, params, {}).status.code == StatusCode::invalidArgument;
  };
  EXPECT(refused(IvfKind::flat, Metric::l2, 0, 0, 8) && refused(IvfKind::flat, Metric::l2, 65537, 0, 8) && refused(IvfKind::flat, Metric::hamming, 4, 0, 8));
  EXPECT(refused(IvfKind::binary, Metric::l2, 4, 0, 8) && refused(IvfKind::pq, Metric::l2, 4, 5, 8) && refused(IvfKind::pq, Metric::l2, 4, 0, 8));
  EXPECT(refused(IvfKind::pq, Metric::l2, 4, 6, 0) && refused(IvfKind::pq, Metric::l2, 4, 6, 9));
}

void damagedFilesAreRefusedOrHarmless() {
  const uint32_t rows = 3000;
  for (const IvfKind kind : {IvfKind::flat, IvfKind::sq8, IvfKind::pq, IvfKind::scann, IvfKind::rabitq, IvfKind::binary}) {
    const bool binary = kind == IvfKind::binary;
    const VectorType type = binary ? VectorType::binary : VectorType::f32;
    const Column column(type, 24, encoded(type, clustered(rows, 24, 61)));
    const std::vector<uint8_t> queries = encoded(type, clustered(3, 24, 62));
    const Built whole = built(column.view, paramsOf(kind, binary ? Metric::jaccard : Metric::l2, 20));
    const Mask half = randomMask(rows, 0.5, 63);
    Random random(64);
    for (uint32_t round = 0; round < 150; ++round) {
      const size_t size = round % 10 == 0 ? random.below(static_cast<uint32_t>(whole.file.size())) : whole.file.size();
      AlignedBytes copy = AlignedBytes::allocate(size + 64);
      std::memcpy(copy.data(), whole.file.data(), size);
      // The later rounds leave the header whole, so that only use can notice; some of them harm the small sections before the codes.
      const uint32_t from = round < 30 ? 0 : 256;
      const uint32_t until = static_cast<uint32_t>(round % 2 == 0 ? size : std::min<size_t>(size, 12'000));
      for (uint32_t i = 0; i < 60 && until > from; ++i) copy.data()[from + random.below(until - from)] = static_cast<uint8_t>(random.next());
      const Result<IvfIndex> index = IvfIndex::open(copy.data(), size);
      if (!index.status.ok()) continue;
      EXPECT(!index.value.verify().ok());
      SearchParams params;
      Hits hits(3, 10);
      for (const Bitset& visible : {Bitset{}, half.view()}) {
        CHECK_OK(index.value.search(column.view, queries.data(), 3, visible, params, {4, 0}, {}, hits.buffer, nullptr));
        for (uint32_t q = 0; q < 3; ++q) for (uint32_t i = 0; i < hits.counts[q]; ++i) EXPECT(hits.rows[q * 10 + i] < rows && visible.test(hits.rows[q * 10 + i]));
      }
    }
  }
}

}  // namespace
}  // namespace redkite::test

int main() {
  using namespace redkite::test;
  run("IVF_FLAT is exact within its lists, for every type, metric, k and filter", flatIsExactWithinItsLists);
  run("every kind, type, metric and selectivity keeps its recall and gives k rows", everyKindTypeAndSelectivity);
  run("filters correlated with the query", correlatedFilters);
  run("ranges and groups", rangesAndGroups);
  run("NaN, infinity, duplicates, one row, no row, dimensions from 1 to the widest", oddColumns);
  run("any number of threads builds the same file; builds and searches can be canceled", sameFileForAnyThreads);
  run("wrong parameters are refused", wrongParametersAreRefused);
  run("damaged files are refused or harmless", damagedFilesAreRefusedOrHarmless);
  return 0;
}
