// An index file that a segment uses: a graph over a vector field or an index over a scalar one.
#pragma once

#include <memory>
#include <optional>

#include "redkite/disk-index.h"
#include "redkite/hnsw.h"
#include "redkite/ivf.h"
#include "redkite/minhash-index.h"
#include "redkite/sparse-index.h"
#include "../filter/scalar-index.h"
#include "buffer.h"

namespace redkite::segment {

/** Immutable; pins its file. */
class AttachedIndex {
 public:
  std::shared_ptr<Buffer> file;
  std::optional<HnswIndex> graph;
  std::optional<IvfIndex> lists;
  std::optional<DiskIndex> disk;
  std::optional<SparseIndex> sparse;
  std::optional<MinHashIndex> minHash;
  std::optional<filter::ScalarIndex> scalar;
};

/** The file of a FLAT index (docs/internals/flat-index-file.md): a search scans. */
inline constexpr char kFlatMagic[] = "RKFL";
inline constexpr size_t kFlatBytes = 64;

}  // namespace redkite::segment
