#include "redkite/disk-index.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <limits>
#include <set>

#include "index/disk-file.h"
#include "redkite/crc32c.h"
#include "redkite/flat.h"
#include "vectors.h"

namespace redkite::test {
namespace {

DiskBuildParams paramsOf(Metric metric) {
  DiskBuildParams params;
  params.metric = metric;
  params.maxDegree = 24;
  params.searchList = 60;
  // A byte for each dimension.
  params.codesPerRow = 1;
  params.cachedPerRow = 0.05f;
  return params;
}

/// An index in memory and as a file that is read past the mapping.
struct Built {
  AlignedBytes bytes;
  int file = -1;
  int reads = -1;
  DiskIndex inMemory;
  DiskIndex onDisk;

  Built() = default;
  Built(Built&& other) noexcept : bytes(std::move(other.bytes)), file(std::exchange(other.file, -1)), reads(std::exchange(other.reads, -1)), inMemory(other.inMemory), onDisk(other.onDisk) {}
  ~Built() {
    if (file >= 0) close(file);
    if (reads >= 0) close(reads);
  }
};

Built built(const VectorView& view, const DiskBuildParams& params, const Bitset& indexed = {}) {
  Result<AlignedBytes> result = buildDisk(view, indexed, params, {});
  CHECK_OK(result.status);
  Built all;
  all.bytes = std::move(result.value);
  EXPECT(all.bytes.size() <= diskBuildBytesMax(view.type, view.dim, view.rows, params));
  char path[] = "disk-index-test-XXXXXX";
  all.file = mkstemp(path);
  CHECK(all.file >= 0 && unlink(path) == 0);
  CHECK(write(all.file, all.bytes.data(), all.bytes.size()) == static_cast<ssize_t>(all.bytes.size()));
  CHECK(fsync(all.file) == 0);
  all.reads = DiskIndex::openForReads(all.file);
  CHECK(all.reads >= 0);
  const Result<DiskIndex> memory = DiskIndex::open(all.bytes.data(), all.bytes.size());
  CHECK_OK(memory.status);
  CHECK_OK(memory.value.verify());
  all.inMemory = memory.value;
  const Result<DiskIndex> disk = DiskIndex::open(all.bytes.data(), all.bytes.size(), all.reads);
  CHECK_OK(disk.status);
  all.onDisk = disk.value;
  return all;
}

/// Share of the exact hits found, checking counts, order, visibility and scores, and that file and memory say the same.
double compare(const Built& index, const VectorView& view, Metric metric, const std::vector<uint8_t>& queries, uint32_t nq, const Bitset& visible,
               const SearchParams& params, uint32_t searchList, const std::string& where, SearchStats* stats = nullptr) {
  const size_t most = params.hitsMax();
  Hits exact(nq, most), found(nq, most), again(nq, most);
  SearchStats own;
  stats = stats == nullptr ? &own : stats;
  CHECK_OK(flatSearch(view, metric, queries.data(), nq, visible, params, {}, exact.buffer, nullptr));
  CHECK_OK(index.onDisk.search(queries.data(), nq, visible, params, {searchList, 4}, {}, nullptr, found.buffer, stats));
  DiskScratch single(DiskReads::single);
  SearchStats others;
  CHECK_OK(index.onDisk.search(queries.data(), nq, visible, params, {searchList, 4}, {}, &single, again.buffer, &others));
  EXPECT(found.rows == again.rows && found.scores == again.scores && found.counts == again.counts && others.reads == stats->reads, where + ": one after the other");
  CHECK_OK(index.inMemory.search(queries.data(), nq, visible, params, {searchList, 4}, {}, nullptr, again.buffer, nullptr));
  EXPECT(found.rows == again.rows && found.scores == again.scores && found.counts == again.counts, where + ": in memory");
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
      EXPECT(scorer.scoreOf(distance) == score, where + ": score");
      if (exact.counts[q] > 0) {
        const float worst = exact.scores[begin + exact.counts[q] - 1];
        good += largerIsBetter(metric) ? score >= worst : score <= worst;
      }
      if (i == 0) continue;
      const float before = found.scores[begin + i - 1];
      EXPECT(largerIsBetter(metric) ? before >= score : before <= score, where + ": order");
      if (before == score && params.group == nullptr) EXPECT(found.rows[begin + i - 1] < row, where + ": ties");
    }
  }
  return total == 0 ? 1 : static_cast<double>(std::min(good, total)) / total;
}

void everyTypeMetricAndSelectivity() {
  const uint32_t rows = 6000, dim = 24, nq = 20;
  for (const auto& [type, metric] : kAllPairs) {
    if (type == VectorType::binary) continue;
    const Column column(type, dim, encoded(type, clustered(rows, dim, 11)), 10);
    const std::vector<uint8_t> queries = encoded(type, clustered(nq, dim, 12));
    const Mask valid = randomMask(rows, 0.9, 14);
    const Built index = built(column.view, paramsOf(metric), valid.view());
    CHECK(index.onDisk.info().nodes == valid.view().count(rows));
    for (const double share : {0.0, 0.0001, 0.01, 0.3, 0.8, 1.0}) {
      Mask mask = randomMask(rows, share, 13);
      for (size_t w = 0; w < mask.words.size(); ++w) mask.words[w] &= valid.words[w];
      for (const uint32_t k : {1u, 10u, 100u}) {
        SearchParams params;
        params.k = k;
        const std::string where = nameOf(type, metric) + " share " + std::to_string(share) + " k " + std::to_string(k);
        const double recall = compare(index, column.view, metric, queries, nq, mask.view(), params, 120, where);
        // Links among rows of unequal lengths lead less well to the largest products.
        EXPECT(recall >= (metric == Metric::ip ? 0.9 : 0.95), where + " recall " + std::to_string(recall));
      }
    }
  }
}

/// A walk through blocks on disk, with nothing but a few of them in memory.
void walksReadFewBlocks() {
  const uint32_t rows = 30'000, dim = 32, nq = 50;
  const Column column(VectorType::f32, dim, encoded(VectorType::f32, clustered(rows, dim, 11)));
  const std::vector<uint8_t> queries = encoded(VectorType::f32, clustered(nq, dim, 12));
  const Built index = built(column.view, paramsOf(Metric::l2));
  SearchParams params;
  SearchStats stats;
  const double recall = compare(index, column.view, Metric::l2, queries, nq, {}, params, 40, "walk", &stats);
  EXPECT(recall >= 0.95, "recall " + std::to_string(recall));
  EXPECT(stats.path == SearchPath::graph && stats.reads > 0 && stats.reads < 40 * nq, "reads " + std::to_string(stats.reads));
  // The filter is against the query: what matches is far from all that a walk meets.
  Mask far(rows);
  const float* values = reinterpret_cast<const float*>(column.view.row(0));
  const float* query = reinterpret_cast<const float*>(queries.data());
  std::vector<std::pair<float, uint32_t>> order;
  for (uint32_t row = 0; row < rows; ++row) {
    float distance = 0;
    for (uint32_t d = 0; d < dim; ++d) distance += (values[size_t{row} * dim + d] - query[d]) * (values[size_t{row} * dim + d] - query[d]);
    order.emplace_back(-distance, row);
  }
  std::sort(order.begin(), order.end());
  for (uint32_t i = 0; i < rows * 9 / 10; ++i) far.set(order[i].second);
  SearchStats filtered;
  const double against = compare(index, column.view, Metric::l2, queries, 1, far.view(), params, 40, "filter against the query", &filtered);
  EXPECT(against >= 0.9, "recall " + std::to_string(against));
}

void rangesAndGroups() {
  const uint32_t rows = 5000, dim = 16, nq = 15;
  for (const Metric metric : {Metric::l2, Metric::ip, Metric::cosine}) {
    const Column column(VectorType::f32, dim, encoded(VectorType::f32, clustered(rows, dim, 11)));
    const std::vector<uint8_t> queries = encoded(VectorType::f32, clustered(nq, dim, 12));
    const Built index = built(column.view, paramsOf(metric));
    Hits all(nq, 400);
    SearchParams params;
    params.k = 400;
    CHECK_OK(flatSearch(column.view, metric, queries.data(), nq, {}, params, {}, all.buffer, nullptr));
    // From the 20th to the 200th hit of the first query.
    ScoreRange range{all.scores[200], all.scores[20], true};
    params.k = 300;
    params.range = &range;
    const double ranged = compare(index, column.view, metric, queries, nq, {}, params, 300, "range");
    EXPECT(ranged >= 0.95, "recall of a range " + std::to_string(ranged));
    range = {largerIsBetter(metric) ? 1e9f : -1.0f, 0, false};
    compare(index, column.view, metric, queries, nq, {}, params, 300, "range without hits");
    const GroupBy group{[](const void*, uint32_t row) -> uint64_t { return row % 7; }, nullptr, 3};
    SearchParams grouped;
    grouped.k = 7;
    grouped.group = &group;
    const double inGroups = compare(index, column.view, metric, queries, nq, {}, grouped, 50, "groups");
    EXPECT(inGroups >= 0.9, "recall of groups " + std::to_string(inGroups));
  }
}

void oddShapes() {
  Random random(3);
  for (const uint32_t dim : {1u, 3u, 7u, 127u, 2000u}) {
    for (const uint32_t rows : {0u, 1u, 2u, 300u}) {
      for (const VectorType type : {VectorType::f32, VectorType::f16}) {
        const Column column(type, dim, encoded(type, clustered(rows, dim, 5)));
        const std::vector<uint8_t> queries = encoded(type, clustered(3, dim, 6));
        const Built index = built(column.view, paramsOf(Metric::l2));
        SearchParams params;
        params.k = 5;
        const std::string where = "dim " + std::to_string(dim) + " rows " + std::to_string(rows);
        const double recall = compare(index, column.view, Metric::l2, queries, 3, {}, params, 200, where);
        EXPECT(recall >= 0.8, where + " recall " + std::to_string(recall));
      }
    }
  }
  // Not a number, infinite, zero and equal rows; a single link; a code of one byte.
  std::vector<float> values = clustered(600, 8, 9);
  for (uint32_t d = 0; d < 8; ++d) values[d] = std::numeric_limits<float>::quiet_NaN(), values[8 + d] = std::numeric_limits<float>::infinity(), values[16 + d] = 0;
  for (uint32_t row = 100; row < 500; ++row) std::copy(values.begin() + 24, values.begin() + 32, values.begin() + row * 8);
  const Column column(VectorType::f32, 8, encoded(VectorType::f32, values));
  const std::vector<uint8_t> queries = encoded(VectorType::f32, clustered(4, 8, 6));
  for (const Metric metric : {Metric::l2, Metric::ip, Metric::cosine}) {
    DiskBuildParams params = paramsOf(metric);
    params.maxDegree = 1;
    params.codesPerRow = 0;
    const Built index = built(column.view, params);
    CHECK(index.onDisk.info().codeBytes == 1);
    SearchParams search;
    search.k = 600;
    const Mask some = randomMask(600, 0.5, 2);
    Hits hits(4, 600);
    CHECK_OK(index.onDisk.search(queries.data(), 4, some.view(), search, {}, {}, nullptr, hits.buffer, nullptr));
    for (const uint32_t count : hits.counts) CHECK(count == some.view().count(600));
  }
}

void threadsSeedsAndCancel() {
  const uint32_t rows = 4000, dim = 20;
  const Column column(VectorType::f32, dim, encoded(VectorType::f32, clustered(rows, dim, 11)));
  DiskBuildParams params = paramsOf(Metric::l2);
  const Result<AlignedBytes> first = buildDisk(column.view, {}, params, {});
  const Result<AlignedBytes> second = buildDisk(column.view, {}, params, {});
  CHECK(first.status.ok() && second.status.ok() && first.value.size() == second.value.size());
  CHECK(std::memcmp(first.value.data(), second.value.data(), first.value.size()) == 0);
  params.threads = 3;
  int32_t progress = 0;
  const Result<AlignedBytes> parallel = buildDisk(column.view, {}, params, {{}, &progress});
  CHECK(parallel.status.ok() && progress == static_cast<int32_t>(rows));
  const int32_t raised = 1;
  CHECK(buildDisk(column.view, {}, params, {{&raised}, nullptr}).status.code == StatusCode::canceled);
  const Built index = built(column.view, params);
  Hits hits(1, 10);
  CHECK(index.onDisk.search(column.view.row(0), 1, {}, {}, {}, {&raised}, nullptr, hits.buffer, nullptr).code == StatusCode::canceled);
}

void refusesBadParameters() {
  const Column column(VectorType::f32, 4, encoded(VectorType::f32, clustered(10, 4, 1)));
  const auto refusal = [&](auto change) {
    DiskBuildParams params;
    change(params);
    const Result<AlignedBytes> result = buildDisk(column.view, {}, params, {});
    CHECK(result.status.code == StatusCode::invalidArgument);
    return result.status.message;
  };
  CHECK(refusal([](DiskBuildParams& p) { p.maxDegree = 0; }) == "max_degree is 0, it must be 1 to 2048");
  CHECK(refusal([](DiskBuildParams& p) { p.maxDegree = 2049; }) == "max_degree is 2049, it must be 1 to 2048");
  CHECK(refusal([](DiskBuildParams& p) { p.searchList = 0; }) == "search_list_size is 0, it must be 1 to 65536");
  refusal([](DiskBuildParams& p) { p.codesPerRow = -1; });
  refusal([](DiskBuildParams& p) { p.cachedPerRow = std::numeric_limits<float>::quiet_NaN(); });
  refusal([](DiskBuildParams& p) { p.metric = Metric::hamming; });
  const Column bits(VectorType::binary, 8, encoded(VectorType::binary, clustered(10, 8, 1)));
  DiskBuildParams params;
  params.metric = Metric::hamming;
  CHECK(buildDisk(bits.view, {}, params, {}).status.code == StatusCode::invalidArgument);
}

void damageIsNamed() {
  const uint32_t rows = 3000, dim = 24;
  const Column column(VectorType::f32, dim, encoded(VectorType::f32, clustered(rows, dim, 11)));
  const Built whole = built(column.view, paramsOf(Metric::l2));
  const size_t size = whole.bytes.size();
  AlignedBytes copy = AlignedBytes::allocate(size);
  const auto restore = [&] { std::memcpy(copy.data(), whole.bytes.data(), size); };
  for (uint32_t at = 0; at < 256; ++at) {
    restore();
    copy.data()[at] ^= 4;
    CHECK(DiskIndex::open(copy.data(), size).status.code == StatusCode::corrupted);
  }
  CHECK(DiskIndex::open(whole.bytes.data(), size - 4096).status.code == StatusCode::corrupted);
  CHECK(DiskIndex::open(whole.bytes.data(), 100).status.code == StatusCode::corrupted);
  CHECK(DiskIndex::open(whole.bytes.data() + 1, size - 1).status.code == StatusCode::invalidArgument);
  Random random(1);
  Hits hits(1, 10);
  uint32_t named = 0;
  for (uint32_t round = 0; round < 400; ++round) {
    restore();
    const size_t at = 256 + random.next() % (size - 256);
    copy.data()[at] ^= static_cast<uint8_t>(1u << random.below(8));
    const Result<DiskIndex> opened = DiskIndex::open(copy.data(), size);
    CHECK_OK(opened.status);
    // Padding between sections belongs to no checksum of a block, but what is read does.
    const Status verified = opened.value.verify();
    if (!verified.ok()) {
      CHECK(verified.code == StatusCode::corrupted);
      ++named;
    }
    SearchParams params;
    const Status searched = opened.value.search(column.view.row(random.below(rows)), 1, {}, params, {100, 4}, {}, nullptr, hits.buffer, nullptr);
    CHECK(searched.ok() || searched.code == StatusCode::corrupted);
  }
  CHECK(named >= 380);
  // A block that a walk reads, and one that ends before it should.
  for (const uint64_t page : {size / 4096 - 1, size / 4096 - 2}) {
    const int damaged = open("/dev/zero", O_RDONLY);
    const Result<DiskIndex> opened = DiskIndex::open(whole.bytes.data(), size, damaged);
    CHECK_OK(opened.status);
    const Status searched = opened.value.search(column.view.row(static_cast<uint32_t>(page % rows)), 1, {}, {}, {200, 4}, {}, nullptr, hits.buffer, nullptr);
    CHECK(searched.code == StatusCode::corrupted && searched.message.find("does not match its checksum") != std::string::npos);
    close(damaged);
  }
  // Rows that are elsewhere than their places say.
  restore();
  DiskHeader header;
  std::memcpy(&header, copy.data(), sizeof(header));
  uint32_t* places = reinterpret_cast<uint32_t*>(copy.data() + header.placesAt);
  for (uint32_t row = 0; row < rows; ++row) places[row] = (places[row] + header.nodesPerBlock) % (header.blocks * header.nodesPerBlock);
  const Result<DiskIndex> shifted = DiskIndex::open(copy.data(), size);
  CHECK_OK(shifted.status);
  const Status misled = shifted.value.search(column.view.row(7), 1, {}, {}, {200, 4}, {}, nullptr, hits.buffer, nullptr);
  CHECK(misled.code == StatusCode::corrupted && misled.message.find("where it should be") != std::string::npos);
  CHECK(ftruncate(whole.file, 8192) == 0);
  const Status shortened = whole.onDisk.search(column.view.row(7), 1, {}, {}, {200, 4}, {}, nullptr, hits.buffer, nullptr);
  CHECK(shortened.code == StatusCode::corrupted && shortened.message.find("ends behind the file") != std::string::npos);
}

}  // namespace
}  // namespace redkite::test

int main() {
  using namespace redkite::test;
  run("every type, metric and selectivity", everyTypeMetricAndSelectivity);
  run("walks read few blocks", walksReadFewBlocks);
  run("ranges and groups", rangesAndGroups);
  run("odd shapes", oddShapes);
  run("threads, seeds and cancel", threadsSeedsAndCancel);
  run("bad parameters are refused", refusesBadParameters);
  run("damage is named", damageIsNamed);
}
