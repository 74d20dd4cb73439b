// Copies of rows that the best by code are ranked again on: every type, metric, kind of copy and index that keeps one.
#include <functional>
#include <limits>
#include <set>

#include "redkite/crc32c.h"
#include "redkite/flat.h"
#include "redkite/hnsw.h"
#include "redkite/ivf.h"
#include "vectors.h"

namespace redkite::test {
namespace {

constexpr uint32_t kRows = 2400, kDim = 24, kQueries = 20;

using Search = std::function<Status(const VectorView&, const uint8_t*, uint32_t, const Bitset&, const SearchParams&, const HitBuffer&, SearchStats*)>;

/// An index of one kind with one copy.
struct Refined {
  AlignedBytes file;
  Refine refine = Refine::none;
  Search search;
};

enum class Kind : uint8_t { scalarGraph, productGraph, bits, pairs };
constexpr struct { Kind kind; const char* name; } kKinds[] = {
    {Kind::scalarGraph, "HNSW_SQ"}, {Kind::productGraph, "HNSW_PQ"}, {Kind::bits, "IVF_RABITQ"}, {Kind::pairs, "SCANN"}};
constexpr struct { Refine refine; const char* name; double error; } kCopies[] = {{Refine::f16, "f16", 1e-3}, {Refine::bf16, "bf16", 8e-3}, {Refine::u8, "u8", 1e-2}};

HnswBuildParams graphParams(Kind kind, Metric metric, Refine refine) {
  HnswBuildParams params;
  params.metric = metric;
  params.efConstruction = 100;
  params.codes = kind == Kind::scalarGraph ? HnswCodes::u8 : HnswCodes::product;
  params.subs = 12;
  params.refine = refine;
  return params;
}

IvfBuildParams listParams(Kind kind, Metric metric, Refine refine) {
  IvfBuildParams params;
  params.kind = kind == Kind::bits ? IvfKind::rabitq : IvfKind::scann;
  params.metric = metric;
  params.lists = 16;
  params.refine = refine;
  return params;
}

bool isGraph(Kind kind) { return kind == Kind::scalarGraph || kind == Kind::productGraph; }

template <class Index>
Index opened(const AlignedBytes& file) {
  const Result<Index> index = Index::open(file.data(), file.size());
  CHECK_OK(index.status);
  CHECK_OK(index.value.verify());
  return index.value;
}

Refined built(Kind kind, const VectorView& view, Metric metric, Refine refine) {
  Result<AlignedBytes> result = isGraph(kind) ? buildHnsw(view, {}, graphParams(kind, metric, refine), {}) : buildIvf(view, {}, listParams(kind, metric, refine), {});
  CHECK_OK(result.status);
  Refined made;
  made.file = std::move(result.value);
  if (isGraph(kind)) {
    EXPECT(made.file.size() <= hnswBuildBytesMax(view.type, view.dim, view.rows, graphParams(kind, metric, refine)));
    const HnswIndex index = opened<HnswIndex>(made.file);
    made.refine = index.info().refine;
    made.search = [index](const VectorView& rows, const uint8_t* queries, uint32_t nq, const Bitset& visible, const SearchParams& params, const HitBuffer& out, SearchStats* stats) {
      return index.search(rows, queries, nq, visible, params, {}, nullptr, out, stats);
    };
  } else {
    EXPECT(made.file.size() <= ivfBuildBytesMax(view.type, view.dim, view.rows, listParams(kind, metric, refine)));
    const IvfIndex index = opened<IvfIndex>(made.file);
    made.refine = index.info().refine;
    made.search = [index](const VectorView& rows, const uint8_t* queries, uint32_t nq, const Bitset& visible, const SearchParams& params, const HitBuffer& out, SearchStats* stats) {
      return index.search(rows, queries, nq, visible, params, {16, params.refineRows}, {}, out, stats);
    };
  }
  return made;
}

double squaredLength(VectorType type, const uint8_t* row) { return slowScore(type, Metric::ip, kDim, row, row); }

/// How far a score may be from the real one when every value of the row may be off by its share `error`.
double tolerance(VectorType type, Metric metric, const uint8_t* query, const uint8_t* row, double error) {
  if (metric == Metric::cosine) return error;
  const double lengths = squaredLength(type, query) + squaredLength(type, row);
  return error * (1 + (metric == Metric::l2 ? 2 : 1) * lengths);
}

/// Share of the exact first rows among the hits; checks their number, order, visibility and scores.
double recallOf(const Refined& index, const VectorView& view, const VectorView& searched, Metric metric, const std::vector<uint8_t>& queries, const Bitset& visible,
                const SearchParams& params, double error, const std::string& where) {
  const size_t most = params.hitsMax();
  Hits exact(kQueries, most), found(kQueries, most);
  SearchStats stats;
  CHECK_OK(flatSearch(view, metric, queries.data(), kQueries, visible, params, {}, exact.buffer, nullptr));
  CHECK_OK(index.search(searched, queries.data(), kQueries, visible, params, found.buffer, &stats));
  EXPECT(stats.exactDistances > 0 || visible.count(kRows) == 0, where);
  uint32_t good = 0, total = 0;
  for (uint32_t q = 0; q < kQueries; ++q) {
    const uint8_t* query = queries.data() + q * rowBytes(view.type, kDim);
    const std::set<uint32_t> best(exact.rows.begin() + q * most, exact.rows.begin() + q * most + exact.counts[q]);
    EXPECT(found.counts[q] == exact.counts[q] || params.range != nullptr, where + ": " + std::to_string(found.counts[q]) + " hits of " + std::to_string(exact.counts[q]));
    total += exact.counts[q];
    for (uint32_t i = 0; i < found.counts[q]; ++i) {
      const uint32_t row = found.rows[q * most + i];
      const float score = found.scores[q * most + i];
      EXPECT(row < kRows && visible.test(row), where);
      good += best.count(row);
      const double real = slowScore(view.type, metric, kDim, query, view.row(row));
      EXPECT(std::fabs(static_cast<double>(score) - real) <= tolerance(view.type, metric, query, view.row(row), error), where + ": " + std::to_string(score) + " for " + std::to_string(real));
      if (params.range != nullptr) EXPECT(params.range->contains(metric, score), where + ": range");
      if (i == 0) continue;
      const float before = found.scores[q * most + i - 1];
      EXPECT(largerIsBetter(metric) ? before >= score : before <= score, where + ": order");
    }
  }
  return total == 0 ? 1 : static_cast<double>(good) / total;
}

void everyCopy() {
  for (const VectorType type : {VectorType::f32, VectorType::f16, VectorType::bf16}) {
    const Column column(type, kDim, encoded(type, clustered(kRows, kDim, 11)));
    const Column zeros(type, kDim, encoded(type, std::vector<float>(size_t{kRows} * kDim)));
    const std::vector<uint8_t> queries = encoded(type, clustered(kQueries, kDim, 12));
    for (const Metric metric : {Metric::l2, Metric::ip, Metric::cosine}) {
      for (const auto& kind : kKinds) {
        const Refined onRows = built(kind.kind, column.view, metric, Refine::rows);
        for (const auto& copy : kCopies) {
          const std::string where = std::string(kind.name) + " " + nameOf(type, metric) + " " + copy.name;
          const Refined index = built(kind.kind, column.view, metric, copy.refine);
          if (type != VectorType::f32 && copy.refine != Refine::u8) {
            EXPECT(index.refine == Refine::rows && index.file.size() == onRows.file.size(), where);
            continue;
          }
          EXPECT(index.refine == copy.refine && index.file.size() > onRows.file.size(), where);
          SearchParams params;
          params.ef = 100;
          params.refineRows = 100;
          for (const double share : {1.0, 0.3, 0.02, 0.001}) {
            const Mask mask = randomMask(kRows, share, 13);
            const Bitset visible = share == 1 ? Bitset{} : mask.view();
            // The column is not read: zeros in its place change nothing.
            const double recall = recallOf(index, column.view, zeros.view, metric, queries, visible, params, copy.error, where);
            const double wanted = (metric == Metric::ip ? 0.85 : 0.9) - (copy.refine == Refine::f16 ? 0 : 0.03);
            EXPECT(recall >= wanted, where + " recall " + std::to_string(recall) + " share " + std::to_string(share));
          }
          Hits all(1, 200);
          SearchParams nearest;
          nearest.k = 200;
          CHECK_OK(flatSearch(column.view, metric, queries.data(), 1, {}, nearest, {}, all.buffer, nullptr));
          const ScoreRange range{all.scores[150], all.scores[20], true};
          params.range = &range;
          recallOf(index, column.view, zeros.view, metric, queries, {}, params, copy.error, where + " range");
          params.range = nullptr;
          const GroupBy group{[](const void*, uint32_t row) { return uint64_t{row % 40}; }, nullptr, 2};
          params.group = &group;
          params.k = 8;
          const double grouped = recallOf(index, column.view, zeros.view, metric, queries, {}, params, copy.error, where + " groups");
          EXPECT(grouped >= 0.8, where + " groups " + std::to_string(grouped));
        }
      }
    }
  }
}

/// Rows as narrow as a copy would be are ranked on themselves, and a graph that chooses its codes has no copy.
void whereThereIsNone() {
  const Column bytes(VectorType::i8, kDim, encoded(VectorType::i8, clustered(600, kDim, 21)));
  EXPECT(built(Kind::scalarGraph, bytes.view, Metric::l2, Refine::u8).refine == Refine::rows);
  const Column column(VectorType::f32, kDim, encoded(VectorType::f32, clustered(600, kDim, 21)));
  HnswBuildParams params;
  for (const HnswCodes codes : {HnswCodes::automatic, HnswCodes::none}) {
    params.codes = codes;
    params.refine = Refine::f16;
    EXPECT(buildHnsw(column.view, {}, params, {}).status.code == StatusCode::invalidArgument);
  }
  EXPECT(built(Kind::bits, column.view, Metric::l2, Refine::none).refine == Refine::none);
}

/// One dimension that never changes, one that is all but constant, far outliers, rows and dimensions without a finite value, zero rows, no row.
void oddRows() {
  const uint32_t rows = 700, dim = 5;
  std::vector<float> values = clustered(rows, dim, 31);
  for (uint32_t row = 0; row < rows; ++row) {
    values[row * dim] = 3;
    values[row * dim + 4] = row % 2 == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
    if (row % 50 == 0) for (uint32_t d = 0; d < dim; ++d) values[row * dim + d] = row % 100 == 0 ? 0.0f : 1e30f;
  }
  const Column odd(VectorType::f32, dim, encoded(VectorType::f32, values));
  const uint8_t* nothing = nullptr;
  const VectorView empty = VectorView::contiguous(VectorType::f32, dim, 0, &nothing);
  const std::vector<uint8_t> query = encoded(VectorType::f32, {3, 1, 1, 1, 1});
  for (const Metric metric : {Metric::l2, Metric::ip, Metric::cosine}) {
    for (const auto& copy : kCopies) {
      HnswBuildParams params = graphParams(Kind::scalarGraph, metric, copy.refine);
      for (const VectorView* view : {&odd.view, &empty}) {
        Result<AlignedBytes> file = buildHnsw(*view, {}, params, {});
        CHECK_OK(file.status);
        Hits hits(1, 10);
        CHECK_OK(opened<HnswIndex>(file.value).search(*view, query.data(), 1, {}, {}, {}, nullptr, hits.buffer, nullptr));
        EXPECT(hits.counts[0] == std::min(10u, view->rows));
        for (uint32_t i = 0; i < hits.counts[0]; ++i) EXPECT(!std::isnan(hits.scores[i]));
      }
    }
  }
}

/// Threads and seeds as for the rest of the file; a damaged copy is found, and a header that speaks of a copy it cannot have is refused.
void files() {
  const Column column(VectorType::f32, kDim, encoded(VectorType::f32, clustered(kRows, kDim, 41)));
  for (const auto& copy : kCopies) {
    IvfBuildParams lists = listParams(Kind::bits, Metric::cosine, copy.refine);
    const Result<AlignedBytes> one = buildIvf(column.view, {}, lists, {});
    lists.threads = 3;
    const Result<AlignedBytes> three = buildIvf(column.view, {}, lists, {});
    EXPECT(one.value.size() == three.value.size() && std::memcmp(one.value.data(), three.value.data(), one.value.size()) == 0, copy.name);
    const int32_t raised = 1;
    EXPECT(buildIvf(column.view, {}, lists, {{&raised}, nullptr}).status.code == StatusCode::canceled);

    Refined graph = built(Kind::scalarGraph, column.view, Metric::l2, copy.refine);
    uint64_t checksumsAt;
    std::memcpy(&checksumsAt, graph.file.data() + 112, 8);
    graph.file.data()[checksumsAt - 5] ^= 1;
    const HnswIndex damaged = HnswIndex::open(graph.file.data(), graph.file.size()).value;
    EXPECT(damaged.verify().code == StatusCode::corrupted && damaged.verify().message.find("block") != std::string::npos, damaged.verify().message);
  }
  // Version, vector type, code kind and copy that do not go together, with a checksum that fits.
  const Refined graph = built(Kind::scalarGraph, column.view, Metric::l2, Refine::f16);
  const auto refused = [](AlignedBytes& file, size_t at, uint8_t value, auto open, const char* why) {
    const uint8_t before = file.data()[at];
    file.data()[at] = value;
    const uint32_t crc = crc32c(file.data(), 252);
    std::memcpy(file.data() + 252, &crc, 4);
    const Status status = open(file.data(), file.size()).status;
    file.data()[at] = before;
    return status.code == StatusCode::corrupted && status.message.find(why) != std::string::npos;
  };
  AlignedBytes copy = AlignedBytes::allocate(graph.file.size());
  std::memcpy(copy.data(), graph.file.data(), copy.size());
  EXPECT(refused(copy, 4, 2, HnswIndex::open, "copy of the rows is 2") && refused(copy, 55, 1, HnswIndex::open, "copy of the rows is 1"));
  EXPECT(refused(copy, 55, 5, HnswIndex::open, "copy of the rows is 5") && refused(copy, 52, 2, HnswIndex::open, "copy of the rows is 2"));
  EXPECT(refused(copy, 6, 1, HnswIndex::open, "copy of the rows is 2") && refused(copy, 55, 4, HnswIndex::open, "a section is not where it belongs"));
  Refined lists = built(Kind::bits, column.view, Metric::l2, Refine::bf16);
  EXPECT(refused(lists.file, 4, 2, IvfIndex::open, "refine is 3") && refused(lists.file, 10, 5, IvfIndex::open, "refine is 5"));
  EXPECT(refused(lists.file, 7, 2, IvfIndex::open, "refine is 3") && refused(lists.file, 10, 1, IvfIndex::open, "a section is not where it belongs"));
}

}  // namespace
}  // namespace redkite::test

int main() {
  using namespace redkite::test;
  run("every type, metric, index and copy: recall and scores, and the column is not read", everyCopy);
  run("no copy where it would be no narrower, or without codes", whereThereIsNone);
  run("constant and odd dimensions, rows that are not finite, no row", oddRows);
  run("copies are checked with the file", files);
  return 0;
}
