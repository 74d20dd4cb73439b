// Inverted lists over generated documents: 100,000 of 20 to 200 terms, Zipf frequencies, BM25-like weights; top 10.
//
//   sparse-bench [--rows 100000] [--save rows.csr] [--save-scores scores.bin]
//
// Prints what a scan of the column, every list and the skipping walk cost, in CPU time of the process, best of 3. --save writes the
// documents and queries for peers: int64 rows, then row starts int64, indices int32, values float32, for documents and for queries;
// --save-scores the scores of the hits (float32).
#include <ctime>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "../test/check.h"
#include "redkite/flat.h"
#include "redkite/sparse-index.h"

using namespace redkite;
using redkite::test::Random;

namespace {

struct Pair {
  uint32_t index;
  float value;
};
using Rows = std::vector<std::vector<Pair>>;

double cpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double uniform(Random& random) { return static_cast<double>(random.next() >> 11) * 0x1p-53; }

/// Word r of a vocabulary of 50,000 comes about 1 / r times as often as the first; its weight is its BM25 of an average document.
Rows documents(uint32_t rows, uint32_t termsMin, uint32_t termsMax, bool weighted, uint64_t seed) {
  constexpr double vocabulary = 50'000;
  Random random(seed);
  Rows all(rows);
  for (auto& row : all) {
    const uint32_t length = termsMin + random.below(termsMax - termsMin + 1);
    std::vector<uint32_t> words(length);
    for (uint32_t& word : words) word = static_cast<uint32_t>(std::pow(vocabulary, uniform(random)));
    std::sort(words.begin(), words.end());
    for (size_t i = 0; i < words.size();) {
      size_t end = i;
      while (end < words.size() && words[end] == words[i]) ++end;
      const double tf = static_cast<double>(end - i);
      // A word's share of documents, from its frequency in 110 draws.
      const double share = 1 - std::pow(1 - std::log(1 + 1.0 / words[i]) / std::log(vocabulary), 110);
      const double idf = std::log(1 + (1 - share) / share);
      row.push_back({words[i], weighted ? static_cast<float>(idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / 110.0))) : 1.0f});
      i = end;
    }
  }
  return all;
}

std::vector<SparseRow> views(const Rows& rows) {
  std::vector<SparseRow> out;
  for (const auto& row : rows) out.push_back({reinterpret_cast<const uint8_t*>(row.data()), static_cast<uint32_t>(row.size() * 8)});
  return out;
}

void save(std::ofstream& out, const Rows& rows) {
  const auto put = [&](const void* data, size_t bytes) { out.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes)); };
  const int64_t count = static_cast<int64_t>(rows.size());
  put(&count, 8);
  int64_t at = 0;
  put(&at, 8);
  for (const auto& row : rows) put(&(at += static_cast<int64_t>(row.size())), 8);
  for (const auto& row : rows) for (const Pair& pair : row) put(&pair.index, 4);
  for (const auto& row : rows) for (const Pair& pair : row) put(&pair.value, 4);
}

}  // namespace

int main(int argc, char** argv) {
  uint32_t rows = 100'000;
  std::string path, scoresPath;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--rows") == 0) rows = static_cast<uint32_t>(std::stoul(argv[i + 1]));
    if (std::strcmp(argv[i], "--save") == 0) path = argv[i + 1];
    if (std::strcmp(argv[i], "--save-scores") == 0) scoresPath = argv[i + 1];
  }
  const Rows base = documents(rows, 20, 200, true, 1);
  const Rows asked = documents(500, 3, 12, false, 2);
  if (!path.empty()) {
    std::ofstream out(path, std::ios::binary);
    save(out, base);
    save(out, asked);
  }
  const std::vector<SparseRow> baseRows = views(base), queries = views(asked);
  const SparseView view{rows, &baseRows, [](const void* context, uint32_t row) { return (*static_cast<const std::vector<SparseRow>*>(context))[row]; }};
  double began = cpuSeconds();
  const Result<AlignedBytes> file = buildSparseIndex(view, {}, {}, {});
  CHECK_OK(file.status);
  const double buildSeconds = cpuSeconds() - began;
  const Result<SparseIndex> index = SparseIndex::open(file.value.data(), file.value.size());
  CHECK_OK(index.status);
  std::printf("%u documents, %.1f terms each: build %.2f CPU s, %.1f MB\n", rows, static_cast<double>(index.value.postings()) / rows, buildSeconds,
              static_cast<double>(file.value.size()) / 1e6);
  const uint32_t nq = static_cast<uint32_t>(queries.size());
  SearchParams params;
  std::vector<uint32_t> ids(nq * 10), counts(nq);
  std::vector<float> scores(nq * 10);
  const HitBuffer hits{ids.data(), scores.data(), counts.data()};
  double best = 1e9;
  SearchStats stats;
  for (int repeat = 0; repeat < 3; ++repeat) {
    stats = {};
    began = cpuSeconds();
    CHECK_OK(index.value.search(queries.data(), nq, {}, params, {}, {}, hits, &stats));
    best = std::min(best, cpuSeconds() - began);
  }
  std::printf("%-14s %8.0f q/CPU s, %.0f codes and %.0f scores a query\n", "index", nq / best,
              static_cast<double>(stats.distances - stats.exactDistances) / nq, static_cast<double>(stats.exactDistances) / nq);
  if (!scoresPath.empty()) std::ofstream(scoresPath, std::ios::binary).write(reinterpret_cast<const char*>(scores.data()), static_cast<std::streamsize>(scores.size() * 4));
  const std::vector<uint32_t> found = ids;
  began = cpuSeconds();
  CHECK_OK(sparseFlatSearch(view, Metric::ip, queries.data(), 20, {}, params, {}, hits, nullptr));
  std::printf("%-14s %8.0f q/CPU s\n", "scan", 20 / (cpuSeconds() - began));
  CHECK(std::equal(ids.begin(), ids.begin() + 200, found.begin()));
  return 0;
}
