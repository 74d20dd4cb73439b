// MINHASH_LSH over generated signatures: 128 elements of 32 bits, families of about ten rows that differ from each other in up to 80 % of
// their elements; 32 bands.
//
//   minhash-bench [rows 200000] [bands 32]
//
// Prints build time and bytes a row, then for queries like some rows and queries like none what a search costs and finds: bands alone, estimates,
// and the scan that both are compared with. CPU time of the process, best of 3.
#include <ctime>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../test/vectors.h"
#include "redkite/flat.h"
#include "redkite/minhash-index.h"

using namespace redkite;
using namespace redkite::test;

namespace {

constexpr uint32_t kElements = 128, kWidth = 4, kRowBytes = kElements * kWidth, kQueries = 200, kTop = 10;

double cpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::vector<uint8_t> signatures(uint32_t rows, uint64_t seed, uint64_t familySeed, uint32_t families) {
  Random random(seed), familyRandom(familySeed);
  std::vector<uint32_t> first(size_t{families} * kElements);
  for (uint32_t& element : first) element = static_cast<uint32_t>(familyRandom.next());
  std::vector<uint8_t> bytes(size_t{rows} * kRowBytes);
  for (uint32_t row = 0; row < rows; ++row) {
    uint32_t own[kElements];
    std::memcpy(own, first.data() + size_t{random.below(families)} * kElements, kRowBytes);
    const double changed = uniform(random) * 0.8;
    for (uint32_t& element : own) if (uniform(random) < changed) element = static_cast<uint32_t>(random.next());
    std::memcpy(bytes.data() + size_t{row} * kRowBytes, own, kRowBytes);
  }
  return bytes;
}

template <class Search>
double perSecond(uint32_t nq, const Search& search) {
  double best = 1e9;
  for (int round = 0; round < 3; ++round) {
    const double before = cpuSeconds();
    CHECK_OK(search());
    best = std::min(best, cpuSeconds() - before);
  }
  return nq / best;
}

}  // namespace

int main(int argc, char** argv) {
  const uint32_t rows = argc > 1 ? static_cast<uint32_t>(std::strtoul(argv[1], nullptr, 10)) : 200'000;
  const uint32_t bands = argc > 2 ? static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10)) : 32;
  const uint32_t families = std::max(1u, rows / 10);
  const Column column(VectorType::binary, kRowBytes * 8, signatures(rows, 1, 9, families));
  const MinHashBuildParams build{kWidth, bands, 1};
  const double before = cpuSeconds();
  const Result<AlignedBytes> file = buildMinHash(column.view, {}, build, {});
  CHECK_OK(file.status);
  std::printf("%u rows of %u elements, %u bands, %s: built in %.2f CPU s, %.1f bytes a row beside the signatures' %u (at most %.1f while built)\n", rows,
              kElements, bands, kernels().name, cpuSeconds() - before, static_cast<double>(file.value.size()) / rows, kRowBytes,
              static_cast<double>(minHashBuildBytesMax(column.view.dim, rows, build)) / rows);
  const Result<MinHashIndex> index = MinHashIndex::open(file.value.data(), file.value.size());
  CHECK_OK(index.status);
  for (const bool like : {true, false}) {
    const std::vector<uint8_t> queries = signatures(kQueries, 2, like ? 9 : 77, families);
    Hits exact(kQueries, kTop), found(kQueries, kTop);
    SearchParams params;
    params.k = kTop;
    for (const bool estimate : {false, true}) {
      params.minHash = {kWidth, bands, estimate};
      SearchStats stats;
      const double scanned = perSecond(kQueries, [&] { return flatSearch(column.view, Metric::mhjaccard, queries.data(), kQueries, {}, params, {}, exact.buffer, nullptr); });
      const double searched = perSecond(kQueries, [&] {
        stats = {};
        return index.value.search(column.view, queries.data(), kQueries, {}, params, {}, found.buffer, &stats);
      });
      uint32_t good = 0, total = 0;
      for (uint32_t q = 0; q < kQueries; ++q) {
        total += exact.counts[q];
        for (uint32_t i = 0; i < found.counts[q]; ++i) good += found.scores[q * kTop + i] >= exact.scores[q * kTop + exact.counts[q] - 1] ? 1 : 0;
      }
      std::printf("queries like %s, %s: %.0f a CPU second, scan %.0f, recall %.4f, %.1f rows compared\n", like ? "some rows" : "none", estimate ? "estimates" : "bands",
                  searched, scanned, total == 0 ? 1.0 : std::min(1.0, static_cast<double>(good) / total), static_cast<double>(stats.distances) / kQueries);
    }
  }
  return 0;
}
