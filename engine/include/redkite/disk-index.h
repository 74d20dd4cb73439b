// DISKANN: a navigable graph whose vectors and links lie on disk. In memory are product codes of all rows, the place of each row, and the blocks
// around the starts of walks; a walk goes by the codes, reads the blocks of the nodes that it expands, and ranks what it has read on the raw vectors.
//
// Sources: Subramanya et al., "DiskANN: Fast accurate billion-point nearest neighbor search on a single node" (beam search, pruning with
// alpha, codes in memory); Singh et al., "FreshDiskANN" (the graph by insertion); Wang et al., "Starling" (neighbours share a block, and
// whatever a block holds is used). The file is described in docs/internals/disk-index-file.md.
#pragma once

#include <cstdint>
#include <memory>

#include "redkite/hnsw.h"
#include "redkite/types.h"

namespace redkite {

inline constexpr uint32_t kDiskDegreeMax = 2048;

struct DiskBuildParams {
  Metric metric = Metric::l2;
  uint32_t maxDegree = 56;       ///< links per node, 1 to 2048
  uint32_t searchList = 100;     ///< width of the walk that finds them, 1 to 65,536
  float codesPerRow = 0.125f;    ///< bytes of codes in memory for each byte of a row; at least one byte, at most one for each dimension
  float cachedPerRow = 0.1f;     ///< bytes of blocks in memory for each byte of a row
  uint32_t threads = 1;          ///< one thread and a seed give the same bytes every time
  uint64_t seed = 1;
};

/// Upper bound of the memory that a build takes beside the view, result included, known before it starts.
uint64_t diskBuildBytesMax(VectorType type, uint32_t dim, uint32_t rows, const DiskBuildParams& params);

/// Builds the file over the rows of `view` that are set in `indexed`. Dense types but binary.
Result<AlignedBytes> buildDisk(const VectorView& view, const Bitset& indexed, const DiskBuildParams& params, const HnswBuildControl& control);

struct DiskSearchParams {
  /// Width of the walk; raised to k. 0: the larger of k and 16.
  uint32_t searchList = 0;
  /// Blocks that are asked for together, 1 to 64.
  uint32_t beam = 4;
};

struct DiskInfo {
  VectorType type = VectorType::f32;
  Metric metric = Metric::l2;
  uint32_t dim = 0;
  uint32_t rows = 0;   ///< rows of the view at build
  uint32_t nodes = 0;  ///< of these, indexed
  uint32_t maxDegree = 0;
  uint32_t searchList = 0;
  uint32_t codeBytes = 0;      ///< of a row
  uint64_t residentBytes = 0;  ///< what searches keep in memory
};

/// How blocks beyond the resident ones are read.
enum class DiskReads : uint8_t {
  automatic = 0,  ///< several at once where the system lets us, else one after the other
  single = 1,     ///< one after the other
};

/// Memory and the queue of reads of one thread, kept between searches. Independent of the rows but for a bit each.
class DiskScratch {
 public:
  explicit DiskScratch(DiskReads reads = DiskReads::automatic);
  ~DiskScratch();
  DiskScratch(DiskScratch&&) noexcept;
  DiskScratch& operator=(DiskScratch&&) noexcept;

  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

/// An opened file. Cheap to copy; does not own bytes or descriptor. Safe to search from any number of threads at once.
class DiskIndex {
 public:
  DiskIndex() = default;

  /// Checks the header's checksum and every size and offset. `data` is the whole file, 64-byte aligned and mapped; with a `descriptor` of the
  /// same file (best opened with O_DIRECT) nothing behind the resident part is touched through it. Every block that is read from the
  /// descriptor or beyond the resident part is compared with its checksum.
  static Result<DiskIndex> open(const uint8_t* data, size_t bytes, int descriptor = -1);
  /// Whether the bytes begin like such a file.
  static bool recognises(const uint8_t* data, size_t bytes);
  /// Opens the file behind a descriptor once more for reads past the page cache, or through it where that is refused; -1 when neither works.
  static int openForReads(int descriptor);
  /// Reads everything and compares the checksums; `corrupted` names the block.
  Status verify() const;

  const DiskInfo& info() const { return info_; }

  /// Best hits of `nq` queries, ranked on the raw vectors of the file.
  ///
  /// Promise: min(k, visible indexed rows) hits come back for every query (fewer only under a range), whatever the filter. Where a filter or a
  /// range makes the walk longer than comparing all visible rows by their codes, that is done instead (stats.path says which). A
  /// damaged block is `corrupted` by its number.
  ///
  /// `scratch` may be null. `stats` may be null; its `reads` are the 4 KiB that came from the descriptor.
  Status search(const uint8_t* queries, uint32_t nq, const Bitset& visible, const SearchParams& params, const DiskSearchParams& disk,
                CancelToken cancel, DiskScratch* scratch, const HitBuffer& out, SearchStats* stats) const;

 private:
  friend struct DiskParts;
  const uint8_t* data_ = nullptr;
  size_t bytes_ = 0;
  int descriptor_ = -1;
  DiskInfo info_;
};

}  // namespace redkite
