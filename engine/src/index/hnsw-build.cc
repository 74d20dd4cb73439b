// Building: levels are drawn first, so that the file's size is known and the entry never changes; then nodes are inserted
// from the highest level down, on codes where codes are kept. Lists may grow to one and a half times their final length.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <new>
#include <numeric>
#include <optional>
#include <string>
#include <system_error>
#include <thread>

#include "hnsw-file.h"
#include "hnsw-walk.h"
#include "hnsw-levels.h"
#include "linker.h"
#include "parallel.h"
#include "prepare-row.h"
#include "stepped-walk.h"
#include "row-pairs.h"
#include "redkite/crc32c.h"
#include "redkite/quantise.h"

namespace redkite {
namespace {

constexpr uint32_t kThreadsMax = 256;
constexpr uint32_t kInsertsBetweenPolls = 32;
/// Nodes that a thread inserts in turns: what the walk of one asked memory for arrives while the others compute.
constexpr uint32_t kInsertLanes = 3;

/// A layer while it grows: ids and distances apart, so that walks touch only ids.
struct GrowingLayer {
  std::vector<uint32_t> ids;
  std::vector<float> distances;
  std::vector<uint8_t> locks;
  uint32_t kept = 0;   ///< links that pruning leaves
  uint32_t slots = 0;  ///< room for links

  LinkLists lists(const uint32_t* rows) { return {ids.data(), distances.data(), locks.data(), kept, slots, rows}; }

  void init(uint32_t nodes, uint32_t keep, uint32_t room) {
    kept = keep;
    slots = room;
    ids.assign(size_t{nodes} * room, kNoNode);
    distances.assign(size_t{nodes} * room, 0.0f);
    locks.assign(nodes, 0);
  }
};

struct BuildPlan {
  const VectorView* view;
  HnswBuildParams params;
  HnswBuildControl control;
  HnswHeader header;
  std::vector<uint32_t> order;  ///< rows in the order of insertion: upper rows first
};

/// The graph of one build, grown by any number of workers.
template <class Pairs>
class Grower {
 public:
  Grower(const BuildPlan& plan) : plan_(plan), layers_(plan.header.levels + 1) {
    const uint32_t m = plan.params.m;
    layers_[0].init(plan.header.rows, plan.header.slots, plan.header.slots + plan.header.slots / 2);
    for (uint32_t level = 1; level < layers_.size(); ++level) layers_[level].init(plan.header.levelNodes[level - 1], m, m + m / 2);
  }

  /// Inserts everything; `makePairs` gives each worker its own query memory.
  template <class MakePairs>
  Status grow(MakePairs makePairs) {
    const uint32_t total = static_cast<uint32_t>(plan_.order.size());
    const uint32_t threads = std::clamp(plan_.params.threads, 1u, kThreadsMax);
    // The first nodes of all are the ground that the others stand on.
    next_ = 1;
    runWorkers(threads, [&] {
      Worker worker(*this, makePairs);
      worker.insertAll(total);
    });
    if (plan_.control.cancel.raised()) return Status::canceled();
    if (outOfMemory_) return Status::outOfMemory();
    runWorkers(threads, [&, at = std::make_shared<std::atomic<uint32_t>>(0)] {
      Worker worker(*this, makePairs);
      constexpr uint32_t step = 256;
      for (uint32_t begin = at->fetch_add(step); begin < total; begin = at->fetch_add(step)) {
        for (uint32_t i = begin; i < std::min(total, begin + step); ++i) worker.finish(i);
      }
    });
    return outOfMemory_ ? Status::outOfMemory() : Status{};
  }

  /// Copies the finished lists to their places in the file.
  void write(uint8_t* file) const {
    uint32_t* links = reinterpret_cast<uint32_t*>(file + plan_.header.linksAt);
    copyLinks(layers_[0], plan_.header.rows, plan_.header.slots, links);
    uint32_t* upper = reinterpret_cast<uint32_t*>(file + plan_.header.upperLinksAt);
    for (uint32_t level = 1; level < layers_.size(); ++level) {
      const uint32_t nodes = plan_.header.levelNodes[level - 1];
      copyLinks(layers_[level], nodes, plan_.params.m, upper);
      upper += size_t{nodes} * plan_.params.m;
    }
  }

 private:
  static void copyLinks(const GrowingLayer& layer, uint32_t nodes, uint32_t slots, uint32_t* out) {
    for (uint32_t node = 0; node < nodes; ++node) {
      const uint32_t* from = layer.ids.data() + size_t{node} * layer.slots;
      std::copy(from, from + slots, out + size_t{node} * slots);
    }
  }

  /// Runs `body` on this thread and threads - 1 others. Running out of memory in one stops all.
  template <class Body>
  void runWorkers(uint32_t threads, const Body& body) {
    const auto guarded = [&] {
      try {
        body();
      } catch (const std::bad_alloc&) {
        outOfMemory_ = true;
        failed_ = true;
      }
    };
    std::vector<std::thread> others;
    try {
      for (uint32_t i = 1; i < threads; ++i) others.emplace_back(guarded);
    } catch (const std::system_error&) {
      // Fewer threads than asked for do the same work.
    }
    guarded();
    for (std::thread& other : others) other.join();
  }

  Layer layer(uint32_t level) const {
    const GrowingLayer& growing = layers_[level];
    const bool upper = level > 0;
    return {growing.ids.data(), growing.slots, upper ? plan_.header.levelNodes[level - 1] : plan_.header.rows,
            upper ? plan_.order.data() : nullptr, plan_.header.rows};
  }

  LinkLists lists(uint32_t level) { return layers_[level].lists(level == 0 ? nullptr : plan_.order.data()); }

  class Worker {
   public:
    template <class MakePairs>
    Worker(Grower& grower, MakePairs makePairs) : g_(grower), linker_(makePairs()) {
      for (uint32_t i = 0; i < kInsertLanes; ++i) lanes_.emplace_back(makePairs());
    }

    /// Inserts what no other worker has taken.
    void insertAll(uint32_t total) {
      uint32_t active = 0;
      Lane* order[kInsertLanes];
      for (Lane& lane : lanes_) {
        if (!take(lane, total)) break;
        order[active++] = &lane;
      }
      while (active > 0) {
        for (uint32_t i = 0; i < active; ++i) {
          Lane& lane = *order[i];
          if (lane.walk->step()) continue;
          leave(lane);
          if (!take(lane, total)) order[i--] = order[--active];
        }
      }
    }

    /// Cuts the lists of a node to their final length, closest first.
    void finish(uint32_t at) {
      const HnswHeader& header = g_.plan_.header;
      linker_.trim(g_.lists(0), g_.plan_.order[at]);
      for (uint32_t level = 1; level <= header.levels && at < header.levelNodes[level - 1]; ++level) linker_.trim(g_.lists(level), at);
    }

   private:
    using Space = typename Pairs::Space;

    /// A node on its way into the graph.
    struct Lane {
      explicit Lane(Pairs pairs) : base(std::move(pairs)) {}

      Pairs base;
      Pool pool;
      NodeSet visited;
      Layer layer;
      std::optional<Space> space;
      std::optional<SteppedWalk<Space>> walk;
      uint32_t at = 0;
      uint32_t level = 0;
      std::vector<std::vector<Neighbour>> found;
    };

    /// The next node that nobody has taken, with its upper layers searched and the walk of the lowest one begun. False when there is none.
    bool take(Lane& lane, uint32_t total) {
      if (++taken_ % kInsertsBetweenPolls == 0 && g_.plan_.control.cancel.raised()) g_.failed_ = true;
      if (g_.failed_.load(std::memory_order_relaxed)) return false;
      const uint32_t at = g_.next_.fetch_add(1, std::memory_order_relaxed);
      if (at >= total) return false;
      const HnswHeader& header = g_.plan_.header;
      const uint32_t row = g_.plan_.order[at];
      lane.base.setRow(row);
      lane.at = at;
      lane.level = 0;
      while (lane.level < header.levels && at < header.levelNodes[lane.level]) ++lane.level;
      lane.found.resize(lane.level + 1);
      lane.space.emplace(lane.base.space());
      uint32_t start = header.levels > 0 ? 0 : g_.plan_.order[0];
      for (uint32_t upper = header.levels; upper > 0; --upper) {
        if (upper > lane.level) {
          start = descendLayer(g_.layer(upper), *lane.space, start, counts_);
        } else {
          begin(lane, upper, start, at);
          while (lane.walk->step()) continue;
          keepFound(lane, upper);
          if (!lane.found[upper].empty()) start = lane.found[upper].front().node;
        }
      }
      if (header.levels > 0) start = g_.plan_.order[start];
      begin(lane, 0, start, row);
      return true;
    }

    /// Links from the ground up, once all layers were searched: a node that is found in a layer has its links below.
    void leave(Lane& lane) {
      keepFound(lane, 0);
      const uint32_t row = g_.plan_.order[lane.at];
      for (uint32_t l = 0; l <= lane.level; ++l) linker_.link(g_.lists(l), l == 0 ? row : lane.at, lane.found[l], g_.plan_.params.m);
      if (g_.plan_.control.progress != nullptr) __atomic_fetch_add(g_.plan_.control.progress, 1, __ATOMIC_RELAXED);
    }

    void begin(Lane& lane, uint32_t level, uint32_t start, uint32_t self) {
      lane.layer = g_.layer(level);
      lane.pool.reset(g_.plan_.params.efConstruction);
      lane.visited.reset(lane.layer.nodes);
      lane.visited.add(self);
      lane.walk.emplace(lane.layer, *lane.space, lane.pool, lane.visited, counts_, Company::others);
      lane.walk->start(start);
    }

    static void keepFound(Lane& lane, uint32_t level) {
      std::vector<Neighbour>& found = lane.found[level];
      found.clear();
      for (uint32_t i = 0; i < lane.pool.size(); ++i) found.push_back({distanceOfCandidate(lane.pool.at(i)), nodeOf(lane.pool.at(i))});
    }

    Grower& g_;
    Linker<Pairs> linker_;
    std::vector<Lane> lanes_;
    WalkCounts counts_;
    uint32_t taken_ = 0;
  };

  const BuildPlan& plan_;
  std::vector<GrowingLayer> layers_;
  std::atomic<uint32_t> next_{0};
  std::atomic<bool> failed_{false};
  std::atomic<bool> outOfMemory_{false};
};

ScalarQuantiser trainOn(const BuildPlan& plan) {
  const VectorView& view = *plan.view;
  const Metric metric = plan.params.metric;
  // Signed bytes are codes already.
  if (view.type == VectorType::i8 && metric != Metric::cosine) return {view.dim, 1, std::vector<float>(view.dim, 0.0f)};
  const uint32_t total = static_cast<uint32_t>(plan.order.size());
  const uint32_t count = std::min(total, std::max(64u, (1u << 22) / view.dim));
  std::vector<float> sample(size_t{count} * view.dim);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t at = static_cast<uint32_t>(uint64_t{i} * total / count);
    prepareRow(view, metric, plan.order[at], sample.data() + size_t{i} * view.dim);
  }
  // The largest inner products come from the longest rows, which clipping would shorten.
  return trainQuantiser(sample.data(), count, view.dim, metric == Metric::l2, metric != Metric::ip);
}

void encodeRows(const BuildPlan& plan, const ScalarQuantiser& quantiser, uint8_t* file) {
  const HnswHeader& h = plan.header;
  std::vector<float> row(h.dim);
  for (const uint32_t id : plan.order) {
    prepareRow(*plan.view, plan.params.metric, id, row.data());
    uint8_t* codes = file + h.codesAt + uint64_t{id} * h.codeStride;
    quantiser.encode(row.data(), codes);
    if (h.biasesAt == 0) continue;
    int64_t squared = 0;
    for (uint32_t d = 0; d < h.dim; ++d) {
      const int32_t value = static_cast<int32_t>(codes[d]) - 128;
      squared += value * value;
    }
    reinterpret_cast<float*>(file + h.biasesAt)[id] = quantiser.scale * quantiser.scale * static_cast<float>(squared);
  }
  if (h.centerAt != 0) std::copy(quantiser.center.begin(), quantiser.center.end(), reinterpret_cast<float*>(file + h.centerAt));
}

CodeSet codeSetOf(const BuildPlan& plan, const uint8_t* file, std::vector<float>& constants) {
  const HnswHeader& h = plan.header;
  constants.resize(h.rows);
  CodeSet set{&kernels(), file + h.codesAt, h.codeStride, h.biasesAt == 0 ? nullptr : reinterpret_cast<const float*>(file + h.biasesAt),
              h.codeScale, constants.data()};
  const float squared = set.scale * set.scale;
  for (const uint32_t row : plan.order) {
    const uint8_t* code = set.codes + uint64_t{row} * set.stride;
    int32_t sum = -128 * static_cast<int32_t>(h.dim);
    for (uint32_t d = 0; d < h.dim; ++d) sum += code[d];
    const float product = 128.0f * static_cast<float>(sum) * squared;
    constants[row] = set.biases == nullptr ? product : set.biases[row] + 2 * product;
  }
  return set;
}

/// Whether the nearest rows of some rows are among the nearest few by code. Where they are not (few dimensions, a scale set by far
/// outliers), a walk on codes would lose them however wide it is.
bool codesKeepNeighbours(const BuildPlan& plan, const CodeSet& set) {
  constexpr uint32_t queries = 24;
  constexpr uint32_t rowsMax = 100'000;
  constexpr uint32_t nearest = 10;
  constexpr uint32_t among = 20;
  const uint32_t total = static_cast<uint32_t>(plan.order.size());
  if (total <= among) return true;
  const uint32_t count = std::min(total, rowsMax);
  std::vector<uint32_t> rows(count);
  for (uint32_t i = 0; i < count; ++i) rows[i] = plan.order[static_cast<uint32_t>(uint64_t{i} * total / count)];
  RawPairs exact(*plan.view, plan.params.metric);
  CodePairs coded(set);
  std::vector<RankedRow> byRow(count);
  std::vector<RankedRow> byCode(count);
  uint32_t kept = 0;
  for (uint32_t q = 0; q < queries; ++q) {
    const uint32_t query = rows[static_cast<uint32_t>((uint64_t{q} * 2 + 1) * count / (queries * 2))];
    exact.setRow(query);
    coded.setRow(query);
    float distances[kWalkBatch];
    for (uint32_t begin = 0; begin < count; begin += kWalkBatch) {
      const uint32_t n = std::min(kWalkBatch, count - begin);
      exact.space().distances(rows.data() + begin, n, distances);
      for (uint32_t i = 0; i < n; ++i) byRow[begin + i] = rankedRow(distances[i], rows[begin + i]);
      coded.space().distances(rows.data() + begin, n, distances);
      for (uint32_t i = 0; i < n; ++i) byCode[begin + i] = rankedRow(distances[i], rows[begin + i]);
    }
    std::nth_element(byRow.begin(), byRow.begin() + nearest, byRow.end());
    std::nth_element(byCode.begin(), byCode.begin() + among, byCode.end());
    std::vector<uint32_t> close;
    for (uint32_t i = 0; i < among; ++i) close.push_back(rowOf(byCode[i]));
    // Rows at exactly the distance of the tenth are as good as it.
    for (uint32_t i = 0; i < nearest; ++i) {
      kept += std::find(close.begin(), close.end(), rowOf(byRow[i])) != close.end() ||
              distanceOf(byRow[i]) >= distanceOf(byRow[nearest]);
    }
  }
  return kept * 100 >= queries * nearest * 97;
}

Status checkParams(const VectorView& view, const HnswBuildParams& params) {
  const auto outside = [](const char* name, uint64_t value, uint64_t low, uint64_t high) {
    return Status::invalid(std::string(name) + " is " + std::to_string(value) + ", it must be " + std::to_string(low) + " to " +
                           std::to_string(high));
  };
  if (view.type == VectorType::sparse || !metricIndexed(view.type, params.metric)) {
    return Status::invalid("metric " + std::to_string(static_cast<int>(params.metric)) + " does not exist for vector type " +
                           std::to_string(static_cast<int>(view.type)));
  }
  const uint32_t dimMax = view.type == VectorType::binary ? kDimMax * 8 : kDimMax;
  if (view.dim == 0 || view.dim > dimMax) return outside("dimension", view.dim, 1, dimMax);
  if (view.rows > kRowsMax) return outside("row count", view.rows, 0, kRowsMax);
  if (params.m < kLinksMMin || params.m > kLinksMMax) return outside("M", params.m, kLinksMMin, kLinksMMax);
  if (params.efConstruction == 0 || params.efConstruction > 65536) return outside("efConstruction", params.efConstruction, 1, 65536);
  if (!params.rerank && (view.type == VectorType::binary || params.codes == HnswCodes::automatic || params.codes == HnswCodes::none)) {
    return Status::invalid("a graph without raw rows needs codes");
  }
  if (params.codes != HnswCodes::product) return {};
  if (view.type == VectorType::binary) return Status::invalid("binary rows have no product codes");
  if (params.nbits == 0 || params.nbits > 8) return outside("nbits", params.nbits, 1, 8);
  if (params.productLevels == 0 || params.productLevels > kProductLevelsMax) return outside("nrq", params.productLevels, 1, kProductLevelsMax);
  if (params.subs == 0 || params.subs > view.dim || view.dim % params.subs != 0) {
    return Status::invalid("m is " + std::to_string(params.subs) + ", it must divide the dimension " + std::to_string(view.dim));
  }
  return {};
}

void setScalarCodes(HnswHeader& h, bool rerank) {
  h.codeKind = codeKindOf(rerank ? NodeCodes::u8 : NodeCodes::u8Alone);
  h.codeStride = codeStrideOf(h.dim);
}

HnswHeader headerFor(const VectorView& view, const HnswBuildParams& params) {
  HnswHeader h{};
  h.magic = kHnswMagic;
  h.version = kHnswVersion;
  h.type = static_cast<uint8_t>(view.type);
  h.metric = static_cast<uint8_t>(params.metric);
  h.dim = view.dim;
  h.rows = view.rows;
  h.m = params.m;
  h.efConstruction = params.efConstruction;
  h.entry = kNoNode;
  h.seed = params.seed;
  h.slots = linkSlots(params.m);
  if (params.codes == HnswCodes::product) {
    h.codeKind = codeKindOf(params.rerank ? NodeCodes::product : NodeCodes::productAlone, params.nbits, params.productLevels);
    h.codeStride = params.subs * params.productLevels;
  } else if (view.type != VectorType::binary && params.codes != HnswCodes::none) {
    setScalarCodes(h, params.rerank);
  }
  h.codeScale = 1;
  return h;
}

/// Draws levels and puts rows in their order of insertion.
void planLevels(BuildPlan& plan, const Bitset& indexed) {
  HnswHeader& h = plan.header;
  std::vector<std::pair<uint32_t, uint32_t>> upper;  // (levels below the top, row)
  std::vector<uint32_t> ground;
  for (uint32_t row = 0; row < h.rows; ++row) {
    if (!indexed.test(row)) continue;
    ++h.nodes;
    const uint32_t level = hnswLevelOf(plan.params.seed, row, plan.params.m);
    if (level == 0) {
      ground.push_back(row);
    } else {
      upper.emplace_back(kLevelsMax - level, row);
      h.levels = std::max(h.levels, level);
      for (uint32_t l = 0; l < level; ++l) ++h.levelNodes[l];
    }
  }
  std::sort(upper.begin(), upper.end());
  h.upperNodes = static_cast<uint32_t>(upper.size());
  plan.order.reserve(h.nodes);
  for (const auto& [above, row] : upper) plan.order.push_back(row);
  plan.order.insert(plan.order.end(), ground.begin(), ground.end());
  if (h.nodes > 0) h.entry = plan.order[0];
}

void seal(const HnswHeader& header, uint8_t* file) {
  std::memcpy(file, &header, sizeof(header));
  const uint32_t crc = crc32c(file, offsetof(HnswHeader, crc));
  std::memcpy(file + offsetof(HnswHeader, crc), &crc, sizeof(crc));
  uint32_t* checksums = reinterpret_cast<uint32_t*>(file + header.checksumsAt);
  for (uint64_t block = 0; block < checksumBlocks(header); ++block) {
    const uint64_t begin = sizeof(HnswHeader) + block * kChecksumBlock;
    checksums[block] = crc32c(file + begin, std::min(kChecksumBlock, header.checksumsAt - begin));
  }
}

template <class Pairs, class MakePairs>
Result<AlignedBytes> growInto(const BuildPlan& plan, AlignedBytes file, MakePairs makePairs) {
  if (plan.control.progress != nullptr) __atomic_store_n(plan.control.progress, plan.order.empty() ? 0 : 1, __ATOMIC_RELAXED);
  Grower<Pairs> grower(plan);
  if (Status status = grower.grow(makePairs); !status.ok()) return {std::move(status), {}};
  std::copy(plan.order.begin(), plan.order.begin() + plan.header.upperNodes, reinterpret_cast<uint32_t*>(file.data() + plan.header.upperRowsAt));
  grower.write(file.data());
  seal(plan.header, file.data());
  return {{}, std::move(file)};
}

/// Books, codes and squared lengths of all rows. `center` is zeros unless l2.
Status encodeProducts(const BuildPlan& plan, const std::vector<float>& center, uint8_t* file) {
  const HnswHeader& h = plan.header;
  const ProductShape shape = productShapeOf(h);
  const uint32_t total = static_cast<uint32_t>(plan.order.size());
  const uint32_t count = static_cast<uint32_t>(std::min<uint64_t>(total, productSampleRows(shape)));
  float* centerAt = reinterpret_cast<float*>(file + h.centerAt);
  float* books = centerAt + h.dim;
  std::copy(center.begin(), center.end(), centerAt);
  const auto prepare = [&](uint32_t id, float* row) {
    prepareRow(*plan.view, plan.params.metric, id, row);
    for (uint32_t d = 0; d < h.dim; ++d) row[d] = std::isfinite(row[d]) ? row[d] - center[d] : 0.0f;
  };
  std::vector<float> sample(size_t{count} * h.dim);
  for (uint32_t i = 0; i < count; ++i) prepare(plan.order[static_cast<uint32_t>(uint64_t{i} * total / count)], sample.data() + size_t{i} * h.dim);
  Status status = trainProductBooks(sample, count, shape, plan.params.threads, plan.params.seed, plan.control.cancel, books);
  if (!status.ok()) return status;
  return parallelFor(plan.params.threads, total, 256, plan.control.cancel, [&] {
    return [&, encoder = ProductEncoder(shape, books), row = std::vector<float>(h.dim), left = std::vector<float>(h.dim)](uint32_t begin, uint32_t end) mutable {
      for (uint32_t i = begin; i < end; ++i) {
        const uint32_t id = plan.order[i];
        prepare(id, row.data());
        left = row;
        encoder.encode(left.data(), file + h.codesAt + uint64_t{id} * h.codeStride);
        if (h.biasesAt == 0) continue;
        double squared = 0;
        for (uint32_t d = 0; d < h.dim; ++d) squared += static_cast<double>(row[d] - left[d]) * static_cast<double>(row[d] - left[d]);
        reinterpret_cast<float*>(file + h.biasesAt)[id] = static_cast<float>(squared);
      }
    };
  });
}

/// The graph is grown on 8-bit codes, which are thrown away, or on the raw rows where those lose neighbours: links of coarse codes would keep
/// the walk from good rows for ever.
Result<AlignedBytes> buildOnProducts(const BuildPlan& plan, AlignedBytes file) {
  const ScalarQuantiser quantiser = trainOn(plan);
  if (Status status = encodeProducts(plan, quantiser.center, file.data()); !status.ok()) return {std::move(status), {}};
  BuildPlan walk{plan.view, plan.params, plan.control, plan.header, plan.order};
  setScalarCodes(walk.header, true);
  walk.header.codeScale = quantiser.scale;
  placeSections(walk.header);
  AlignedBytes codes = AlignedBytes::allocate(walk.header.linksAt);
  if (codes.data() == nullptr) return {Status::outOfMemory(), {}};
  encodeRows(walk, quantiser, codes.data());
  std::vector<float> constants;
  const CodeSet set = codeSetOf(walk, codes.data(), constants);
  if (codesKeepNeighbours(walk, set)) {
    return growInto<CodePairs>(plan, std::move(file), [&] { return CodePairs(set); });
  }
  codes = {};
  return growInto<RawPairs>(plan, std::move(file), [&] { return RawPairs(*plan.view, plan.params.metric); });
}

Result<AlignedBytes> build(const VectorView& view, const Bitset& indexed, const HnswBuildParams& params,
                           const HnswBuildControl& control) {
  if (Status status = checkParams(view, params); !status.ok()) return {std::move(status), {}};
  BuildPlan plan{&view, params, control, headerFor(view, params), {}};
  planLevels(plan, indexed);
  placeSections(plan.header);
  AlignedBytes file = AlignedBytes::allocate(plan.header.bytes);
  if (file.data() == nullptr) return {Status::outOfMemory(), {}};
  if (isProduct(codesOf(plan.header))) return buildOnProducts(plan, std::move(file));
  if (isScalar(codesOf(plan.header))) {
    const ScalarQuantiser quantiser = trainOn(plan);
    plan.header.codeScale = quantiser.scale;
    encodeRows(plan, quantiser, file.data());
    std::vector<float> constants;
    const CodeSet set = codeSetOf(plan, file.data(), constants);
    if (params.codes == HnswCodes::u8 || codesKeepNeighbours(plan, set)) {
      return growInto<CodePairs>(plan, std::move(file), [&] {
        return CodePairs(set);
      });
    }
    plan.header.codeKind = 0;
    plan.header.codeStride = 0;
    plan.header.codeScale = 1;
    placeSections(plan.header);
    file = AlignedBytes::allocate(plan.header.bytes);
    if (file.data() == nullptr) return {Status::outOfMemory(), {}};
  }
  return growInto<RawPairs>(plan, std::move(file), [&] { return RawPairs(view, params.metric); });
}

}  // namespace

Result<AlignedBytes> buildHnsw(const VectorView& view, const Bitset& indexed, const HnswBuildParams& params,
                               const HnswBuildControl& control) {
  try {
    return build(view, indexed, params, control);
  } catch (const std::bad_alloc&) {
    return {Status::outOfMemory(), {}};
  } catch (const std::length_error&) {
    return {Status::outOfMemory(), {}};
  }
}

uint64_t hnswBuildBytesMax(VectorType type, uint32_t dim, uint32_t rows, const HnswBuildParams& params) {
  const uint64_t slots = linkSlots(params.m);
  const uint64_t scalar = type == VectorType::binary || params.codes == HnswCodes::none ? 0 : codeStrideOf(dim);
  const bool product = params.codes == HnswCodes::product;
  const ProductShape shape{dim, std::max(1u, params.subs), params.productLevels, params.nbits};
  // Product codes lie beside the 8-bit ones while the graph grows.
  const uint64_t stride = scalar + (product ? uint64_t{params.subs} * params.productLevels + 8 : 0);
  const uint64_t books = product ? shape.bookFloats() * 4 + productSampleRows(shape) * dim * 4 + params.threads * (uint64_t{params.productLevels} * params.subs * 2048 + 16ull * dim) : 0;
  // Upper levels hold a share of 1 / (M - 1) of the nodes; half as many again covers unlucky draws.
  const uint64_t upper = rows * 3ull / (2 * (params.m > 1 ? params.m - 1 : 1)) + 1024;
  const uint64_t file = sizeof(HnswHeader) + rows * (stride + 4 + slots * 4) + upper * (params.m + 1) * 4 + 4ull * dim + 16384;
  const uint64_t growing = rows * (slots * 3 / 2 * 8 + 1 + 12) + upper * (params.m * 3ull / 2 * 8 + 1);
  const uint64_t training = std::max<uint64_t>(64, (1u << 22) / std::max(1u, dim)) * dim * 4 + (uint64_t{1} << 20);
  const uint64_t perLane = rows * 3ull / 16 + uint64_t{params.efConstruction} * 64 + 8ull * dim + 4096;
  const uint64_t perThread = kInsertLanes * perLane + 65536;
  return books + file + file / kChecksumBlock * 4 + growing + std::max<uint64_t>(training, 1'700'000) + params.threads * perThread;
}

}  // namespace redkite
