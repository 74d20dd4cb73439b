// HNSW: a navigable graph over the rows of a dense column, walked on 8-bit codes and re-ranked on the raw rows or a narrower copy.
//
// Source of the graph: Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical
// Navigable Small World graphs", sections 4.1 to 4.3. The file is described in docs/internals/hnsw-index-file.md: position-independent,
// 64-byte aligned sections, a checksum per block. Node ids are the row ids of the column.
#pragma once

#include <cstdint>
#include <memory>

#include "redkite/types.h"

namespace redkite {

/// Owned memory, aligned for huge pages. Move only.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  /// Zeroed; empty when there is no memory.
  static AlignedBytes allocate(size_t bytes);
  AlignedBytes(AlignedBytes&& other) noexcept : data_(other.data_), size_(other.size_) { other.data_ = nullptr; other.size_ = 0; }
  AlignedBytes& operator=(AlignedBytes&& other) noexcept;
  ~AlignedBytes();

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  /// Gives the memory away; free it with `AlignedBytes::free`.
  uint8_t* release();
  static void free(uint8_t* data);

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

/// Whether walks read 8-bit codes in the index or the raw rows of the view.
enum class HnswCodes : uint8_t {
  automatic = 0,  ///< codes, unless a check at build finds that they lose neighbours (few dimensions, far outliers)
  none = 1,
  u8 = 2,
  product = 3,  ///< product codes of `subs` subspaces in `productLevels` levels of `nbits` bits
};

struct HnswBuildParams {
  Metric metric = Metric::l2;
  uint32_t m = 16;                ///< links per node on upper levels, twice that on level 0; 2 to 2048
  uint32_t efConstruction = 200;  ///< 1 to 65,536
  uint32_t threads = 1;           ///< one thread and a seed give the same bytes every time
  uint64_t seed = 1;
  HnswCodes codes = HnswCodes::automatic;
  /// What a search ranks the best of its walk on. Anything but the rows of the column needs codes (u8, product).
  Refine refine = Refine::rows;
  uint32_t subs = 0;           ///< product: 1 to dim, divides dim
  uint32_t nbits = 8;          ///< product: 1 to 8
  uint32_t productLevels = 1;  ///< product: 1 to 16; each codes what the ones before left
};

struct HnswBuildControl {
  CancelToken cancel;
  /// Rows done, updated while the build runs; may be null.
  int32_t* progress = nullptr;
};

/// Upper bound of the memory that a build takes beside the view, result included, known before it starts.
uint64_t hnswBuildBytesMax(VectorType type, uint32_t dim, uint32_t rows, const HnswBuildParams& params);

/// Builds the file over the rows of `view` that are set in `indexed` (rows without a vector are not). Binary types take hamming and
/// jaccard and walk on the raw bits.
Result<AlignedBytes> buildHnsw(const VectorView& view, const Bitset& indexed, const HnswBuildParams& params,
                               const HnswBuildControl& control);

/// Memory that a walk needs, kept by the caller between searches of one thread. Grows to what the largest index needed
/// (about rows / 5 bytes and 16 bytes an ef for each of the few queries of a call that walk at the same time).
class HnswScratch {
 public:
  HnswScratch();
  ~HnswScratch();
  HnswScratch(HnswScratch&&) noexcept;
  HnswScratch& operator=(HnswScratch&&) noexcept;

  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

struct HnswInfo {
  VectorType type = VectorType::f32;
  Metric metric = Metric::l2;
  uint32_t dim = 0;
  uint32_t rows = 0;  ///< rows of the view at build
  uint32_t nodes = 0; ///< of these, indexed
  uint32_t m = 0;
  uint32_t efConstruction = 0;
  uint32_t levels = 0;  ///< above level 0
  bool codes = false;
  Refine refine = Refine::rows;  ///< rows, too, where walks read them
};

/// An opened file. Cheap to copy; does not own the bytes. Safe to search from any number of threads at once.
class HnswIndex {
 public:
  HnswIndex() = default;

  /// Checks the header's checksum and every size and offset; reads no section. Links and ids in the sections are bounds-checked where they
  /// are used, so that damaged bytes give wrong hits at worst. `data` must be 64-byte aligned and stay mapped.
  static Result<HnswIndex> open(const uint8_t* data, size_t bytes);

  /// Reads everything and compares the block checksums; `corrupted` names the block.
  Status verify() const;

  const HnswInfo& info() const { return info_; }

  /// Best hits of `nq` queries. `view` is the column that the index was built on (or a longer one: rows added later are not found).
  ///
  /// Promise: min(k, visible indexed rows) hits come back for every query (fewer only under a range), whatever the filter.
  /// The walk passes through invisible rows and expands at least the nodes that the unfiltered one would; where the matching rows are few
  /// enough that comparing them all (on codes, then exactly what the codes' error leaves open) costs no more, or the walk comes
  /// short, that is done instead (stats.path says which).
  ///
  /// Range: hits within the range, best first, at most k. The walk widens until k hits are inside, or the walk's frontier lies
  /// beyond the radius, or widening costs more than comparing all visible rows, which is then done.
  /// Group-by widens in the same way until k groups hold groupSize hits.
  ///
  /// `scratch` may be null. `stats` may be null.
  Status search(const VectorView& view, const uint8_t* queries, uint32_t nq, const Bitset& visible,
                const SearchParams& params, CancelToken cancel, HnswScratch* scratch, const HitBuffer& out,
                SearchStats* stats) const;

 private:
  friend struct HnswParts;
  const uint8_t* data_ = nullptr;
  size_t bytes_ = 0;
  HnswInfo info_;
};

}  // namespace redkite
