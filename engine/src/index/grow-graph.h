// Growing the graph of a build plan on what is compared fastest without losing neighbours.
#pragma once

#include <cstdint>
#include <vector>

#include "hnsw-coding.h"
#include "hnsw-grower.h"

namespace redkite {

inline void setScalarCodes(HnswHeader& h, Refine refine) {
  h.codeKind = codeKindWith(codeKindOf(refine == Refine::none ? NodeCodes::u8Alone : NodeCodes::u8), refine);
  h.codeStride = codeStrideOf(h.dim);
}

/// How much of a graph there is.
enum class Grown : uint8_t { withoutHeldOut, whole };

/// Grows the plan's graph by the distances of `makePairs` and hands it to `use(grower, grown)`, also before rows that are held out are inserted.
template <class Pairs, class MakePairs, class Use>
Status growGraph(const BuildPlan& plan, MakePairs makePairs, Use use) {
  if (plan.control.progress != nullptr) __atomic_store_n(plan.control.progress, plan.order.empty() ? 0 : 1, __ATOMIC_RELAXED);
  Grower<Pairs> grower(plan);
  const uint32_t total = static_cast<uint32_t>(plan.order.size());
  if (plan.heldOut > 0) {
    if (Status status = grower.grow(total - plan.heldOut, makePairs); !status.ok()) return status;
    if (Status status = use(grower, Grown::withoutHeldOut); !status.ok()) return status;
  }
  if (Status status = grower.grow(total, makePairs); !status.ok()) return status;
  return use(grower, Grown::whole);
}

/// Grows the plan's graph on 8-bit codes, which are thrown away, or on the raw rows where those lose neighbours: links of coarse codes would keep
/// the walk from good rows for ever.
template <class Use>
Status growOnCodes(const BuildPlan& plan, const ScalarQuantiser& quantiser, Use use) {
  BuildPlan walk = plan;
  setScalarCodes(walk.header, Refine::rows);
  walk.header.codeScale = quantiser.scale;
  placeSections(walk.header);
  AlignedBytes codes = AlignedBytes::allocate(walk.header.linksAt);
  if (codes.data() == nullptr) return Status::outOfMemory();
  encodeRows(walk, quantiser, codes.data());
  std::vector<float> constants;
  const CodeSet set = codeSetOf(walk, codes.data(), constants);
  if (codesKeepNeighbours(walk, set)) return growGraph<CodePairs>(plan, [&] { return CodePairs(set); }, use);
  codes = {};
  return growGraph<RawPairs>(plan, [&] { return RawPairs(*plan.view, plan.params.metric); }, use);
}

}  // namespace redkite
