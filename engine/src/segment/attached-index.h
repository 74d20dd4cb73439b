// An index file that a segment uses: a graph over a vector field or an index over a scalar one.
#pragma once

#include <memory>
#include <optional>

#include "redkite/hnsw.h"
#include "../filter/scalar-index.h"
#include "buffer.h"

namespace redkite::segment {

/** Immutable; pins its file. */
class AttachedIndex {
 public:
  std::shared_ptr<Buffer> file;
  std::optional<HnswIndex> graph;
  std::optional<filter::ScalarIndex> scalar;
};

/** Magic of the index file of a FLAT index, which holds nothing else: a search scans. */
inline constexpr char kFlatMagic[] = "RKFL";
inline constexpr size_t kFlatBytes = 64;

}  // namespace redkite::segment
