// Reads of a segment: which rows match, which are nearest, what a field holds.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "../filter/vm.h"
#include "segment.h"

namespace redkite::segment {

struct FilterInput {
  const filter::Program* program = nullptr;
  std::vector<filter::External> externals;
};

/** Memory of a thread for the bitmap of one read, kept between reads unless it grew very large. */
class RowBitmap {
 public:
  explicit RowBitmap(uint32_t rows);
  ~RowBitmap();
  RowBitmap(const RowBitmap&) = delete;
  RowBitmap& operator=(const RowBitmap&) = delete;

  uint64_t* words() { return words_.data(); }
  const uint64_t* words() const { return words_.data(); }

 private:
  std::vector<uint64_t> words_;
};

/** Bits of the rows that are visible and pass the filter (null: all); `count` says how many. */
Status matchingRows(const Snapshot& snapshot, Visibility v, const FilterInput* filter, CancelToken cancel, uint64_t* words, uint32_t& count);

enum class Order : uint8_t { row, key };

/** At most `limit` (-1: all) of the matching rows: in storage order, or those with the smallest keys, ascending. */
Status retrieve(const Snapshot& snapshot, Visibility v, const FilterInput* filter, int64_t limit, Order order, CancelToken cancel,
                std::vector<int32_t>& out);

struct SearchInput {
  int64_t fieldId = 0;
  Metric metric = Metric::l2;
  uint32_t nq = 0;
  std::span<const uint8_t> queries;
  /** nq + 1 byte offsets of sparse queries, null for dense ones. */
  std::span<const int32_t> queryOffsets;
  uint32_t k = 0;
  uint32_t ef = 0;
  /** In place of ef and nprobe where it is above 0; below 1. */
  float recallTarget = 0;
  /** Share of the least entries of a sparse query that are left out where there is an index. */
  float dropRatio = 0;
  /** Lists that an inverted file reads, and rows that it ranks again; 0: as many as its codes ask for. */
  uint32_t nprobe = 8;
  uint32_t refineRows = 0;
  /** For MHJACCARD. */
  MinHash minHash;
  /** For BM25. */
  Bm25 bm25;
  bool exact = false;
  Visibility visibility;
  const FilterInput* filter = nullptr;
  std::optional<ScoreRange> range;
  std::optional<int64_t> groupField;
  /** In place of a field: the number of each row's group. Rows behind them, added since, have 0. */
  std::optional<std::span<const int32_t>> groups;
  uint32_t groupSize = 1;
};

struct SearchOutput {
  std::vector<int32_t> starts;
  std::vector<int32_t> rows;
  std::vector<float> scores;
  SearchStats stats;
  /** A growing segment was scanned that should have more of a graph (interim-index.h). */
  bool wantsInterim = false;
};

Status search(const Snapshot& snapshot, const SearchInput& input, CancelToken cancel, SearchOutput& out);

/** Least and greatest value without NaN; text stays bytes. */
struct FieldStats {
  enum class Kind : uint8_t { none, integer, number, text, boolean } kind = Kind::none;
  int64_t minInteger = 0, maxInteger = 0;
  double minNumber = 0, maxNumber = 0;
  std::string minText, maxText;
  /** False when no row has a value. */
  bool some = false;
  uint32_t nulls = 0;
};

/** `kind` none for types without order. */
FieldStats fieldStats(const ColumnView& column, uint32_t rows);

/** Numbers of src/engine/native-engine.ts. */
enum class VectorIndexKind : uint8_t { flat = 0, hnsw = 1, sparse = 2, ivfFlat = 3, ivfSq8 = 4, ivfPq = 5, scann = 6, ivfRabitq = 7, binIvfFlat = 8,
                                       hnswSq = 9, hnswProduct = 10, disk = 11, minHash = 12 };
inline constexpr VectorIndexKind kLastVectorIndexKind = VectorIndexKind::minHash;

struct VectorIndexInput {
  int64_t fieldId = 0;
  Metric metric = Metric::l2;
  VectorIndexKind kind = VectorIndexKind::hnsw;
  uint32_t m = 16;
  uint32_t efConstruction = 200;
  uint32_t lists = 128;
  /** Product codes: subspaces, bits and levels. */
  uint32_t subs = 0;
  uint32_t nbits = 8;
  uint32_t levels = 1;
  /** What codes are ranked again on. */
  Refine refine = Refine::rows;
  /** On disk: bytes in memory for each byte of a row, as codes and as blocks. */
  float codesPerRow = 0.125f;
  float cachedPerRow = 0.1f;
  /** Signatures. */
  uint32_t elementBytes = 1;
  uint32_t bands = 1;
  /** For BM25; `avgdl` is that of the rows. */
  Bm25 bm25;
  uint32_t threads = 1;
  uint64_t seed = 1;
};

Status buildVectorIndex(const Snapshot& snapshot, const VectorIndexInput& input, CancelToken cancel, int32_t* progress,
                        std::shared_ptr<Buffer>& out);

/** The first `rows` rows of a sparse column, which must outlive the view. */
SparseView sparseView(const ColumnView& column, uint32_t rows);

/** The vector core's name of a field type; none for other fields. */
std::optional<VectorType> vectorType(Type type);

}  // namespace redkite::segment
