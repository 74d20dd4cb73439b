// Inverted files: rows in lists around centroids, coded in blocks of 32 so that a scan compares a whole block at once. A search reads the
// lists whose centroids are nearest to the query.
//
// Sources: Jegou, Douze and Schmid, "Product quantization for nearest neighbor search" (lists of residuals, product codes); Andre, Kermarrec
// and Le Scouarnec, "Cache locality is not enough" (tables in registers); Gao and Long, "RaBitQ" (one bit a dimension with an unbiased
// estimate). The file is described in docs/internals/ivf-index-file.md.
#pragma once

#include <cstdint>

#include "redkite/hnsw.h"
#include "redkite/types.h"

namespace redkite {

/// How rows lie in their lists. Values are part of the stored format.
enum class IvfKind : uint8_t {
  flat = 0,    ///< 8-bit codes with a proven error bound; whatever they leave open is compared on the raw rows: exact within the lists
  sq8 = 1,     ///< 8-bit codes, a scale for each row
  pq = 2,      ///< product codes of `nbits` bits in `subs` subspaces
  scann = 3,   ///< product codes of 4 bits, two dimensions each; the best are compared as `refine` says
  rabitq = 4,  ///< one bit a dimension after a random rotation; the best are compared as `refine` says
  binary = 5,  ///< the bits themselves
};

inline constexpr uint32_t kIvfListsMax = 65536;

struct IvfBuildParams {
  IvfKind kind = IvfKind::flat;
  Metric metric = Metric::l2;
  uint32_t lists = 128;  ///< 1 to 65,536; fewer where there are not 39 rows for each
  uint32_t subs = 0;     ///< pq: 1 to dim, divides dim
  uint32_t nbits = 8;    ///< pq: 1 to 8
  Refine refine = Refine::rows;  ///< scann, rabitq: what the best are ranked again on
  uint32_t threads = 1;  ///< any number gives the same bytes
  uint64_t seed = 1;
};

/// Upper bound of the memory that a build takes beside the view, result included, known before it starts.
uint64_t ivfBuildBytesMax(VectorType type, uint32_t dim, uint32_t rows, const IvfBuildParams& params);

/// Builds the file over the rows of `view` that are set in `indexed`. Binary rows need IvfKind::binary and the other way round.
Result<AlignedBytes> buildIvf(const VectorView& view, const Bitset& indexed, const IvfBuildParams& params, const HnswBuildControl& control);

struct IvfSearchParams {
  /// Lists that are read at least; at most all are.
  uint32_t nprobe = 8;
  /// Rows that are ranked again in the end, where the index does that; raised to k. 0: what its codes ask for.
  uint32_t refineRows = 0;
};

struct IvfInfo {
  IvfKind kind = IvfKind::flat;
  VectorType type = VectorType::f32;
  Metric metric = Metric::l2;
  uint32_t dim = 0;
  uint32_t rows = 0;   ///< rows of the view at build
  uint32_t nodes = 0;  ///< of these, indexed
  uint32_t lists = 0;
  uint32_t subs = 0;
  uint32_t nbits = 0;
  Refine refine = Refine::none;
};

/// An opened file. Cheap to copy; does not own the bytes. Safe to search from any number of threads at once.
class IvfIndex {
 public:
  IvfIndex() = default;

  /// Checks the header's checksum and every size and offset; reads no section. Ids and list bounds in the sections are checked where they are
  /// used, so that damaged bytes give wrong hits at worst. `data` must be 64-byte aligned and stay mapped.
  static Result<IvfIndex> open(const uint8_t* data, size_t bytes);
  /// Whether the bytes begin like such a file.
  static bool recognises(const uint8_t* data, size_t bytes);
  /// Reads everything and compares the block checksums; `corrupted` names the block.
  Status verify() const;

  const IvfInfo& info() const { return info_; }

  /// Best hits of `nq` queries over the `nprobe` nearest lists, and over as many more as it takes.
  ///
  /// Promise: min(k, visible indexed rows) hits come back for every query (fewer only under a range), whatever the filter. A filter
  /// lengthens the search until as many matching rows were compared as keep the recall; where comparing all matching rows exactly costs
  /// less, that is done instead (stats.path says which). Ranges and groups go on while the last lists still brought something.
  /// A query's hits do not depend on the other queries of the call.
  Status search(const VectorView& view, const uint8_t* queries, uint32_t nq, const Bitset& visible, const SearchParams& params,
                const IvfSearchParams& ivf, CancelToken cancel, const HitBuffer& out, SearchStats* stats) const;

 private:
  friend struct IvfParts;
  const uint8_t* data_ = nullptr;
  size_t bytes_ = 0;
  IvfInfo info_;
};

}  // namespace redkite
