// Inverted lists over generated documents: 100,000 of 20 to 200 terms, Zipf frequencies; top 10 by BM25.
//
//   sparse-bench [--rows 100000] [--save rows.csr] [--save-scores scores.bin]
//
// Searched twice: rows of term frequencies by BM25, and the same rows with BM25's weights as their values by inner product, which must find the
// same scores. Prints what a scan of the columns and the indexes cost, in CPU time of the process, best of 3. --save writes weights, frequencies
// and queries for peers, each as int64 rows, then row starts int64, indices int32, values float32; --save-scores the scores of the hits (float32).
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

constexpr Bm25 kBm25{1.2f, 0.75f, 1};

/// The nearest length not above this that Lucene and tantivy, which keep lengths in a byte, store as it is.
uint32_t keptLength(uint32_t length) {
  constexpr struct {
    uint32_t from, step;
  } ranges[] = {{152, 16}, {88, 8}, {56, 4}, {40, 2}};
  for (const auto [from, step] : ranges) {
    if (length >= from) return length - (length - from) % step;
  }
  return length;
}

/// Word r of a vocabulary of 50,000 comes about 1 / r times as often as the first; values say how often it does in a document.
Rows documents(uint32_t rows, uint32_t termsMin, uint32_t termsMax, uint64_t seed) {
  Random random(seed);
  Rows all(rows);
  for (auto& row : all) {
    std::vector<uint32_t> words(keptLength(termsMin + random.below(termsMax - termsMin + 1)));
    for (uint32_t& word : words) word = static_cast<uint32_t>(std::pow(50'000.0, uniform(random)));
    std::sort(words.begin(), words.end());
    for (size_t i = 0; i < words.size();) {
      size_t end = i;
      while (end < words.size() && words[end] == words[i]) ++end;
      row.push_back({words[i], static_cast<float>(end - i)});
      i = end;
    }
  }
  return all;
}

/// What BM25 needs to know of the documents together.
struct Corpus {
  std::vector<float> idf = std::vector<float>(50'001);
  Bm25 bm25 = kBm25;

  explicit Corpus(const Rows& rows) {
    std::vector<double> holders(idf.size());
    double total = 0;
    for (const auto& row : rows) {
      for (const Pair& pair : row) {
        ++holders[pair.index];
        total += pair.value;
      }
    }
    const double count = static_cast<double>(rows.size());
    for (size_t term = 0; term < idf.size(); ++term) idf[term] = static_cast<float>(std::log(1 + (count - holders[term] + 0.5) / (holders[term] + 0.5)));
    bm25.avgdl = static_cast<float>(total / count);
  }

  Rows weights(Rows rows) const {
    for (auto& row : rows) {
      float length = 0;
      for (const Pair& pair : row) length += pair.value;
      const float norm = bm25.k1 * (1 - bm25.b + bm25.b * length / bm25.avgdl);
      for (Pair& pair : row) pair.value = idf[pair.index] * pair.value * (bm25.k1 + 1) / (pair.value + norm);
    }
    return rows;
  }
};

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

/// Builds, searches and compares with a scan; the scores of the hits.
std::vector<float> measure(const char* name, Metric metric, const Rows& rows, const Rows& asked, const Bm25& bm25) {
  const std::vector<SparseRow> baseRows = views(rows), queries = views(asked);
  const SparseView view{static_cast<uint32_t>(rows.size()), &baseRows, [](const void* context, uint32_t row) { return (*static_cast<const std::vector<SparseRow>*>(context))[row]; }};
  double began = cpuSeconds();
  const Result<AlignedBytes> file = buildSparseIndex(view, {}, {metric, bm25}, {});
  CHECK_OK(file.status);
  const double buildSeconds = cpuSeconds() - began;
  const Result<SparseIndex> index = SparseIndex::open(file.value.data(), file.value.size());
  CHECK_OK(index.status);
  const uint32_t nq = static_cast<uint32_t>(queries.size());
  SearchParams params;
  params.bm25 = bm25;
  std::vector<uint32_t> ids(nq * 10), counts(nq), scanned(nq * 10);
  std::vector<float> scores(nq * 10), scannedScores(nq * 10);
  const HitBuffer hits{ids.data(), scores.data(), counts.data()};
  double best = 1e9;
  SearchStats stats;
  for (int repeat = 0; repeat < 3; ++repeat) {
    stats = {};
    began = cpuSeconds();
    CHECK_OK(index.value.search(queries.data(), nq, {}, params, {}, {}, hits, &stats));
    best = std::min(best, cpuSeconds() - began);
  }
  constexpr uint32_t few = 20;
  began = cpuSeconds();
  CHECK_OK(sparseFlatSearch(view, metric, queries.data(), few, {}, params, {}, {scanned.data(), scannedScores.data(), counts.data()}, nullptr));
  const double scan = few / (cpuSeconds() - began);
  CHECK(std::equal(ids.begin(), ids.begin() + few * 10, scanned.begin()));
  std::printf("%-14s %8.0f q/CPU s, %.0f codes and %.0f scores a query; a scan %.0f; build %.2f CPU s, %.1f MB\n", name, nq / best,
              static_cast<double>(stats.distances - stats.exactDistances) / nq, static_cast<double>(stats.exactDistances) / nq, scan, buildSeconds,
              static_cast<double>(file.value.size()) / 1e6);
  return scores;
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
  const Rows counts = documents(rows, 20, 200, 1);
  const Corpus corpus(counts);
  const Rows weights = corpus.weights(counts);
  Rows ones = documents(500, 3, 12, 2), idfs = ones;
  for (auto& query : ones) for (Pair& pair : query) pair.value = 1;
  for (auto& query : idfs) for (Pair& pair : query) pair.value = corpus.idf[pair.index];
  if (!path.empty()) {
    std::ofstream out(path, std::ios::binary);
    for (const Rows* saved : {&weights, &counts, static_cast<const Rows*>(&ones)}) save(out, *saved);
  }
  const std::vector<float> byWeights = measure("weights, IP", Metric::ip, weights, ones, corpus.bm25);
  const std::vector<float> byCounts = measure("counts, BM25", Metric::bm25, counts, idfs, corpus.bm25);
  for (size_t i = 0; i < byCounts.size(); ++i) CHECK(std::fabs(byCounts[i] - byWeights[i]) <= 1e-4f * byWeights[i]);
  if (!scoresPath.empty()) std::ofstream(scoresPath, std::ios::binary).write(reinterpret_cast<const char*>(byCounts.data()), static_cast<std::streamsize>(byCounts.size() * 4));
  return 0;
}
