#include "redkite/growing-graph.h"

#include <sys/mman.h>

#include <atomic>
#include <cmath>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "hnsw-file.h"
#include "hnsw-levels.h"
#include "hnsw-walk.h"
#include "linker.h"
#include "prepare-row.h"
#include "redkite/flat.h"
#include "redkite/quantise.h"
#include "row-pairs.h"
#include "stepped-walk.h"
#include "top-hits.h"

namespace redkite {
namespace {

/// Enough to learn a scale from.
constexpr uint32_t kTrainRows = 1024;
constexpr uint32_t kTrainRowsMax = 16384;
/// With fewer dimensions codes are too coarse to tell neighbours apart, and raw rows are short.
constexpr uint32_t kCodedDimMin = 16;
constexpr uint32_t kUpperLevelsMax = 8;
constexpr uint32_t kInsertsBetweenPolls = 16;
constexpr size_t kHugeFrom = size_t{4} << 20;

/// Addresses whose pages come into being when they are written.
template <class T>
class Reserved {
 public:
  Reserved() = default;
  Reserved(const Reserved&) = delete;
  Reserved& operator=(const Reserved&) = delete;
  ~Reserved() {
    if (data_ != nullptr) munmap(data_, bytes_);
  }
  bool reserve(size_t count) {
    bytes_ = std::max<size_t>(count * sizeof(T), 1);
    void* data = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) return false;
    data_ = static_cast<T*>(data);
    if (bytes_ >= kHugeFrom) madvise(data_, bytes_, MADV_HUGEPAGE);
    return true;
  }
  T* data() const { return data_; }

 private:
  T* data_ = nullptr;
  size_t bytes_ = 0;
};

/// Nodes of one layer. Positions on level 0 are rows.
struct GraphLayer {
  Reserved<uint32_t> ids;
  Reserved<float> distances;
  Reserved<uint8_t> locks;
  Reserved<uint32_t> rows;  // upper levels
  Reserved<uint32_t> down;  // position of the same row one level below
  std::atomic<uint32_t> count{0};
  uint32_t capacity = 0;
  uint32_t kept = 0;
  uint32_t slots = 0;

  bool reserve(uint32_t nodes, uint32_t keep, bool upper) {
    capacity = nodes;
    kept = keep;
    slots = keep + keep / 2;
    return ids.reserve(size_t{nodes} * slots) && distances.reserve(size_t{nodes} * slots) && locks.reserve(nodes) &&
           (!upper || (rows.reserve(nodes) && down.reserve(nodes)));
  }
  LinkLists lists() const { return {ids.data(), distances.data(), locks.data(), kept, slots, rows.data()}; }
  Layer view(uint32_t nodes, uint32_t rowsEnd) const { return {ids.data(), slots, nodes, rows.data(), rowsEnd}; }
};

}  // namespace

struct GrowingGraph::State {
  GrowingGraphParams params;
  HnswHeader header{};
  GraphLayer layers[kUpperLevelsMax + 1];
  Reserved<uint8_t> codes;
  Reserved<float> biases;
  Reserved<float> constants;
  ScalarQuantiser quantiser;
  std::atomic<uint32_t> levels{0};
  std::atomic<uint32_t> rows{0};
  /// Rows with codes, at least those in the graph. What comes in a batch waits for its links with its codes at hand.
  std::atomic<uint32_t> codedRows{0};
  /// First node and number of nodes, released with `rows`.
  uint32_t entry = kNoNode;
  std::atomic<uint32_t> nodes{0};
  bool trained = false;

  bool coded() const { return header.codeKind == 1; }
  bool centered() const { return coded() && params.metric == Metric::l2; }

  // The adding thread's memory.
  Pool pool;
  NodeSet visited;
  WalkCounts counts;
  std::vector<float> wide;
  std::vector<Neighbour> found[kUpperLevelsMax + 1];

  CodeSet codeSet() const {
    return {&kernels(), codes.data(), header.codeStride, centered() ? biases.data() : nullptr, header.codeScale, constants.data()};
  }

  void train(const VectorView& view, const Bitset& indexed, uint32_t end) {
    const uint32_t dim = params.dim;
    if (view.type == VectorType::i8 && params.metric != Metric::cosine) {
      quantiser = {dim, 1, std::vector<float>(dim, 0.0f)};
    } else {
      const uint32_t wanted = std::min({end, kTrainRowsMax, std::max(64u, (1u << 22) / dim)});
      std::vector<float> sample;
      sample.reserve(size_t{wanted} * dim);
      uint32_t count = 0;
      for (uint32_t i = 0; i < wanted; ++i) {
        const uint32_t row = static_cast<uint32_t>(uint64_t{i} * end / wanted);
        if (!indexed.test(row)) continue;
        sample.resize(size_t{count + 1} * dim);
        prepareRow(view, params.metric, row, sample.data() + size_t{count++} * dim);
      }
      quantiser = trainQuantiser(sample.data(), count, dim, params.metric == Metric::l2, params.metric != Metric::ip);
    }
    header.codeScale = quantiser.scale;
    trained = true;
  }

  void encode(const VectorView& view, uint32_t row) {
    wide.resize(params.dim);
    prepareRow(view, params.metric, row, wide.data());
    uint8_t* code = codes.data() + size_t{row} * header.codeStride;
    quantiser.encode(wide.data(), code);
    int64_t squared = 0;
    int64_t sum = 0;
    for (uint32_t d = 0; d < params.dim; ++d) {
      const int32_t value = static_cast<int32_t>(code[d]) - 128;
      squared += value * value;
      sum += value;
    }
    const float unit = header.codeScale * header.codeScale;
    const float product = 128.0f * static_cast<float>(sum) * unit;
    constants.data()[row] = product;
    if (!centered()) return;
    biases.data()[row] = unit * static_cast<float>(squared);
    constants.data()[row] = biases.data()[row] + 2 * product;
  }

  /// Those that a cancelled addition left have their codes already.
  void encodeRows(const VectorView& view, const Bitset& indexed, uint32_t end) {
    uint32_t row = codedRows.load(std::memory_order_relaxed);
    for (; row < end; ++row) if (indexed.test(row)) encode(view, row);
    codedRows.store(row, std::memory_order_release);
  }

  template <class Space>
  void searchLayer(const Layer& layer, const Space& space, uint32_t start, uint32_t self, std::vector<Neighbour>& out) {
    pool.reset(params.efConstruction);
    visited.reset(layer.nodes);
    if (self < layer.nodes) visited.add(self);
    SteppedWalk<Space> walk(layer, space, pool, visited, counts, Company::none);
    walk.start(start);
    while (walk.step()) continue;
    out.clear();
    for (uint32_t i = 0; i < pool.size(); ++i) out.push_back({distanceOfCandidate(pool.at(i)), nodeOf(pool.at(i))});
  }

  template <class Pairs>
  void insert(uint32_t row, Pairs& base, Linker<Pairs>& linker) {
    uint32_t level = std::min(kUpperLevelsMax, hnswLevelOf(params.seed, row, params.m));
    while (level > 0 && layers[level].count.load(std::memory_order_relaxed) == layers[level].capacity) --level;
    const uint32_t top = levels.load(std::memory_order_relaxed);
    base.setRow(row);
    const auto space = base.space();
    for (auto& list : found) list.clear();
    if (entry != kNoNode) {
      uint32_t start = 0;
      for (uint32_t l = top; l > 0; --l) {
        const Layer layer = layers[l].view(layers[l].count.load(std::memory_order_relaxed), params.rowsMax);
        if (l > level) {
          start = descendLayer(layer, space, start, counts);
        } else {
          searchLayer(layer, space, start, kNoNode, found[l]);
          if (!found[l].empty()) start = found[l].front().node;
        }
        start = layers[l].down.data()[start];
      }
      if (top == 0) start = entry;
      searchLayer(layers[0].view(row + 1, params.rowsMax), space, start, row, found[0]);
    }
    linker.link(layers[0].lists(), row, found[0], params.m);
    uint32_t below = row;
    for (uint32_t l = 1; l <= level; ++l) {
      GraphLayer& layer = layers[l];
      const uint32_t at = layer.count.load(std::memory_order_relaxed);
      layer.rows.data()[at] = row;
      layer.down.data()[at] = below;
      linker.clear(layer.lists(), at);
      linker.link(layer.lists(), at, found[l], params.m);
      layer.count.store(at + 1, std::memory_order_release);
      below = at;
    }
    if (level > top) levels.store(level, std::memory_order_release);
    if (entry == kNoNode) entry = row;
  }

  template <class Pairs>
  Status addRows(const VectorView& view, const Bitset& indexed, uint32_t end, CancelToken cancel, Pairs base, Pairs other) {
    Linker<Pairs> linker(std::move(other));
    if (coded()) encodeRows(view, indexed, end);
    for (uint32_t row = rows.load(std::memory_order_relaxed); row < end; ++row) {
      if (row % kInsertsBetweenPolls == 0 && cancel.raised()) return Status::canceled();
      linker.clear(layers[0].lists(), row);
      if (indexed.test(row)) {
        insert(row, base, linker);
        nodes.store(nodes.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      }
      rows.store(row + 1, std::memory_order_release);
    }
    return {};
  }
};

GrowingGraph::GrowingGraph() : state_(std::make_unique<State>()) {}
GrowingGraph::~GrowingGraph() = default;

Result<std::unique_ptr<GrowingGraph>> GrowingGraph::create(const GrowingGraphParams& params) {
  if (params.type == VectorType::sparse || !metricIndexed(params.type, params.metric)) {
    return {Status::invalid("metric " + std::to_string(static_cast<int>(params.metric)) + " does not exist for vector type " +
                            std::to_string(static_cast<int>(params.type))), {}};
  }
  const uint32_t dimMax = params.type == VectorType::binary ? kDimMax * 8 : kDimMax;
  if (params.dim == 0 || params.dim > dimMax) return {Status::invalid("dimension is " + std::to_string(params.dim) + ", it must be 1 to " + std::to_string(dimMax)), {}};
  if (params.rowsMax == 0 || params.rowsMax > kRowsMax) return {Status::invalid("row count is " + std::to_string(params.rowsMax) + ", it must be 1 to " + std::to_string(kRowsMax)), {}};
  if (params.m < kLinksMMin || params.m > kLinksMMax || params.efConstruction == 0) return {Status::invalid("M is " + std::to_string(params.m) + " and efConstruction " + std::to_string(params.efConstruction)), {}};
  try {
    std::unique_ptr<GrowingGraph> graph(new GrowingGraph);
    State& s = *graph->state_;
    s.params = params;
    HnswHeader& h = s.header;
    h.type = static_cast<uint8_t>(params.type);
    h.metric = static_cast<uint8_t>(params.metric);
    h.dim = params.dim;
    h.m = params.m;
    h.efConstruction = params.efConstruction;
    h.codeKind = params.type != VectorType::binary && params.dim >= kCodedDimMin ? 1 : 0;
    h.codeStride = h.codeKind == 1 ? codeStrideOf(params.dim) : 0;
    h.codeScale = 1;
    bool reserved = s.layers[0].reserve(params.rowsMax, linkSlots(params.m), false);
    h.slots = s.layers[0].slots;
    uint64_t expected = params.rowsMax;
    for (uint32_t l = 1; l <= kUpperLevelsMax; ++l) {
      expected /= params.m;
      reserved = reserved && s.layers[l].reserve(static_cast<uint32_t>(std::min<uint64_t>(params.rowsMax, expected * 2 + 64)), params.m, true);
    }
    if (h.codeKind == 1) {
      reserved = reserved && s.codes.reserve(size_t{params.rowsMax} * h.codeStride) && s.constants.reserve(params.rowsMax) &&
                 s.biases.reserve(params.metric == Metric::l2 ? params.rowsMax : 1);
    }
    if (!reserved) return {Status::outOfMemory(), {}};
    return {{}, std::move(graph)};
  } catch (const std::bad_alloc&) {
    return {Status::outOfMemory(), {}};
  }
}

Status GrowingGraph::add(const VectorView& view, const Bitset& indexed, uint32_t end, CancelToken cancel) {
  State& s = *state_;
  if (view.type != s.params.type || view.dim != s.params.dim) return Status::invalid("the column is of another type or dimension than the graph");
  if (end > view.rows || end > s.params.rowsMax) {
    return Status::invalid("row " + std::to_string(end) + " is beyond the " + std::to_string(std::min(view.rows, s.params.rowsMax)) + " that there are");
  }
  try {
    if (!s.coded()) return s.addRows(view, indexed, end, cancel, RawPairs(view, s.params.metric), RawPairs(view, s.params.metric));
    if (!s.trained) {
      if (indexed.count(end) < kTrainRows) return {};
      s.train(view, indexed, end);
    }
    const CodeSet set = s.codeSet();
    return s.addRows(view, indexed, end, cancel, CodePairs(set), CodePairs(set));
  } catch (const std::bad_alloc&) {
    return Status::outOfMemory();
  }
}

uint32_t GrowingGraph::rows() const { return state_->rows.load(std::memory_order_acquire); }
Metric GrowingGraph::metric() const { return state_->params.metric; }

uint64_t GrowingGraph::memoryBytes() const {
  const State& s = *state_;
  const uint64_t perRow = uint64_t{s.layers[0].slots} * 8 + 1 + s.header.codeStride + (s.coded() ? 4 : 0) + (s.centered() ? 4 : 0);
  uint64_t bytes = rows() * perRow;
  for (uint32_t l = 1; l <= kUpperLevelsMax; ++l) bytes += uint64_t{s.layers[l].count.load(std::memory_order_relaxed)} * (s.layers[l].slots * 8ull + 9);
  return bytes;
}

Status GrowingGraph::search(const VectorView& view, const uint8_t* queries, uint32_t nq, const Bitset& visible, const SearchParams& params,
                            CancelToken cancel, HnswScratch* scratch, const HitBuffer& out, SearchStats* stats) const {
  const State& s = *state_;
  if (Status status = checkSearch(params, out); !status.ok()) return status;
  if (view.type != s.params.type || view.dim != s.params.dim) return Status::invalid("the column is of another type or dimension than the graph");
  const uint32_t added = std::min(rows(), view.rows);
  uint32_t known = s.coded() ? s.codedRows.load(std::memory_order_acquire) : added;
  // The words of the bitset divide the rows.
  known = known >= view.rows ? view.rows : known / 64 * 64;
  if (params.group != nullptr || added == 0 || s.entry >= known) return flatSearch(view, s.params.metric, queries, nq, visible, params, cancel, out, stats);
  try {
    HnswParts parts{};
    parts.header = s.header;
    parts.header.rows = known;
    // Only whether there are rows without a vector is asked.
    parts.header.nodes = s.nodes.load(std::memory_order_relaxed) >= added ? known : known - 1;
    parts.header.entry = s.entry;
    parts.center = s.centered() ? s.quantiser.center.data() : nullptr;
    parts.biases = s.centered() ? s.biases.data() : nullptr;
    parts.codes = s.codes.data();
    parts.links = s.layers[0].ids.data();
    GrowingLevels levels;
    levels.linked = added;
    levels.count = s.levels.load(std::memory_order_acquire);
    for (uint32_t l = 1; l <= levels.count; ++l) {
      levels.layers[l] = s.layers[l].view(s.layers[l].count.load(std::memory_order_acquire), known);
      levels.down[l] = s.layers[l].down.data();
    }
    SearchParams asked = params;
    asked.ef = efOf(nullptr, params, parts.header.nodes);
    std::optional<HnswScratch> own;
    HnswScratch& used = scratch == nullptr ? own.emplace() : *scratch;
    if (Status status = searchGraph(parts, &levels, view, queries, nq, visible, asked, cancel, used, out, stats); !status.ok()) return status;
    if (known == view.rows) return {};
    // What came since is compared exactly, as a column of its own.
    std::vector<uint32_t> rest;
    for (uint32_t word = known / 64; uint64_t{word} * 64 < view.rows; ++word) {
      for (uint64_t bits = visible.word(word, view.rows); bits != 0; bits &= bits - 1) rest.push_back(word * 64 + static_cast<uint32_t>(std::countr_zero(bits)));
    }
    if (rest.empty()) return {};
    const size_t hitsMax = params.hitsMax();
    std::vector<uint32_t> rowsFound(hitsMax * nq), counts(nq);
    std::vector<float> scores(hitsMax * nq);
    const HitBuffer late{rowsFound.data(), scores.data(), counts.data()};
    if (Status status = flatSearchRows(view, s.params.metric, queries, nq, rest.data(), static_cast<uint32_t>(rest.size()), params, cancel, late, stats); !status.ok()) return status;
    std::vector<RankedRow> merged;
    const float sign = largerIsBetter(s.params.metric) ? -1.0f : 1.0f;
    for (uint32_t q = 0; q < nq; ++q) {
      merged.clear();
      for (uint32_t i = 0; i < out.counts[q]; ++i) merged.push_back(rankedRow(sign * out.scores[q * hitsMax + i], out.rows[q * hitsMax + i]));
      for (uint32_t i = 0; i < counts[q]; ++i) merged.push_back(rankedRow(sign * scores[q * hitsMax + i], rowsFound[q * hitsMax + i]));
      std::sort(merged.begin(), merged.end());
      writeHits(merged, params, s.params.metric, q, out);
    }
    return {};
  } catch (const std::bad_alloc&) {
    return Status::outOfMemory();
  }
}

}  // namespace redkite
