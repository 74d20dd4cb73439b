// A graph over the rows of a growing column: one thread adds rows while any number search, and nobody waits.
//
// The same walk, codes and pruning as HNSW (redkite/hnsw.h), with levels drawn as rows come and lists that keep their growing
// room. Rows that are being added are compared by their codes and those that come later exactly, so that a search always answers over all rows
// of its view.
#pragma once

#include <cstdint>
#include <memory>

#include "redkite/hnsw.h"
#include "redkite/types.h"

namespace redkite {

struct GrowingGraphParams {
  VectorType type = VectorType::f32;
  uint32_t dim = 0;
  Metric metric = Metric::l2;
  uint32_t rowsMax = 0;           ///< rows it will ever take
  uint32_t m = 16;
  uint32_t efConstruction = 100;
  uint64_t seed = 1;
};

class GrowingGraph {
 public:
  /// Reserves addresses for rowsMax rows; memory comes with the rows (about 12 M + 1 links of 8 bytes and a byte a dimension each).
  static Result<std::unique_ptr<GrowingGraph>> create(const GrowingGraphParams& params);
  ~GrowingGraph();
  GrowingGraph(const GrowingGraph&) = delete;
  GrowingGraph& operator=(const GrowingGraph&) = delete;

  /// Adds rows [rows(), end) of the view that are set in `indexed` (rows without a vector are passed over), in order. Stops early with
  /// `canceled`; what was added stays. Does nothing before there are enough rows to learn codes from. One thread at a time.
  Status add(const VectorView& view, const Bitset& indexed, uint32_t end, CancelToken cancel);

  /// Rows added or passed over.
  uint32_t rows() const;
  Metric metric() const;
  /// Memory in use, without the column's.
  uint64_t memoryBytes() const;

  /// As HnswIndex::search, over all rows of the view, added or not. Group-by compares every visible row.
  Status search(const VectorView& view, const uint8_t* queries, uint32_t nq, const Bitset& visible, const SearchParams& params,
                CancelToken cancel, HnswScratch* scratch, const HitBuffer& out, SearchStats* stats) const;

 private:
  GrowingGraph();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace redkite
