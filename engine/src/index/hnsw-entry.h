// Where a walk of level 0 begins: the nearest node of the upper levels.
#pragma once

#include <cstdint>

#include "hnsw-file.h"

namespace redkite {

template <class Space>
uint32_t growingEntryRow(const GrowingLevels& growing, const HnswHeader& h, const Space& space, WalkCounts& counts) {
  if (growing.count == 0) return h.entry;
  uint32_t node = 0;
  for (uint32_t level = growing.count; level > 0; --level) node = growing.down[level][descendLayer(growing.layers[level], space, node, counts)];
  return node < h.rows ? node : h.entry;
}

/// As a row. `growing` may be null.
template <class Space>
uint32_t entryRowOf(const HnswParts& parts, const GrowingLevels* growing, const Space& space, WalkCounts& counts) {
  const HnswHeader& h = parts.header;
  if (growing != nullptr) return growingEntryRow(*growing, h, space, counts);
  if (h.levels == 0) return h.entry;
  uint32_t node = 0;
  uint64_t skip = 0;
  for (uint32_t level = 1; level < h.levels; ++level) skip += uint64_t{h.levelNodes[level - 1]} * h.m;
  for (uint32_t level = h.levels; level > 0; --level) {
    const Layer layer{parts.upperLinks + skip, h.m, h.levelNodes[level - 1], parts.upperRows, h.rows};
    node = descendLayer(layer, space, node, counts);
    if (level > 1) skip -= uint64_t{h.levelNodes[level - 2]} * h.m;
  }
  const uint32_t row = parts.upperRows[node];
  return row < h.rows ? row : h.entry;
}

}  // namespace redkite
