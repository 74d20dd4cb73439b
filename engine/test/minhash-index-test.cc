#include "redkite/minhash-index.h"

#include <limits>
#include <set>

#include "redkite/flat.h"
#include "vectors.h"

namespace redkite::test {
namespace {

constexpr uint32_t kElements = 48;

/// Signatures in families of about ten: each row has the elements of its family's first one, but for a share of its own.
std::vector<uint8_t> signatures(uint32_t rows, uint32_t elements, uint32_t width, uint64_t seed, uint64_t familySeed = 9) {
  Random random(seed);
  Random familyRandom(familySeed);
  const size_t stride = size_t{elements} * width;
  const uint32_t families = std::max(1u, rows / 10);
  std::vector<uint8_t> first(families * stride);
  for (uint8_t& byte : first) byte = static_cast<uint8_t>(familyRandom.next());
  std::vector<uint8_t> bytes(rows * stride);
  for (uint32_t row = 0; row < rows; ++row) {
    uint8_t* to = bytes.data() + row * stride;
    std::memcpy(to, first.data() + random.below(families) * stride, stride);
    const double changed = uniform(random) * 0.8;
    for (uint32_t e = 0; e < elements; ++e) {
      if (uniform(random) >= changed) continue;
      for (uint32_t b = 0; b < width; ++b) to[e * width + b] = static_cast<uint8_t>(random.next());
    }
  }
  return bytes;
}

struct Built {
  AlignedBytes file;
  MinHashIndex index;
};

Built built(const VectorView& view, const MinHashBuildParams& params, const Bitset& indexed = {}) {
  Result<AlignedBytes> result = buildMinHash(view, indexed, params, {});
  CHECK_OK(result.status);
  Built all{std::move(result.value), {}};
  const Result<MinHashIndex> opened = MinHashIndex::open(all.file.data(), all.file.size());
  CHECK_OK(opened.status);
  EXPECT(all.file.size() <= minHashBuildBytesMax(view.dim, view.rows, params));
  all.index = opened.value;
  CHECK_OK(all.index.verify());
  return all;
}

uint32_t equalElements(const uint8_t* a, const uint8_t* b, uint32_t elements, uint32_t width) {
  uint32_t equal = 0;
  for (uint32_t e = 0; e < elements; ++e) equal += std::memcmp(a + e * width, b + e * width, width) == 0 ? 1 : 0;
  return equal;
}

bool sharesBand(const uint8_t* a, const uint8_t* b, uint32_t elements, uint32_t width, uint32_t bands) {
  const uint32_t count = std::min(bands, elements), bytes = elements / count * width;
  for (uint32_t band = 0; band < count; ++band) if (std::memcmp(a + band * bytes, b + band * bytes, bytes) == 0) return true;
  return false;
}

Mask maskOf(uint32_t rows, double share, const Mask& valid, uint64_t seed) {
  Mask mask = randomMask(rows, share, seed);
  for (size_t w = 0; w < mask.words.size(); ++w) mask.words[w] &= valid.words[w];
  return mask;
}

void scansAreExact() {
  const uint32_t rows = 700, nq = 5;
  for (const uint32_t width : {1u, 2u, 3u, 4u, 8u, 32u}) {
    const Column column(VectorType::binary, kElements * width * 8, signatures(rows, kElements, width, 1), 8);
    const std::vector<uint8_t> queries = signatures(nq, kElements, width, 2);
    for (const uint32_t bands : {1u, 5u, 12u, 48u, 5000u}) {
      SearchParams params;
      params.k = rows;
      params.minHash = {width, bands, true};
      Hits estimates(nq, rows), shared(nq, rows);
      CHECK_OK(flatSearch(column.view, Metric::mhjaccard, queries.data(), nq, {}, params, {}, estimates.buffer, nullptr));
      params.minHash.estimate = false;
      CHECK_OK(flatSearch(column.view, Metric::mhjaccard, queries.data(), nq, {}, params, {}, shared.buffer, nullptr));
      for (uint32_t q = 0; q < nq; ++q) {
        const uint8_t* query = queries.data() + size_t{q} * kElements * width;
        EXPECT(estimates.counts[q] == rows);
        for (uint32_t i = 0; i < rows; ++i) {
          const uint32_t row = estimates.rows[q * rows + i];
          const float score = static_cast<float>(equalElements(query, column.view.row(row), kElements, width)) / kElements;
          EXPECT(estimates.scores[q * rows + i] == score, "estimate of width " + std::to_string(width));
        }
        std::vector<uint32_t> expected;
        for (uint32_t row = 0; row < rows; ++row) if (sharesBand(query, column.view.row(row), kElements, width, bands)) expected.push_back(row);
        EXPECT(shared.counts[q] == expected.size(), "rows that share a band of width " + std::to_string(width));
        for (uint32_t i = 0; i < expected.size(); ++i) EXPECT(shared.rows[q * rows + i] == expected[i] && shared.scores[q * rows + i] == 1);
      }
    }
  }
}

void sharedBandsAreThoseOfAScan() {
  const uint32_t rows = 4000, nq = 12;
  const Mask valid = randomMask(rows, 0.95, 3);
  const GroupBy group{[](const void*, uint32_t row) { return uint64_t{row % 13}; }, nullptr, 2};
  const ScoreRange inside{0.4f, 1.0f, true}, outside{1.0f, 0, false};
  for (const uint32_t width : {1u, 4u, 8u}) {
    const Column column(VectorType::binary, kElements * width * 8, signatures(rows, kElements, width, 1), 10);
    const std::vector<uint8_t> queries = signatures(nq, kElements, width, 2);
    for (const uint32_t bands : {1u, 7u, 16u, 48u}) {
      const Built index = built(column.view, {width, bands, 2}, valid.view());
      for (const double share : {0.0, 0.0003, 0.01, 0.3, 1.0}) {
        const Mask mask = maskOf(rows, share, valid, 4);
        for (const uint32_t k : {1u, 3u, 200u}) {
          for (int variant = 0; variant < 4; ++variant) {
            SearchParams params;
            params.k = variant == 3 ? std::min(k, 5u) : k;
            params.minHash = {width, bands, false};
            params.range = variant == 1 ? &inside : variant == 2 ? &outside : nullptr;
            params.group = variant == 3 ? &group : nullptr;
            const size_t most = params.hitsMax();
            Hits exact(nq, most), found(nq, most);
            CHECK_OK(flatSearch(column.view, Metric::mhjaccard, queries.data(), nq, mask.view(), params, {}, exact.buffer, nullptr));
            CHECK_OK(index.index.search(column.view, queries.data(), nq, mask.view(), params, {}, found.buffer, nullptr));
            const std::string where = "width " + std::to_string(width) + " bands " + std::to_string(bands) + " share " + std::to_string(share) + " k " +
                                      std::to_string(k) + " variant " + std::to_string(variant);
            EXPECT(exact.counts == found.counts, where);
            for (uint32_t q = 0; q < nq; ++q) {
              for (size_t i = q * most; i < q * most + exact.counts[q]; ++i) EXPECT(exact.rows[i] == found.rows[i] && exact.scores[i] == found.scores[i], where);
            }
          }
        }
      }
    }
  }
}

/// Checks counts, order, visibility and scores; answers the share of the scan's hits that were found, ties counting.
double compare(const Built& built, const VectorView& view, const std::vector<uint8_t>& queries, uint32_t nq, const Bitset& visible, const SearchParams& params,
               const std::string& where, SearchStats* stats = nullptr) {
  const size_t most = params.hitsMax();
  Hits exact(nq, most), found(nq, most);
  CHECK_OK(flatSearch(view, Metric::mhjaccard, queries.data(), nq, visible, params, {}, exact.buffer, nullptr));
  CHECK_OK(built.index.search(view, queries.data(), nq, visible, params, {}, found.buffer, stats));
  const uint32_t width = params.minHash.elementBytes, elements = view.dim / 8 / width;
  uint32_t good = 0, total = 0;
  for (uint32_t q = 0; q < nq; ++q) {
    const uint8_t* query = queries.data() + q * rowBytes(view.type, view.dim);
    const size_t begin = q * most;
    EXPECT(found.counts[q] == exact.counts[q] || params.range != nullptr, where + ": " + std::to_string(found.counts[q]) + " hits of " + std::to_string(exact.counts[q]));
    total += exact.counts[q];
    std::set<uint32_t> seen;
    for (uint32_t i = 0; i < found.counts[q]; ++i) {
      const uint32_t row = found.rows[begin + i];
      const float score = found.scores[begin + i];
      EXPECT(row < view.rows && visible.test(row) && seen.insert(row).second, where);
      EXPECT(score == static_cast<float>(equalElements(query, view.row(row), elements, width)) / static_cast<float>(elements), where + ": score");
      EXPECT(params.range == nullptr || params.range->contains(Metric::mhjaccard, score), where + ": range");
      good += exact.counts[q] > 0 && score >= exact.scores[begin + exact.counts[q] - 1] ? 1 : 0;
      if (i == 0) continue;
      EXPECT(found.scores[begin + i - 1] > score || (found.scores[begin + i - 1] == score && found.rows[begin + i - 1] < row), where + ": order");
    }
    // A row with fewer unequal elements than there are bands shares one, so that it is never missed.
    for (uint32_t i = 0; i < exact.counts[q] && params.refineRows == 0 && params.group == nullptr; ++i) {
      const float score = exact.scores[begin + i];
      const bool sure = (1 - static_cast<double>(score)) * elements < std::min(params.minHash.bands, elements);
      if (sure) EXPECT(i < found.counts[q] && found.scores[begin + i] == score, where + ": a row that cannot be missed");
    }
  }
  return total == 0 ? 1 : static_cast<double>(std::min(good, total)) / total;
}

void estimatesKeepTheirPromises() {
  const uint32_t rows = 6000, nq = 20;
  const Mask valid = randomMask(rows, 0.95, 3);
  const GroupBy group{[](const void*, uint32_t row) { return uint64_t{row % 13}; }, nullptr, 2};
  const ScoreRange near{0.75f, 0.98f, true}, far{0.1f, 0, false}, all{-std::numeric_limits<float>::infinity(), 0.5f, true};
  for (const uint32_t width : {1u, 2u, 4u, 8u}) {
    const Column column(VectorType::binary, kElements * width * 8, signatures(rows, kElements, width, 1), 10);
    const std::vector<uint8_t> queries = signatures(nq, kElements, width, 2);
    for (const uint32_t bands : {1u, 8u, 16u, 48u}) {
      const Built index = built(column.view, {width, bands, 1}, valid.view());
      for (const double share : {0.0, 0.0003, 0.01, 0.3, 1.0}) {
        const Mask mask = maskOf(rows, share, valid, 4);
        for (const uint32_t k : {1u, 10u, 500u}) {
          SearchParams params;
          params.k = k;
          params.minHash = {width, bands, true};
          const std::string where = "width " + std::to_string(width) + " bands " + std::to_string(bands) + " share " + std::to_string(share) + " k " + std::to_string(k);
          const double recall = compare(index, column.view, queries, nq, mask.view(), params, where);
          // 48 bands of one element find whatever has an element in common.
          EXPECT(recall >= (bands == 48 ? 1.0 : bands == 1 ? 0.0 : 0.5), where + " recall " + std::to_string(recall));
          params.recallTarget = 0.999f;
          EXPECT(compare(index, column.view, queries, nq, mask.view(), params, where) >= recall, where + " with a recall target");
          params.recallTarget = 0;
          params.refineRows = 5;
          compare(index, column.view, queries, nq, mask.view(), params, where + " capped");
          params.refineRows = 0;
          for (const ScoreRange* range : {&near, &far, &all}) {
            params.range = range;
            const double within = compare(index, column.view, queries, nq, mask.view(), params, where + " in a range");
            EXPECT(range == &near || bands == 8 || bands == 16 || within >= 0.99 || k < 500, where + " in a range, recall " + std::to_string(within));
          }
          params.range = nullptr;
          params.group = &group;
          params.k = std::min(k, 6u);
          compare(index, column.view, queries, nq, mask.view(), params, where + " in groups");
        }
      }
    }
  }
}

void fewCandidatesAreCompletedAndLikeRowsAreFound() {
  const uint32_t rows = 20'000, nq = 50, width = 4;
  const Column column(VectorType::binary, 128 * width * 8, signatures(rows, 128, width, 1));
  const std::vector<uint8_t> unlike = signatures(nq, 128, width, 2, 1234);
  const Built index = built(column.view, {width, 32, 1});
  SearchParams params;
  params.minHash = {width, 32, true};
  SearchStats stats;
  EXPECT(compare(index, column.view, unlike, nq, {}, params, "unlike anything", &stats) == 1);
  EXPECT(stats.distances >= uint64_t{nq} * rows, "an exact pass compares every row");
  // Rows that equal the query in 80 of 100 elements share one of 32 bands of 4 with probability 1 - (1 - 0.8^4)^32 = 0.9999999.
  std::vector<uint8_t> like(column.storage[0].begin(), column.storage[0].begin() + nq * 512);
  Random random(5);
  for (uint32_t q = 0; q < nq; ++q) for (uint32_t e = 0; e < 128; ++e) if (random.chance(5)) like[(q * 128 + e) * 4] ^= 1;
  stats = {};
  params.k = 1;
  EXPECT(compare(index, column.view, like, nq, {}, params, "like", &stats) == 1);
  EXPECT(stats.distances < uint64_t{nq} * 200 && stats.path == SearchPath::lists, std::to_string(stats.distances) + " comparisons");
}

void oddColumns() {
  const uint32_t width = 4, dim = kElements * width * 8;
  SearchParams params;
  params.minHash = {width, 12, true};
  const std::vector<uint8_t> queries = signatures(3, kElements, width, 2);
  for (const uint32_t rows : {0u, 1u, 4u, 5u, 9u}) {
    const Column column(VectorType::binary, dim, signatures(rows, kElements, width, 1));
    const Built index = built(column.view, {width, 12, 4});
    for (const bool estimate : {true, false}) {
      params.minHash.estimate = estimate;
      Hits exact(3, 10), found(3, 10);
      CHECK_OK(flatSearch(column.view, Metric::mhjaccard, queries.data(), 3, {}, params, {}, exact.buffer, nullptr));
      CHECK_OK(index.index.search(column.view, queries.data(), 3, {}, params, {}, found.buffer, nullptr));
      EXPECT(exact.counts == found.counts && exact.rows == found.rows && exact.scores == found.scores, std::to_string(rows) + " rows");
    }
  }
  // A hundred thousand copies of one row, and none of the query's among 1,000 others; no row with a vector.
  const uint32_t copies = 100'000;
  std::vector<uint8_t> bytes = signatures(copies + 1000, kElements, width, 1);
  for (uint32_t row = 0; row < copies; ++row) std::memcpy(bytes.data() + size_t{row} * kElements * width, queries.data(), kElements * width);
  const Column column(VectorType::binary, dim, bytes);
  const Built index = built(column.view, {width, 12, 2});
  const Mask few = randomMask(copies + 1000, 0.0005, 8);
  for (const Bitset& visible : {Bitset{}, few.view()}) {
    for (const bool estimate : {true, false}) {
      params.minHash.estimate = estimate;
      SearchStats stats;
      Hits exact(3, 10), found(3, 10);
      CHECK_OK(flatSearch(column.view, Metric::mhjaccard, queries.data(), 3, visible, params, {}, exact.buffer, nullptr));
      CHECK_OK(index.index.search(column.view, queries.data(), 3, visible, params, {}, found.buffer, &stats));
      EXPECT(exact.counts == found.counts && exact.rows == found.rows && exact.scores == found.scores, "copies");
      // Which rows share a band is known after the first ten of each band.
      if (!estimate && visible.all()) EXPECT(stats.distances < 1000, std::to_string(stats.distances) + " comparisons");
    }
  }
  const Mask none(copies + 1000);
  const Built empty = built(column.view, {width, 12, 2}, none.view());
  Hits found(3, 10);
  CHECK_OK(empty.index.search(column.view, queries.data(), 3, none.view(), params, {}, found.buffer, nullptr));
  EXPECT(found.counts[0] == 0 && empty.index.info().nodes == 0);
}

void sameFileForAnyThreads() {
  const Column column(VectorType::binary, kElements * 32, signatures(9000, kElements, 4, 1));
  const Built one = built(column.view, {4, 12, 1});
  int32_t progress = 0;
  const Result<AlignedBytes> three = buildMinHash(column.view, {}, {4, 12, 3}, {{}, &progress});
  CHECK_OK(three.status);
  EXPECT(progress == 9000 && one.file.size() == three.value.size() && std::memcmp(one.file.data(), three.value.data(), one.file.size()) == 0);
  const int32_t raised = 1;
  EXPECT(buildMinHash(column.view, {}, {4, 12, 1}, {{&raised}, nullptr}).status.code == StatusCode::canceled);
  SearchParams params;
  params.minHash = {4, 12, true};
  Hits hits(1, 10);
  EXPECT(one.index.search(column.view, column.view.row(0), 1, {}, params, {&raised}, hits.buffer, nullptr).code == StatusCode::canceled);
}

void wrongParametersAreRefused() {
  const Column column(VectorType::binary, 96, signatures(100, 12, 1, 1));
  const Column floats(VectorType::f32, 8, encoded(VectorType::f32, clustered(10, 8, 1)));
  const auto refused = [](const VectorView& view, const MinHashBuildParams& params) {
    return buildMinHash(view, {}, params, {}).status.code == StatusCode::invalidArgument;
  };
  EXPECT(refused(column.view, {0, 4, 1}) && refused(column.view, {33, 4, 1}) && refused(column.view, {8, 4, 1}) && refused(column.view, {1, 0, 1}));
  EXPECT(refused(floats.view, {4, 4, 1}) && !refused(column.view, {3, 4000, 1}));
  const Built index = built(column.view, {4, 3, 1});
  SearchParams params;
  Hits hits(1, 10);
  const auto searched = [&](const VectorView& view, const MinHash& minHash) {
    params.minHash = minHash;
    return index.index.search(view, column.view.row(0), 1, {}, params, {}, hits.buffer, nullptr).code;
  };
  EXPECT(searched(column.view, {4, 3, true}) == StatusCode::ok && searched(column.view, {4, 900, true}) == StatusCode::ok);
  EXPECT(searched(column.view, {2, 3, true}) == StatusCode::invalidArgument && searched(column.view, {4, 2, true}) == StatusCode::invalidArgument);
  EXPECT(searched(column.view, {0, 3, true}) == StatusCode::invalidArgument && searched(column.view, {4, 0, true}) == StatusCode::invalidArgument);
  EXPECT(searched(floats.view, {4, 3, true}) == StatusCode::invalidArgument);
  params.minHash = {5, 1, true};
  EXPECT(flatSearch(column.view, Metric::mhjaccard, column.view.row(0), 1, {}, params, {}, hits.buffer, nullptr).code == StatusCode::invalidArgument);
}

void damagedFilesAreRefusedOrHarmless() {
  const uint32_t rows = 3000;
  const Column column(VectorType::binary, kElements * 32, signatures(rows, kElements, 4, 1));
  const std::vector<uint8_t> queries = signatures(3, kElements, 4, 2);
  const Built whole = built(column.view, {4, 12, 1});
  const Mask half = randomMask(rows, 0.5, 63);
  Random random(64);
  for (uint32_t round = 0; round < 400; ++round) {
    const size_t size = round % 10 == 0 ? random.below(static_cast<uint32_t>(whole.file.size())) : whole.file.size();
    AlignedBytes copy = AlignedBytes::allocate(size + 64);
    std::memcpy(copy.data(), whole.file.data(), size);
    // The later rounds leave the header whole, so that only use can notice.
    const uint32_t from = round < 60 ? 0 : 256;
    for (uint32_t i = 0; i < 2000 && size > from; ++i) copy.data()[from + random.below(static_cast<uint32_t>(size) - from)] = static_cast<uint8_t>(random.next());
    const Result<MinHashIndex> index = MinHashIndex::open(copy.data(), size);
    EXPECT(index.status.ok() || index.status.code == StatusCode::corrupted);
    if (!index.status.ok()) continue;
    const Status verified = index.value.verify();
    EXPECT(verified.code == StatusCode::corrupted && verified.message.find("block 0 of 1") != std::string::npos, verified.message);
    for (const bool estimate : {true, false}) {
      SearchParams params;
      params.minHash = {4, 12, estimate};
      Hits hits(3, 10);
      for (const Bitset& visible : {Bitset{}, half.view()}) {
        CHECK_OK(index.value.search(column.view, queries.data(), 3, visible, params, {}, hits.buffer, nullptr));
        for (uint32_t q = 0; q < 3; ++q) {
          EXPECT(!estimate || hits.counts[q] == 10);
          for (uint32_t i = 0; i < hits.counts[q]; ++i) EXPECT(hits.rows[q * 10 + i] < rows && visible.test(hits.rows[q * 10 + i]));
        }
      }
    }
  }
}

}  // namespace
}  // namespace redkite::test

int main() {
  using namespace redkite::test;
  run("scans give exact estimates, and the rows that share a band, for every width", scansAreExact);
  run("rows that share a band are those of a scan, under any filter, range and group", sharedBandsAreThoseOfAScan);
  run("estimates are exact, k rows come back, and sure rows are never missed", estimatesKeepTheirPromises);
  run("too few candidates are completed by an exact pass, like rows found without one", fewCandidatesAreCompletedAndLikeRowsAreFound);
  run("no row, one row, a hundred thousand copies", oddColumns);
  run("any number of threads builds the same file; builds and searches can be canceled", sameFileForAnyThreads);
  run("wrong parameters are refused", wrongParametersAreRefused);
  run("damaged files are refused or harmless", damagedFilesAreRefusedOrHarmless);
  return 0;
}
