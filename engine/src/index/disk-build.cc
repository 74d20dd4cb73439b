// Building: one layer is grown by insertion from the middle outwards and pruned with alpha; then neighbours are laid together in blocks, those
// around the starts of walks first, since these stay in memory.
#include <algorithm>
#include <cmath>
#include <string>

#include "disk-file.h"
#include "grow-graph.h"
#include "k-means.h"
#include "prepare-row.h"
#include "redkite/crc32c.h"
#include "unless-out-of-memory.h"

namespace redkite {
namespace {

/// Of squared distances: 1.2 times as near, which DiskANN found best.
constexpr float kAlpha = 1.44f;
/// Rows that the first node is chosen from, as the nearest to their mean.
constexpr uint32_t kMiddleRows = 10'000;

Status checkParams(const VectorView& view, const DiskBuildParams& params) {
  const auto outside = [](const char* name, uint64_t value, uint64_t low, uint64_t high) {
    return Status::invalid(std::string(name) + " is " + std::to_string(value) + ", it must be " + std::to_string(low) + " to " + std::to_string(high));
  };
  if (view.type > VectorType::i8 || !metricIndexed(view.type, params.metric)) {
    return Status::invalid("DISKANN does not exist for metric " + std::to_string(static_cast<int>(params.metric)) + " and vector type " +
                           std::to_string(static_cast<int>(view.type)));
  }
  if (view.dim == 0 || view.dim > kDimMax) return outside("dimension", view.dim, 1, kDimMax);
  if (view.rows > kRowsMax) return outside("row count", view.rows, 0, kRowsMax);
  if (params.maxDegree == 0 || params.maxDegree > kDiskDegreeMax) return outside("max_degree", params.maxDegree, 1, kDiskDegreeMax);
  if (params.searchList == 0 || params.searchList > kDiskSearchListMax) return outside("search_list_size", params.searchList, 1, kDiskSearchListMax);
  if (!(params.codesPerRow >= 0)) return Status::invalid("pq_code_budget_gb_ratio is " + std::to_string(params.codesPerRow) + ", it must be at least 0");
  if (!(params.cachedPerRow >= 0)) return Status::invalid("search_cache_budget_gb_ratio is " + std::to_string(params.cachedPerRow) + ", it must be at least 0");
  return {};
}

/// Bytes of a row's codes: whole subspaces of equal width within the budget.
uint32_t subspaces(VectorType type, uint32_t dim, float codesPerRow) {
  const double budget = static_cast<double>(rowBytes(type, dim)) * static_cast<double>(codesPerRow);
  const uint32_t most = static_cast<uint32_t>(std::clamp(budget, 1.0, static_cast<double>(dim)));
  const uint32_t width = (dim + most - 1) / most;
  return (dim + width - 1) / width;
}

DiskHeader headerFor(const VectorView& view, const DiskBuildParams& params, uint32_t nodes) {
  DiskHeader h{};
  h.magic = kDiskMagic;
  h.version = kDiskVersion;
  h.type = static_cast<uint8_t>(view.type);
  h.metric = static_cast<uint8_t>(params.metric);
  h.dim = view.dim;
  h.rows = view.rows;
  h.nodes = nodes;
  h.maxDegree = params.maxDegree;
  h.searchList = params.searchList;
  h.starts = diskStarts(nodes);
  h.seed = params.seed;
  h.subs = subspaces(view.type, view.dim, params.codesPerRow);
  shapeBlocks(h);
  const double cached = static_cast<double>(rowBytes(view.type, view.dim)) * static_cast<double>(params.cachedPerRow) * nodes / h.blockBytes;
  h.cachedBlocks = static_cast<uint32_t>(std::min(cached, static_cast<double>(h.blocks)));
  placeSections(h);
  return h;
}

/// The row nearest to the mean, of some.
uint32_t middleRow(const VectorView& view, Metric metric, const std::vector<uint32_t>& rows) {
  const uint32_t count = std::min(kMiddleRows, static_cast<uint32_t>(rows.size()));
  const auto at = [&](uint32_t i) { return rows[static_cast<uint32_t>(uint64_t{i} * rows.size() / count)]; };
  std::vector<float> row(view.dim);
  std::vector<double> mean(view.dim, 0.0);
  for (uint32_t i = 0; i < count; ++i) {
    prepareRow(view, metric, at(i), row.data());
    for (uint32_t d = 0; d < view.dim; ++d) mean[d] += std::isfinite(row[d]) ? static_cast<double>(row[d]) / count : 0;
  }
  uint32_t best = at(0);
  double bestDistance = std::numeric_limits<double>::infinity();
  for (uint32_t i = 0; i < count; ++i) {
    prepareRow(view, metric, at(i), row.data());
    double distance = 0;
    for (uint32_t d = 0; d < view.dim; ++d) distance += (static_cast<double>(row[d]) - mean[d]) * (static_cast<double>(row[d]) - mean[d]);
    if (!(distance < bestDistance)) continue;
    bestDistance = distance;
    best = at(i);
  }
  return best;
}

/// The graph as the HNSW builder sees it: one layer, begun in the middle, rows in random order, since in their own they may come cluster by cluster.
BuildPlan planGraph(const VectorView& view, const Bitset& indexed, const DiskBuildParams& params, const HnswBuildControl& control) {
  BuildPlan plan{&view, &indexed, {}, control, {}, {}};
  plan.params.metric = params.metric;
  plan.params.m = params.maxDegree;
  plan.params.efConstruction = std::max(params.searchList, params.maxDegree);
  plan.params.threads = params.threads;
  plan.params.seed = params.seed;
  plan.header.type = static_cast<uint8_t>(view.type);
  plan.header.metric = static_cast<uint8_t>(params.metric);
  plan.header.dim = view.dim;
  plan.header.rows = view.rows;
  plan.header.m = params.maxDegree;
  plan.header.slots = params.maxDegree;
  plan.header.codeScale = 1;
  if (params.metric == Metric::l2) plan.spread = {kAlpha, 0};
  // One minus the similarity is half the squared distance of unit vectors; inner products have no such begin.
  if (params.metric == Metric::cosine) plan.spread = {kAlpha, 1};
  for (uint32_t row = 0; row < view.rows; ++row) if (indexed.test(row)) plan.order.push_back(row);
  if (plan.order.empty()) return plan;
  const uint32_t middle = middleRow(view, params.metric, plan.order);
  TrainingRandom random(params.seed);
  for (uint32_t left = static_cast<uint32_t>(plan.order.size()); left > 1; --left) std::swap(plan.order[left - 1], plan.order[random.below(left)]);
  std::iter_swap(plan.order.begin(), std::find(plan.order.begin(), plan.order.end(), middle));
  return plan;
}

/// Puts every node into a block, from the starts outwards: the first of a block is the next node that has no place, the others are its
/// nearest neighbours, and theirs, that have none either.
class Packer {
 public:
  Packer(const DiskHeader& h, const std::vector<uint32_t>& links, uint32_t* places) : h_(h), links_(links), places_(places), queued_((size_t{h.rows} + 63) / 64, 0) {
    std::fill(places, places + h.rows, kNoRow);
  }

  void pack(const std::vector<uint32_t>& order) {
    for (uint32_t i = 0; i < h_.starts; ++i) enqueue(order[i]);
    for (const uint32_t start : order) {
      enqueue(start);
      for (; at_ < queue_.size(); ++at_) {
        const uint32_t node = queue_[at_];
        if (places_[node] == kNoRow) fillBlock(node);
        forLinks(node, [this](uint32_t link) { enqueue(link); return true; });
      }
    }
  }

 private:
  void enqueue(uint32_t node) {
    uint64_t& word = queued_[node >> 6];
    const uint64_t bit = uint64_t{1} << (node & 63);
    if ((word & bit) == 0) queue_.push_back(node);
    word |= bit;
  }

  template <class Visit>
  void forLinks(uint32_t node, Visit visit) const {
    const uint32_t* links = links_.data() + size_t{node} * h_.maxDegree;
    for (uint32_t i = 0; i < h_.maxDegree && links[i] != kNoRow; ++i) if (!visit(links[i])) return;
  }

  void fillBlock(uint32_t first) {
    // A block is begun where the last one ended, full or not: places are block times nodes, so that the count of blocks is known before.
    members_.clear();
    add(first);
    for (size_t from = 0; from < members_.size() && next_ % h_.nodesPerBlock != 0; ++from) {
      forLinks(members_[from], [this](uint32_t link) {
        if (places_[link] == kNoRow) add(link);
        return next_ % h_.nodesPerBlock != 0;
      });
    }
  }

  void add(uint32_t node) {
    places_[node] = next_++;
    members_.push_back(node);
  }

  const DiskHeader& h_;
  const std::vector<uint32_t>& links_;
  uint32_t* places_;
  std::vector<uint64_t> queued_;
  std::vector<uint32_t> queue_;
  std::vector<uint32_t> members_;
  size_t at_ = 0;
  uint32_t next_ = 0;
};

void writeBlocks(const BuildPlan& plan, const DiskHeader& h, const std::vector<uint32_t>& links, uint8_t* file) {
  const uint32_t* places = reinterpret_cast<const uint32_t*>(file + h.placesAt);
  uint8_t* blocks = file + h.blocksAt;
  const uint32_t nodeBytes = diskNodeBytes(h);
  for (uint32_t place = h.nodes; place < h.blocks * h.nodesPerBlock; ++place) {
    std::memcpy(blocks + uint64_t{place / h.nodesPerBlock} * h.blockBytes + size_t{place % h.nodesPerBlock} * nodeBytes, &kNoRow, 4);
  }
  for (const uint32_t row : plan.order) {
    uint8_t* node = blocks + uint64_t{places[row] / h.nodesPerBlock} * h.blockBytes + size_t{places[row] % h.nodesPerBlock} * nodeBytes;
    std::memcpy(node, &row, 4);
    std::memcpy(node + 4, links.data() + size_t{row} * h.maxDegree, size_t{h.maxDegree} * 4);
    std::memcpy(node + 4 + size_t{h.maxDegree} * 4, plan.view->row(row), rowBytes(plan.view->type, h.dim));
  }
  for (uint32_t block = 0; block < h.blocks; ++block) {
    uint8_t* at = blocks + uint64_t{block} * h.blockBytes;
    const uint32_t crc = crc32c(at, h.blockBytes - 4);
    std::memcpy(at + h.blockBytes - 4, &crc, 4);
  }
}

void seal(const DiskHeader& h, uint8_t* file) {
  std::memcpy(file, &h, sizeof(h));
  const uint32_t crc = crc32c(file, offsetof(DiskHeader, crc));
  std::memcpy(file + offsetof(DiskHeader, crc), &crc, 4);
  for (uint64_t part = 0; part < diskChecksums(h); ++part) {
    const uint64_t begin = sizeof(DiskHeader) + part * kDiskChecksumBlock;
    const uint32_t sum = crc32c(file + begin, std::min(kDiskChecksumBlock, h.checksumsAt - begin));
    std::memcpy(file + h.checksumsAt + part * 4, &sum, 4);
  }
}

Result<AlignedBytes> build(const VectorView& view, const Bitset& indexed, const DiskBuildParams& params, const HnswBuildControl& control) {
  if (Status status = checkParams(view, params); !status.ok()) return {std::move(status), {}};
  const BuildPlan plan = planGraph(view, indexed, params, control);
  const DiskHeader h = headerFor(view, params, static_cast<uint32_t>(plan.order.size()));
  const ScalarQuantiser quantiser = trainOn(plan);
  std::vector<uint32_t> links;
  Status status = growOnCodes(plan, quantiser, [&](const auto& grower, Grown) {
    links.resize(size_t{h.rows} * h.maxDegree);
    grower.writeGround(links.data());
    return Status{};
  });
  if (!status.ok()) return {std::move(status), {}};
  AlignedBytes file = AlignedBytes::allocate(h.bytes);
  if (file.data() == nullptr) return {Status::outOfMemory(), {}};
  float* center = reinterpret_cast<float*>(file.data() + h.centerAt);
  std::copy(quantiser.center.begin(), quantiser.center.end(), center);
  status = encodeProducts(plan, diskShape(h.dim, h.subs), quantiser.center, center + h.dim, file.data() + h.codesAt, nullptr);
  if (!status.ok()) return {std::move(status), {}};
  // Those that were inserted first: every part of the graph grew from them.
  std::copy(plan.order.begin(), plan.order.begin() + h.starts, reinterpret_cast<uint32_t*>(file.data() + h.startsAt));
  Packer(h, links, reinterpret_cast<uint32_t*>(file.data() + h.placesAt)).pack(plan.order);
  writeBlocks(plan, h, links, file.data());
  seal(h, file.data());
  return {{}, std::move(file)};
}

}  // namespace

Result<AlignedBytes> buildDisk(const VectorView& view, const Bitset& indexed, const DiskBuildParams& params, const HnswBuildControl& control) {
  return unlessOutOfMemory([&] { return build(view, indexed, params, control); });
}

uint64_t diskBuildBytesMax(VectorType type, uint32_t dim, uint32_t rows, const DiskBuildParams& params) {
  const VectorView view{type, dim, rows, nullptr, 32, rowBytes(type, dim)};
  const DiskHeader h = headerFor(view, params, rows);
  const uint64_t links = uint64_t{rows} * params.maxDegree * 4;
  // The graph grows in lists of half as many links again, with their distances, over 8-bit codes; then the file is written from its links.
  const uint64_t growing = uint64_t{rows} * (uint64_t{params.maxDegree} * 3 / 2 * 8 + 1 + codeStrideOf(dim) + 12) + links;
  const ProductShape shape = diskShape(dim, h.subs);
  const uint64_t coding = productSampleRows(shape) * shape.dim * 4 + params.threads * (uint64_t{h.subs} * 2048 + 16ull * shape.dim);
  const uint64_t writing = links + h.bytes + std::max<uint64_t>(coding, rows * 5ull);
  const uint64_t training = std::max<uint64_t>(64, (1u << 22) / std::max(1u, dim)) * dim * 4 + (uint64_t{1} << 20);
  const uint64_t perLane = rows * 3ull / 16 + uint64_t{std::max(params.searchList, params.maxDegree)} * 64 + 8ull * dim + 4096;
  return rows * 8ull + std::max<uint64_t>(training, 1'700'000) + params.threads * (kInsertLanes * perLane + 65536) + std::max(growing, writing) + 65536;
}

}  // namespace redkite
