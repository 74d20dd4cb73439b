// What the parts of the build of one graph share.
#pragma once

#include <cstdint>
#include <vector>

#include "hnsw-file.h"
#include "linker.h"
#include "redkite/hnsw.h"

namespace redkite {

struct BuildPlan {
  const VectorView* view;
  const Bitset* indexed;
  HnswBuildParams params;
  HnswBuildControl control;
  HnswHeader header;
  std::vector<uint32_t> order;  ///< rows in the order of insertion: upper rows first, held out ones last
  LinkSpread spread = {};
  uint32_t heldOut = 0;         ///< rows that the graph is measured with before they are inserted
};

}  // namespace redkite
