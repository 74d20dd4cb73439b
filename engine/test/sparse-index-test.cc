#include "redkite/sparse-index.h"

#include <limits>

#include "redkite/flat.h"
#include "vectors.h"

namespace redkite::test {
namespace {

struct Pair {
  uint32_t index;
  float value;
};
using Rows = std::vector<std::vector<Pair>>;

/// Few dimensions are common and most are rare, as words are.
Rows documents(uint32_t rows, uint64_t seed, bool negative) {
  Random random(seed);
  Rows all(rows);
  for (auto& row : all) {
    std::vector<uint32_t> words;
    for (uint32_t i = random.below(40); i > 0; --i) {
      const double u = uniform(random);
      words.push_back(static_cast<uint32_t>(3000 * u * u * u * u));
    }
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    for (const uint32_t word : words) row.push_back({word * 7, static_cast<float>(uniform(random)) - (negative ? 0.4f : 0.0f)});
  }
  return all;
}

SparseView viewOf(const Rows& rows) {
  return {static_cast<uint32_t>(rows.size()), &rows, [](const void* context, uint32_t row) {
    const auto& all = *static_cast<const Rows*>(context);
    return SparseRow{reinterpret_cast<const uint8_t*>(all[row].data()), static_cast<uint32_t>(all[row].size() * 8)};
  }};
}

std::vector<SparseRow> queriesOf(const Rows& rows) {
  std::vector<SparseRow> queries;
  for (const auto& row : rows) queries.push_back({reinterpret_cast<const uint8_t*>(row.data()), static_cast<uint32_t>(row.size() * 8)});
  return queries;
}

/// The same words counted: most come once, one in many documents very often, and some not at all.
Rows counted(Rows rows, uint64_t seed) {
  Random random(seed);
  for (auto& row : rows) {
    for (Pair& pair : row) {
      pair.value = static_cast<float>(1 + random.below(3));
      if (random.chance(200)) pair.value = 50'000;
      if (random.chance(500)) pair.value = 1e20f;
      if (random.chance(500)) pair.value = 0;
    }
  }
  return rows;
}

AlignedBytes built(const Rows& rows, const Bitset& indexed = {}, const SparseBuildParams& params = {}) {
  Result<AlignedBytes> file = buildSparseIndex(viewOf(rows), indexed, params, {});
  CHECK_OK(file.status);
  return std::move(file.value);
}

SparseIndex opened(const AlignedBytes& file) {
  const Result<SparseIndex> index = SparseIndex::open(file.data(), file.size());
  CHECK_OK(index.status);
  CHECK_OK(index.value.verify());
  return index.value;
}

/// Every hit and score of the index is that of the scan, for each filter, k, range and groups.
void expectTheScan(const Rows& rows, const Rows& asked, const SparseBuildParams& build, const std::vector<Bm25>& searches) {
  const uint32_t count = static_cast<uint32_t>(rows.size());
  const uint32_t nq = static_cast<uint32_t>(asked.size());
  const std::vector<SparseRow> queries = queriesOf(asked);
  const Mask valid = randomMask(count, 0.95, 3);
  const AlignedBytes file = built(rows, valid.view(), build);
  const SparseIndex index = opened(file);
  EXPECT(index.metric() == build.metric);
  for (const double share : {0.0, 0.003, 0.3, 1.0}) {
    Mask mask = randomMask(count, share, 4);
    for (size_t w = 0; w < mask.words.size(); ++w) mask.words[w] &= valid.words[w];
    for (const Bm25& bm25 : searches) {
      for (const uint32_t k : {1u, 10u, 500u}) {
        const ScoreRange range{0.3f, 1.5f, true};
        const GroupBy group{[](const void*, uint32_t row) { return uint64_t{row % 13}; }, nullptr, 2};
        for (int variant = 0; variant < 3; ++variant) {
          SearchParams params;
          params.k = variant == 2 ? 5 : k;
          params.bm25 = bm25;
          params.range = variant == 1 ? &range : nullptr;
          params.group = variant == 2 ? &group : nullptr;
          Hits exact(nq, params.hitsMax()), found(nq, params.hitsMax());
          CHECK_OK(sparseFlatSearch(viewOf(rows), build.metric, queries.data(), nq, mask.view(), params, {}, exact.buffer, nullptr));
          CHECK_OK(index.search(queries.data(), nq, mask.view(), params, {}, {}, found.buffer, nullptr));
          EXPECT(exact.counts == found.counts);
          for (uint32_t q = 0; q < nq; ++q) {
            for (size_t i = q * params.hitsMax(); i < q * params.hitsMax() + exact.counts[q]; ++i) {
              EXPECT(exact.rows[i] == found.rows[i] && exact.scores[i] == found.scores[i]);
            }
          }
        }
      }
    }
  }
}

void answersAsTheScan() {
  for (const bool negative : {false, true}) expectTheScan(documents(10'000, 1, negative), documents(25, 2, negative), {}, {{}});
  // Smaller than a window and a block, and without lists that many rows are in.
  for (const uint32_t rows : {0u, 1u, 63u, 127u, 129u}) expectTheScan(documents(rows, 5, false), documents(4, 6, false), {}, {{}});
}

void ranksTermsAsTheScan() {
  const std::vector<Bm25> searches = {{1.2f, 0.75f, 60}, {1.2f, 0.75f, 0}, {1.2f, 0.75f, 1e6f}, {0.5f, 0.2f, 50}, {3, 1, 200}, {0, 0.75f, 60}};
  const Rows asked = documents(6, 2, false);
  for (const Bm25& build : {Bm25{}, Bm25{0, 0, 1}, Bm25{3, 1, 1}}) {
    expectTheScan(counted(documents(10'000, 1, false), 7), asked, {Metric::bm25, build}, searches);
  }
  expectTheScan(counted(documents(300, 1, true), 7), documents(6, 2, true), {Metric::bm25, {}}, searches);
  expectTheScan({{{5, 3}}}, {{{5, 1}}}, {Metric::bm25, {}}, searches);
  // Thousands of equal rows.
  expectTheScan(Rows(9000, {{5, 3}, {7, 1}}), {{{5, 1}}, {{5, 0.1f}, {7, 2}}}, {Metric::bm25, {}}, searches);
}

void readsFewRows() {
  const Rows rows = counted(documents(20'000, 1, false), 3);
  const Rows asked = {rows[3], rows[77]};
  const std::vector<SparseRow> queries = queriesOf(asked);
  Hits hits(2, 10);
  for (const Metric metric : {Metric::ip, Metric::bm25}) {
    const AlignedBytes file = built(rows, {}, {metric, {}});
    SearchParams params;
    params.bm25.avgdl = 30;
    SearchStats stats;
    CHECK_OK(opened(file).search(queries.data(), 2, {}, params, {}, {}, hits.buffer, &stats));
    EXPECT(stats.exactDistances < 2'000 && stats.distances < 2 * 20'000 * 10);
  }
}

void dropsEntries() {
  const Rows rows = documents(20'000, 1, false);
  const AlignedBytes file = built(rows);
  const SparseIndex index = opened(file);
  // Dropping everything but the largest entry asks one list.
  const Rows both = {{{7, 0.1f}, {14, 0.9f}}}, one = {{{14, 0.9f}}};
  SearchParams params;
  Hits dropped(1, 10), exact(1, 10);
  CHECK_OK(index.search(queriesOf(both).data(), 1, {}, params, {0.5f}, {}, dropped.buffer, nullptr));
  CHECK_OK(sparseFlatSearch(viewOf(rows), Metric::ip, queriesOf(one).data(), 1, {}, params, {}, exact.buffer, nullptr));
  EXPECT(dropped.rows == exact.rows && dropped.scores == exact.scores && exact.counts[0] == 10);
  EXPECT(index.search(queriesOf(both).data(), 1, {}, params, {1.0f}, {}, dropped.buffer, nullptr).code == StatusCode::invalidArgument);
}

void oddRows() {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  Rows rows(5000, {{5, 1.0f}});
  rows[7] = {{5, nan}};
  rows[9] = {{5, infinity}, {6, 1}};
  rows[11] = {};
  rows[4999] = {{0xffffffffu, 2.0f}, };
  const AlignedBytes file = built(rows);
  const SparseIndex index = opened(file);
  const Rows asked = {{{5, 1}}, {{5, -1}, {6, 1}}, {{0xffffffffu, 1}}, {}, {{5, nan}}};
  const std::vector<SparseRow> queries = queriesOf(asked);
  SearchParams params;
  Hits exact(5, 10), found(5, 10);
  CHECK_OK(sparseFlatSearch(viewOf(rows), Metric::ip, queries.data(), 5, {}, params, {}, exact.buffer, nullptr));
  CHECK_OK(index.search(queries.data(), 5, {}, params, {}, {}, found.buffer, nullptr));
  EXPECT(exact.counts == found.counts && exact.rows == found.rows);
  const AlignedBytes none = built({});
  CHECK_OK(opened(none).search(queries.data(), 5, {}, params, {}, {}, found.buffer, nullptr));
  EXPECT(found.counts[0] == 0);
  const Rows torn = {{{5, 1}, {5, 1}}};
  EXPECT(buildSparseIndex(viewOf(torn), {}, {}, {}).status.code == StatusCode::corrupted);
  EXPECT(buildSparseIndex(viewOf(rows), {}, {Metric::l2, {}}, {}).status.code == StatusCode::invalidArgument);
  EXPECT(buildSparseIndex(viewOf(rows), {}, {Metric::bm25, {4, 0.5f, 1}}, {}).status.code == StatusCode::invalidArgument);
  const int32_t raised = 1;
  EXPECT(buildSparseIndex(viewOf(rows), {}, {}, {{&raised}, nullptr}).status.code == StatusCode::canceled);
}

void damagedFilesAreRefusedOrHarmless() {
  const Rows rows = counted(documents(6000, 1, false), 2);
  const Rows asked = documents(3, 9, false);
  const std::vector<SparseRow> queries = queriesOf(asked);
  Random random(5);
  for (const Metric metric : {Metric::ip, Metric::bm25}) {
    const AlignedBytes file = built(rows, {}, {metric, {}});
    for (uint32_t round = 0; round < 400; ++round) {
      // The last rounds keep the header whole, so that only use can notice.
      const size_t size = round % 10 == 0 ? random.below(static_cast<uint32_t>(file.size())) : file.size();
      AlignedBytes copy = AlignedBytes::allocate(size + 64);
      std::memcpy(copy.data(), file.data(), size);
      const uint32_t from = round < 100 ? 0 : 128;
      for (uint32_t i = 0; i < 40 && size > from; ++i) copy.data()[from + random.below(static_cast<uint32_t>(size - from))] = static_cast<uint8_t>(random.next());
      const Result<SparseIndex> index = SparseIndex::open(copy.data(), size);
      if (!index.status.ok()) continue;
      EXPECT(!index.value.verify().ok());
      SearchParams params;
      Hits hits(3, 10);
      CHECK_OK(index.value.search(queries.data(), 3, {}, params, {}, {}, hits.buffer, nullptr));
      for (uint32_t q = 0; q < 3; ++q) for (uint32_t i = 0; i < hits.counts[q]; ++i) EXPECT(hits.rows[q * 10 + i] < 6000);
    }
  }
}

}  // namespace
}  // namespace redkite::test

int main() {
  using namespace redkite::test;
  run("every k, filter, range and group answers bit for bit as the scan", answersAsTheScan);
  run("BM25 for any numbers ranks bit for bit as the scan, whatever numbers the file was built for", ranksTermsAsTheScan);
  run("the scores of few rows are computed", readsFewRows);
  run("dropped entries are not asked", dropsEntries);
  run("NaN, infinity, empty rows and queries, torn rows", oddRows);
  run("damaged files are refused or harmless", damagedFilesAreRefusedOrHarmless);
  return 0;
}
