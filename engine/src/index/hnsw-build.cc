// Building: levels are drawn first, so that the file's size is known and the entry never changes; then the graph is grown, on codes where
// codes are kept.
#include <algorithm>
#include <string>

#include "calibrate.h"
#include "grow-graph.h"
#include "hnsw-levels.h"
#include "redkite/crc32c.h"
#include "unless-out-of-memory.h"

namespace redkite {
namespace {

/// A build computes some ten times rows times efConstruction distances; for each curve no wider point is measured after this share of one.
constexpr uint32_t kCalibrationShare = 5;

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
  if (refineOf(view.type, params.refine) != Refine::rows && (view.type == VectorType::binary || params.codes == HnswCodes::automatic || params.codes == HnswCodes::none)) {
    return Status::invalid("a graph whose best are not ranked on the raw rows needs codes");
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
  const Refine refine = refineOf(view.type, params.refine);
  if (params.codes == HnswCodes::product) {
    const NodeCodes codes = refine == Refine::none ? NodeCodes::productAlone : NodeCodes::product;
    h.codeKind = codeKindWith(codeKindOf(codes, params.nbits, params.productLevels), refine);
    h.codeStride = params.subs * params.productLevels;
  } else if (view.type != VectorType::binary && params.codes != HnswCodes::none) {
    setScalarCodes(h, refine);
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
  // Entries are never held out: without them the graph would be another.
  plan.heldOut = std::min(static_cast<uint32_t>(ground.size()), heldOutRows(plan.view->type, h.dim, h.nodes));
  std::vector<uint32_t> held;
  for (uint32_t i = 0; i < ground.size(); ++i) {
    const uint64_t before = uint64_t{i} * plan.heldOut / ground.size();
    (uint64_t{i + 1} * plan.heldOut / ground.size() > before ? held : plan.order).push_back(ground[i]);
  }
  plan.order.insert(plan.order.end(), held.begin(), held.end());
  if (h.nodes > 0) h.entry = plan.order[0];
}

/// The curves of ef, of a graph that has all nodes but those held out. The work is bounded by a share of the build's.
Status measureWidths(const BuildPlan& plan, uint8_t* file) {
  HnswParts parts = HnswParts::of(file);
  parts.header.nodes -= plan.heldOut;
  CalibrationPlan calibration{*plan.view, *plan.indexed, plan.params.metric, HeldOut::outside, {plan.order.end() - plan.heldOut, plan.order.end()}, 1, parts.header.nodes,
                              static_cast<uint64_t>(plan.header.nodes) * plan.params.efConstruction / kCalibrationShare, plan.params.threads, plan.control.cancel};
  const Result<WidthCurves> curves = calibrate(calibration, [&](const uint8_t* queries, uint32_t nq, uint32_t ef, const SearchParams& params, const HitBuffer& out, SearchStats& stats) {
    SearchParams asked = params;
    asked.ef = ef;
    HnswScratch scratch;
    return searchGraph(parts, nullptr, *plan.view, queries, nq, *plan.indexed, asked, plan.control.cancel, scratch, out, &stats);
  });
  if (!curves.status.ok()) return curves.status;
  std::memcpy(file + sizeof(HnswHeader), &curves.value, sizeof(WidthCurves));
  return {};
}

void seal(const HnswHeader& header, uint8_t* file) {
  const uint32_t crc = crc32c(file, offsetof(HnswHeader, crc));
  std::memcpy(file + offsetof(HnswHeader, crc), &crc, sizeof(crc));
  uint32_t* checksums = reinterpret_cast<uint32_t*>(file + header.checksumsAt);
  for (uint64_t block = 0; block < checksumBlocks(header); ++block) {
    const uint64_t begin = sizeof(HnswHeader) + block * kChecksumBlock;
    checksums[block] = crc32c(file + begin, std::min(kChecksumBlock, header.checksumsAt - begin));
  }
}

template <class Pairs>
Status writeGraph(const BuildPlan& plan, const Grower<Pairs>& grower, Grown grown, uint8_t* file) {
  std::memcpy(file, &plan.header, sizeof(HnswHeader));
  std::copy(plan.order.begin(), plan.order.begin() + plan.header.upperNodes, reinterpret_cast<uint32_t*>(file + plan.header.upperRowsAt));
  grower.write(file);
  if (grown == Grown::withoutHeldOut) return measureWidths(plan, file);
  seal(plan.header, file);
  return {};
}

template <class Pairs, class MakePairs>
Result<AlignedBytes> growInto(const BuildPlan& plan, AlignedBytes file, MakePairs makePairs) {
  Status status = growGraph<Pairs>(plan, makePairs, [&](const auto& grower, Grown grown) { return writeGraph(plan, grower, grown, file.data()); });
  if (!status.ok()) return {std::move(status), {}};
  return {{}, std::move(file)};
}

Result<AlignedBytes> buildOnProducts(const BuildPlan& plan, AlignedBytes file) {
  const HnswHeader& h = plan.header;
  const ScalarQuantiser quantiser = trainOn(plan);
  float* center = reinterpret_cast<float*>(file.data() + h.centerAt);
  std::copy(quantiser.center.begin(), quantiser.center.end(), center);
  float* biases = h.biasesAt == 0 ? nullptr : reinterpret_cast<float*>(file.data() + h.biasesAt);
  Status status = encodeProducts(plan, productShapeOf(h), quantiser.center, center + h.dim, file.data() + h.codesAt, biases);
  if (status.ok()) status = growOnCodes(plan, quantiser, [&](const auto& grower, Grown grown) { return writeGraph(plan, grower, grown, file.data()); });
  if (!status.ok()) return {std::move(status), {}};
  return {{}, std::move(file)};
}

Result<AlignedBytes> build(const VectorView& view, const Bitset& indexed, const HnswBuildParams& params,
                           const HnswBuildControl& control) {
  if (Status status = checkParams(view, params); !status.ok()) return {std::move(status), {}};
  BuildPlan plan{&view, &indexed, params, control, headerFor(view, params), {}};
  planLevels(plan, indexed);
  placeSections(plan.header);
  AlignedBytes file = AlignedBytes::allocate(plan.header.bytes);
  if (file.data() == nullptr) return {Status::outOfMemory(), {}};
  if (const Refine refine = refineOf(plan.header); isCopy(refine)) {
    Status status = writeCopy(view, params.metric, refine, plan.order, params.threads, control.cancel, file.data() + copyAt(plan.header));
    if (!status.ok()) return {std::move(status), {}};
  }
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
  return unlessOutOfMemory([&] { return build(view, indexed, params, control); });
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
  const uint64_t file = sizeof(HnswHeader) + sizeof(WidthCurves) + rows * (stride + 4 + slots * 4) + upper * (params.m + 1) * 4 + 4ull * dim + 16384 +
                        copyBytes(refineOf(type, params.refine), dim, rows);
  const uint64_t growing = rows * (slots * 3 / 2 * 8 + 1 + 12) + upper * (params.m * 3ull / 2 * 8 + 1);
  const uint64_t training = std::max<uint64_t>(64, (1u << 22) / std::max(1u, dim)) * dim * 4 + (uint64_t{1} << 20);
  const uint64_t perLane = rows * 3ull / 16 + uint64_t{params.efConstruction} * 64 + 8ull * dim + 4096;
  const uint64_t perThread = kInsertLanes * perLane + 65536;
  return calibrationBytesMax(type, dim, rows, params.threads) + books + file + file / kChecksumBlock * 4 + growing + std::max<uint64_t>(training, 1'700'000) + params.threads * perThread;
}

}  // namespace redkite
