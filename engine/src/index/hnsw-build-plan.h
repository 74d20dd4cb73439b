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
  HnswBuildParams params;
  HnswBuildControl control;
  HnswHeader header;
  std::vector<uint32_t> order;  ///< rows in the order of insertion: upper rows first
  LinkSpread spread = {};
};

}  // namespace redkite
