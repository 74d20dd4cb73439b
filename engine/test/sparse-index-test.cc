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

AlignedBytes built(const Rows& rows, const Bitset& indexed = {}) {
  Result<AlignedBytes> file = buildSparseIndex(viewOf(rows), indexed, {});
  CHECK_OK(file.status);
  return std::move(file.value);
}

SparseIndex opened(const AlignedBytes& file) {
  const Result<SparseIndex> index = SparseIndex::open(file.data(), file.size());
  CHECK_OK(index.status);
  CHECK_OK(index.value.verify());
  return index.value;
}

void answersAsTheScan() {
  constexpr uint32_t nq = 25;
  for (const bool negative : {false, true}) {
    const Rows rows = documents(10'000, 1, negative);
    const Rows asked = documents(nq, 2, negative);
    const std::vector<SparseRow> queries = queriesOf(asked);
    const Mask valid = randomMask(10'000, 0.95, 3);
    const AlignedBytes file = built(rows, valid.view());
    const SparseIndex index = opened(file);
    for (const double share : {0.0, 0.003, 0.3, 1.0}) {
      Mask mask = randomMask(10'000, share, 4);
      for (size_t w = 0; w < mask.words.size(); ++w) mask.words[w] &= valid.words[w];
      for (const uint32_t k : {1u, 10u, 500u}) {
        const ScoreRange range{0.3f, 1.5f, true};
        const GroupBy group{[](const void*, uint32_t row) { return uint64_t{row % 13}; }, nullptr, 2};
        for (int variant = 0; variant < 3; ++variant) {
          SearchParams params;
          params.k = variant == 2 ? 5 : k;
          params.range = variant == 1 ? &range : nullptr;
          params.group = variant == 2 ? &group : nullptr;
          for (const bool everyList : {false, true}) {
            Hits exact(nq, params.hitsMax()), found(nq, params.hitsMax());
            CHECK_OK(sparseFlatSearch(viewOf(rows), Metric::ip, queries.data(), nq, mask.view(), params, {}, exact.buffer, nullptr));
            CHECK_OK(index.search(queries.data(), nq, mask.view(), params, {0, everyList}, {}, found.buffer, nullptr));
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
}

void leavesListsOut() {
  const Rows rows = documents(20'000, 1, false);
  const AlignedBytes file = built(rows);
  const SparseIndex index = opened(file);
  const Rows asked = {rows[3], rows[77]};
  const std::vector<SparseRow> queries = queriesOf(asked);
  SearchParams params;
  Hits hits(2, 10);
  SearchStats skipping, whole;
  CHECK_OK(index.search(queries.data(), 2, {}, params, {}, {}, hits.buffer, &skipping));
  CHECK_OK(index.search(queries.data(), 2, {}, params, {0, true}, {}, hits.buffer, &whole));
  EXPECT(skipping.distances < whole.distances);
  // Dropping everything but the largest entry asks one list.
  const Rows one = {{{7, 0.1f}, {14, 0.9f}}};
  SearchStats dropped;
  CHECK_OK(index.search(queriesOf(one).data(), 1, {}, params, {0.5f, true}, {}, hits.buffer, &dropped));
  uint64_t holders = 0;
  for (const auto& row : rows) holders += std::any_of(row.begin(), row.end(), [](const Pair& pair) { return pair.index == 14; });
  EXPECT(dropped.distances == holders && holders > 0);
  EXPECT(index.search(queries.data(), 1, {}, params, {1.0f, false}, {}, hits.buffer, nullptr).code == StatusCode::invalidArgument);
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
  EXPECT(buildSparseIndex(viewOf(torn), {}, {}).status.code == StatusCode::corrupted);
  const int32_t raised = 1;
  EXPECT(buildSparseIndex(viewOf(rows), {}, {{&raised}, nullptr}).status.code == StatusCode::canceled);
}

void damagedFilesAreRefusedOrHarmless() {
  const Rows rows = documents(6000, 1, false);
  const AlignedBytes file = built(rows);
  const Rows asked = documents(3, 9, false);
  const std::vector<SparseRow> queries = queriesOf(asked);
  Random random(5);
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

}  // namespace
}  // namespace redkite::test

int main() {
  using namespace redkite::test;
  run("every k, filter, range and group answers bit for bit as the scan", answersAsTheScan);
  run("lists that cannot matter are left out and dropped entries are not asked", leavesListsOut);
  run("NaN, infinity, empty rows and queries, torn rows", oddRows);
  run("damaged files are refused or harmless", damagedFilesAreRefusedOrHarmless);
  return 0;
}
