// Vocabulary of the engine: vector types, metrics, statuses, views of rows and bitsets.
//
// Everything in `redkite/` is plain C++20 without Node, without hidden threads and without work in global
// constructors. Public functions do not throw: they return a Status (or a Result). Views never own memory; the
// caller keeps what they point to alive for the duration of the call.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace redkite {

/// How the elements of a vector are stored. Values are part of stored formats.
enum class VectorType : uint8_t {
  f32 = 0,     ///< IEEE single, 4 bytes an element
  f16 = 1,     ///< IEEE half, 2 bytes
  bf16 = 2,    ///< upper half of a single, 2 bytes
  i8 = 3,      ///< signed byte
  binary = 4,  ///< bits, `dim` is a multiple of 8, dim / 8 bytes a row
  sparse = 5,  ///< (uint32 index, float value) pairs, indices ascending, 8 bytes a pair
};

/// Values are part of stored formats.
enum class Metric : uint8_t {
  l2 = 0,       ///< squared Euclidean distance, smaller is better
  ip = 1,       ///< inner product, larger is better
  cosine = 2,   ///< cosine similarity, larger is better; 0 when either vector is zero
  hamming = 3,  ///< differing bits, smaller is better
  jaccard = 4,  ///< 1 - |a and b| / |a or b|, smaller is better; 1 for two empty vectors, as in Milvus
  substructure = 5,    ///< a relation: 0 where the row has every bit of the query; other rows are no hits
  superstructure = 6,  ///< a relation: 0 where the query has every bit of the row; other rows are no hits
  mhjaccard = 7,       ///< MinHash signatures: share of equal elements, larger is better, or whether a band is equal (MinHash)
  bm25 = 8,            ///< sparse rows of term frequencies against weights of terms, larger is better (Bm25)
};
inline constexpr Metric kLastMetric = Metric::bm25;

/// Largest dimension of a dense vector (bits for `binary`: 8 times that).
inline constexpr uint32_t kDimMax = 32768;
/// Largest k, and largest number of groups times group size.
inline constexpr uint32_t kTopKMax = 1u << 20;
/// Rows that one view or index may hold.
inline constexpr uint32_t kRowsMax = (1u << 31) - 64;

/// Rows stand in the relation, at distance 0, or they do not: there is nothing between, which an index could go by.
constexpr bool isRelation(Metric metric) { return metric == Metric::substructure || metric == Metric::superstructure; }

constexpr bool largerIsBetter(Metric metric) {
  return metric == Metric::ip || metric == Metric::cosine || metric == Metric::mhjaccard || metric == Metric::bm25;
}

/// Which metrics exist for which type.
constexpr bool metricAllowed(VectorType type, Metric metric) {
  switch (type) {
    case VectorType::binary: return metric == Metric::hamming || metric == Metric::jaccard || metric == Metric::mhjaccard || isRelation(metric);
    case VectorType::sparse: return metric == Metric::ip || metric == Metric::bm25;
    default: return metric == Metric::l2 || metric == Metric::ip || metric == Metric::cosine;
  }
}

/// Which of them graphs and lists are built for. MHJACCARD has an index of its own (minhash-index.h).
constexpr bool metricIndexed(VectorType type, Metric metric) {
  return metricAllowed(type, metric) && !isRelation(metric) && metric != Metric::mhjaccard;
}

/// Bytes of one dense row; 0 for sparse.
constexpr size_t rowBytes(VectorType type, uint32_t dim) {
  switch (type) {
    case VectorType::f32: return size_t{dim} * 4;
    case VectorType::f16:
    case VectorType::bf16: return size_t{dim} * 2;
    case VectorType::i8: return dim;
    case VectorType::binary: return (size_t{dim} + 7) / 8;
    case VectorType::sparse: return 0;
  }
  return 0;
}

/// What an index of codes ranks the best by code again on. Values are part of stored formats.
enum class Refine : uint8_t {
  none = 0,  ///< nothing: scores are those of the codes, and no row is read
  rows = 1,  ///< the rows of the column
  /// A copy of the rows in the index file, where that is narrower than they are; else the rows. The column is not read, scores are those of the
  /// copy. u8 has a range of its own for each dimension.
  f16 = 2,
  bf16 = 3,
  u8 = 4,
};
inline constexpr Refine kLastRefine = Refine::u8;

enum class StatusCode : int32_t {
  ok = 0,
  invalidArgument = 1,  ///< the caller's parameters; the message names the value
  corrupted = 2,        ///< bytes that are not what they claim to be
  canceled = 3,         ///< the cancel token was raised
  outOfMemory = 4,
};

/// Outcome of a call. `message` says what was wrong and with which value; empty when ok.
struct [[nodiscard]] Status {
  StatusCode code = StatusCode::ok;
  std::string message;

  bool ok() const { return code == StatusCode::ok; }
  static Status invalid(std::string message) { return {StatusCode::invalidArgument, std::move(message)}; }
  static Status corrupted(std::string message) { return {StatusCode::corrupted, std::move(message)}; }
  static Status canceled() { return {StatusCode::canceled, "canceled"}; }
  static Status outOfMemory() { return {StatusCode::outOfMemory, "out of memory"}; }
};

/// A value or the reason why there is none. `value` is meaningful only when `status.ok()`.
template <class T>
struct [[nodiscard]] Result {
  Status status;
  T value{};
};

/// Cooperative cancellation: the engine polls the word; anything but 0 ends the work with `canceled`.
/// A null word never cancels.
struct CancelToken {
  const int32_t* word = nullptr;

  bool raised() const { return word != nullptr && __atomic_load_n(word, __ATOMIC_RELAXED) != 0; }
};

/// Rows of one dense vector column, in chunks of a power of two rows. A sealed column is one chunk
/// (`VectorView::contiguous`). Chunk base pointers need no alignment beyond the element's.
struct VectorView {
  VectorType type = VectorType::f32;
  uint32_t dim = 0;               ///< elements; bits for `binary`
  uint32_t rows = 0;
  const uint8_t* const* chunks = nullptr;  ///< base of each chunk; ceil(rows / 2^chunkRowsLog2) entries
  uint32_t chunkRowsLog2 = 32;
  size_t bytesPerRow = 0;         ///< distance between rows; at least rowBytes(type, dim)

  const uint8_t* row(uint32_t index) const {
    const uint64_t i = index;
    return chunks[i >> chunkRowsLog2] + (i & ((uint64_t{1} << chunkRowsLog2) - 1)) * bytesPerRow;
  }

  /// `*base` must outlive the view: it is the one-entry chunk table.
  static VectorView contiguous(VectorType type, uint32_t dim, uint32_t rows, const uint8_t* const* base) {
    return {type, dim, rows, base, 32, rowBytes(type, dim)};
  }
};

/// One sparse vector: `bytes` / 8 pairs of (uint32 index, float value), little-endian, indices ascending.
struct SparseRow {
  const uint8_t* data = nullptr;
  uint32_t bytes = 0;
};

/// Rows of a sparse column, reached through a function so that any chunking will do.
struct SparseView {
  uint32_t rows = 0;
  const void* context = nullptr;
  SparseRow (*rowAt)(const void* context, uint32_t row) = nullptr;

  SparseRow row(uint32_t index) const { return rowAt(context, index); }
};

/// VISIBLE rows: bit r of word r / 64 set means that row r may be returned. A null `words` means that every row may.
/// Rows at or beyond `bits` are not visible. Bits beyond `bits` in the last word are ignored.
/// Rows without a vector (null) must not be visible.
struct Bitset {
  const uint64_t* words = nullptr;
  uint32_t bits = 0;

  bool all() const { return words == nullptr; }
  bool test(uint32_t row) const {
    return words == nullptr || (row < bits && ((words[row >> 6] >> (row & 63)) & 1) != 0);
  }
  /// Word `index` with the bits outside [0, rows) cleared.
  uint64_t word(uint32_t index, uint32_t rows) const {
    const uint32_t end = words == nullptr ? rows : (bits < rows ? bits : rows);
    const uint64_t begin = uint64_t{index} * 64;
    if (begin >= end) return 0;
    const uint64_t value = words == nullptr ? ~uint64_t{0} : words[index];
    const uint64_t left = end - begin;
    return left >= 64 ? value : value & ((uint64_t{1} << left) - 1);
  }
  /// Number of visible rows among the first `rows`.
  uint32_t count(uint32_t rows) const {
    if (words == nullptr) return rows;
    uint32_t total = 0;
    for (uint32_t i = 0; uint64_t{i} * 64 < rows; ++i) total += static_cast<uint32_t>(std::popcount(word(i, rows)));
    return total;
  }
};

/// Range search, in the metric's own sense. Smaller-is-better metrics keep rangeFilter <= score < radius; larger-is-better
/// ones keep radius < score <= rangeFilter.
struct ScoreRange {
  float radius = 0;
  float rangeFilter = 0;
  bool hasRangeFilter = false;

  bool contains(Metric metric, float score) const {
    if (largerIsBetter(metric)) return score > radius && (!hasRangeFilter || score <= rangeFilter);
    return score < radius && (!hasRangeFilter || score >= rangeFilter);
  }
};

/// Group-by: at most `groupSize` hits for each value of `groupOf`; k then counts groups. The k groups are those with the
/// best first hits. Rows with equal group values belong together.
struct GroupBy {
  uint64_t (*groupOf)(const void* context, uint32_t row) = nullptr;
  const void* context = nullptr;
  uint32_t groupSize = 1;
};

/// Largest width of an element of a signature.
inline constexpr uint32_t kMinHashElementMax = 32;

/// How MHJACCARD reads a row of bits: as elements of `elementBytes`, which divide the row, in `bands` runs of equally many. More bands than
/// elements count as one for each element; elements behind the last band belong to none.
struct MinHash {
  uint32_t elementBytes = 1;  ///< 1 to kMinHashElementMax
  uint32_t bands = 1;         ///< at least 1
  /// Score: the share of elements that are equal, which estimates the Jaccard similarity of the sets behind the signatures. Else 1 for a row
  /// with a band that equals the query's; other rows are no hits.
  bool estimate = false;
};

/// How BM25 reads a row of (term, frequency) pairs, whose length is the sum of its frequencies: the score is the sum over common terms of
/// weight * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / avgdl)), the weights being the query's (inverse document frequencies, times how
/// often the query has the term). A frequency that is not above 0 is none, one above 2^31 counts as that.
struct Bm25 {
  float k1 = 1.2f;  ///< 0 to 3
  float b = 0.75f;  ///< 0 to 1
  /// Average length of the rows that the weights speak of; may differ from search to search. Below 1 it counts as 1.
  float avgdl = 1;
};

/// What a search asks for. `range` and `group` may be null. Range search also returns at most k hits.
struct SearchParams {
  uint32_t k = 10;
  /// Width of a graph walk; raised to k where it is smaller. Ignored by exact searches.
  uint32_t ef = 64;
  /// In place of ef and nprobe where it is above 0 (and below 1): an index searches as widely as it found necessary at build, on rows of its
  /// own, for this recall. One that could not measure takes a width that is enough for most data.
  float recallTarget = 0;
  const ScoreRange* range = nullptr;
  const GroupBy* group = nullptr;
  /// Rows that an index of codes ranks again (Refine) at least; 0: as many as its codes ask for. Candidates that MINHASH_LSH compares
  /// at most, raised to k; 0: all.
  uint32_t refineRows = 0;
  /// For MHJACCARD alone.
  MinHash minHash;
  /// For BM25 alone.
  Bm25 bm25;

  /// Hits that one query can yield.
  size_t hitsMax() const { return size_t{k} * (group == nullptr ? 1 : group->groupSize); }
};

/// Where hits go: query q owns [q * hitsMax, q * hitsMax + counts[q]), best first, equal scores by ascending row.
/// Scores are as the Metric says (L2 squared, similarities for ip and cosine). A NaN score ranks last and is returned as the worst
/// value of the metric (+inf or -inf).
struct HitBuffer {
  uint32_t* rows = nullptr;    ///< [nq * hitsMax]
  float* scores = nullptr;     ///< [nq * hitsMax]
  uint32_t* counts = nullptr;  ///< [nq]
};

enum class SearchPath : uint8_t { empty = 0, flat = 1, graph = 2, graphThenExact = 3, lists = 4 };

/// Added up over the queries of a call; `path` is the most expensive path taken.
struct SearchStats {
  uint64_t distances = 0;       ///< distances computed, on codes or on rows
  uint64_t exactDistances = 0;  ///< of these, on the raw rows or the copy that stands for them
  uint64_t bytes = 0;           ///< bytes of codes, rows and links read for them
  uint64_t hops = 0;            ///< graph nodes expanded
  uint64_t reads = 0;           ///< pages of 4 KiB read from disk past the page cache
  uint32_t visibleRows = 0;
  SearchPath path = SearchPath::empty;
};

}  // namespace redkite
