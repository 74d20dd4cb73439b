// Vector search over one segment: candidates as a bitmap, then the vector core's exact scan or graph walk.
#include <algorithm>
#include <cstring>
#include <limits>
#include <unordered_map>

#include "redkite/flat.h"
#include "redkite/hnsw.h"

#include "attached-index.h"
#include "bitmap.h"
#include "read.h"

namespace redkite::segment {
namespace {

/** Hits of all queries of one call; the caller splits larger requests. */
constexpr uint64_t kHitsMax = uint64_t{1} << 27;

/** Blocks that a walk over an index on disk asks for together: Milvus's beam_width_ratio for one thread. */
constexpr uint32_t kDiskBeam = 4;

/** Rows of one value of the group field share a number. Values that fit 64 bits stand for themselves. */
class Groups {
 public:
  explicit Groups(const ColumnView& column) : column_(column), plain_(!column.mayBeNull() && isPlain(column.field.type)) {}

  static Status check(const ColumnView& column) {
    const Type type = column.field.type;
    if (isInteger(type) || type == Type::boolean || isString(type)) return good();
    return Status::invalid("hits cannot be grouped by field " + std::to_string(column.field.id) + " of type " + std::to_string(static_cast<int>(type)));
  }

  static uint64_t of(const void* context, uint32_t row) { return static_cast<const Groups*>(context)->number(row); }

 private:
  static bool isPlain(Type type) { return isInteger(type) || type == Type::boolean; }

  uint64_t number(uint32_t row) const {
    if (plain_) return static_cast<uint64_t>(column_.integerAt(row));
    if (column_.isNull(row)) return 0;
    if (isPlain(column_.field.type)) return integers_.try_emplace(column_.integerAt(row), integers_.size() + 1).first->second;
    return texts_.try_emplace(column_.bytesAt(row), texts_.size() + 1).first->second;
  }

  const ColumnView& column_;
  bool plain_;
  mutable std::unordered_map<int64_t, uint64_t> integers_;
  mutable std::unordered_map<std::string_view, uint64_t> texts_;
};

uint64_t givenGroupOf(const void* context, uint32_t row) {
  const auto& groups = *static_cast<const std::span<const int32_t>*>(context);
  return row < groups.size() ? static_cast<uint32_t>(groups[row]) : 0;
}

SparseRow sparseRowAt(const void* context, uint32_t row) {
  const auto& column = *static_cast<const ColumnView*>(context);
  const std::string_view bytes = column.bytesAt(row);
  return {reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<uint32_t>(bytes.size())};
}

void dropNulls(const ColumnView& column, uint32_t rows, uint64_t* words, uint32_t& count) {
  if (!column.mayBeNull()) return;
  for (uint32_t w = 0; w < wordsFor(rows); w++) words[w] &= column.validWord(w * 64, rows);
  count = countBits(words, rows);
}

Status checkQueries(const SearchInput& input, const ColumnView& column, VectorType type) {
  if (type == VectorType::sparse) {
    if (input.queryOffsets.size() != size_t{input.nq} + 1) return Status::invalid("a search over sparse vectors needs one query offset more than queries");
    if (input.queryOffsets[0] < 0) return Status::invalid("query offsets do not rise");
    for (uint32_t q = 0; q < input.nq; q++) {
      if (input.queryOffsets[q] > input.queryOffsets[q + 1]) return Status::invalid("query offsets do not rise");
      if ((input.queryOffsets[q + 1] - input.queryOffsets[q]) % 8 != 0) {
        return Status::invalid("sparse query " + std::to_string(q) + " is not whole (index, value) pairs");
      }
    }
    if (static_cast<uint64_t>(input.queryOffsets[input.nq]) > input.queries.size()) return Status::invalid("query offsets end beyond the queries");
    return good();
  }
  const uint64_t wanted = uint64_t{input.nq} * column.width;
  if (input.queries.size() != wanted) {
    return Status::invalid(std::to_string(input.nq) + " queries for field " + std::to_string(column.field.id) + " take " + std::to_string(wanted) +
                           " bytes, " + std::to_string(input.queries.size()) + " were given");
  }
  return good();
}

}  // namespace

SparseView sparseView(const ColumnView& column, uint32_t rows) { return {rows, &column, sparseRowAt}; }

std::optional<VectorType> vectorType(Type type) {
  switch (type) {
    case Type::floatVector:
      return VectorType::f32;
    case Type::float16Vector:
      return VectorType::f16;
    case Type::bfloat16Vector:
      return VectorType::bf16;
    case Type::int8Vector:
      return VectorType::i8;
    case Type::binaryVector:
      return VectorType::binary;
    case Type::sparseVector:
      return VectorType::sparse;
    default:
      return std::nullopt;
  }
}

Status search(const Snapshot& snapshot, const SearchInput& input, CancelToken cancel, SearchOutput& out) {
  const ColumnView* column = snapshot.column(input.fieldId);
  if (column == nullptr) return Status::invalid("the segment has no field " + std::to_string(input.fieldId));
  const auto type = vectorType(column->field.type);
  if (!type) return Status::invalid("field " + std::to_string(input.fieldId) + " does not hold vectors");
  if (!metricAllowed(*type, input.metric)) return Status::invalid("field " + std::to_string(input.fieldId) + " cannot be searched by this metric");
  if (input.nq == 0) return Status::invalid("a search without queries");
  if (!(input.recallTarget >= 0 && input.recallTarget < 1)) return Status::invalid("the recall target is " + std::to_string(input.recallTarget) + ", 0 to below 1 are allowed");
  if (input.k == 0 || input.k > kTopKMax) return Status::invalid("k is " + std::to_string(input.k) + ", 1 to " + std::to_string(kTopKMax) + " are allowed");
  REDKITE_TRY(checkQueries(input, *column, *type));
  const ColumnView* groupColumn = nullptr;
  if (input.groupField) {
    groupColumn = snapshot.column(*input.groupField);
    if (groupColumn == nullptr) return Status::invalid("the segment has no field " + std::to_string(*input.groupField));
    REDKITE_TRY(Groups::check(*groupColumn));
    if (input.groups) return Status::invalid("hits are grouped by a field or by given numbers, not by both");
  }
  const bool grouped = input.groupField || input.groups;
  if (grouped && (input.groupSize == 0 || uint64_t{input.k} * input.groupSize > kTopKMax)) {
    return Status::invalid("groups of " + std::to_string(input.groupSize) + " for k " + std::to_string(input.k) + " are out of range");
  }

  RowBitmap bitmap(snapshot.rows);
  uint32_t visible = 0;
  REDKITE_TRY(matchingRows(snapshot, input.visibility, input.filter, cancel, bitmap.words(), visible));
  dropNulls(*column, snapshot.rows, bitmap.words(), visible);
  out.starts.assign(size_t{input.nq} + 1, 0);
  out.rows.clear();
  out.scores.clear();
  out.stats = {};
  out.stats.visibleRows = visible;
  if (visible == 0) return good();

  SearchParams params;
  // Never more places than rows that could fill them.
  params.k = std::min(input.k, visible);
  params.ef = input.ef;
  params.recallTarget = input.recallTarget;
  params.refineRows = input.refineRows;
  params.minHash = input.minHash;
  params.bm25 = input.bm25;
  params.range = input.range ? &*input.range : nullptr;
  std::optional<Groups> groups;
  GroupBy groupBy;
  if (groupColumn != nullptr) {
    groups.emplace(*groupColumn);
    groupBy = {Groups::of, &*groups, std::min(input.groupSize, visible)};
  } else if (input.groups) {
    groupBy = {givenGroupOf, &*input.groups, std::min(input.groupSize, visible)};
  }
  if (grouped) params.group = &groupBy;
  const uint64_t hitsMax = params.hitsMax();
  if (hitsMax * input.nq > kHitsMax) {
    return Status::invalid(std::to_string(input.nq) + " queries with " + std::to_string(hitsMax) + " hits each are too many for one search");
  }
  std::vector<uint32_t> rows(hitsMax * input.nq);
  std::vector<float> scores(hitsMax * input.nq);
  std::vector<uint32_t> counts(input.nq, 0);
  const HitBuffer hits{rows.data(), scores.data(), counts.data()};
  const Bitset bits{visible == snapshot.rows ? nullptr : bitmap.words(), snapshot.rows};

  if (*type == VectorType::sparse) {
    std::vector<SparseRow> queries(input.nq);
    for (uint32_t q = 0; q < input.nq; q++) {
      queries[q] = {input.queries.data() + input.queryOffsets[q], static_cast<uint32_t>(input.queryOffsets[q + 1] - input.queryOffsets[q])};
    }
    const auto index = input.exact ? nullptr : snapshot.segment->index(input.fieldId);
    if (index != nullptr && index->sparse && index->sparse->rows() == snapshot.rows && index->sparse->metric() == input.metric) {
      REDKITE_TRY(index->sparse->search(queries.data(), input.nq, bits, params, {input.dropRatio}, cancel, hits, &out.stats));
    } else {
      REDKITE_TRY(sparseFlatSearch(sparseView(*column, snapshot.rows), input.metric, queries.data(), input.nq, bits, params, cancel, hits, &out.stats));
    }
  } else {
    const VectorView view = VectorView::contiguous(*type, column->field.dim, snapshot.rows, &column->values);
    const auto index = input.exact ? nullptr : snapshot.segment->index(input.fieldId);
    const bool walk = index != nullptr && index->graph && index->graph->info().rows == snapshot.rows && index->graph->info().metric == input.metric;
    const bool lists = index != nullptr && index->lists && index->lists->info().rows == snapshot.rows && index->lists->info().metric == input.metric;
    const bool disk = index != nullptr && index->disk && index->disk->info().rows == snapshot.rows && index->disk->info().metric == input.metric;
    const bool bands = index != nullptr && index->minHash && input.metric == Metric::mhjaccard && index->minHash->fits(snapshot.rows, input.minHash);
    InterimIndexes* interim = input.exact || walk || lists || disk || bands ? nullptr : snapshot.segment->interim();
    const auto growing = interim == nullptr ? nullptr : interim->find(input.fieldId, input.metric);
    out.wantsInterim = interim != nullptr && !grouped && metricIndexed(*type, input.metric) && interim->wanted(input.fieldId, input.metric, snapshot.rows);
    thread_local HnswScratch scratch;
    if (growing != nullptr) {
      REDKITE_TRY(growing->search(view, input.queries.data(), input.nq, bits, params, cancel, &scratch, hits, &out.stats));
    } else if (lists) {
      REDKITE_TRY(index->lists->search(view, input.queries.data(), input.nq, bits, params, {input.nprobe, input.refineRows}, cancel, hits, &out.stats));
    } else if (bands) {
      REDKITE_TRY(index->minHash->search(view, input.queries.data(), input.nq, bits, params, cancel, hits, &out.stats));
    } else if (disk) {
      thread_local DiskScratch diskScratch;
      REDKITE_TRY(index->disk->search(input.queries.data(), input.nq, bits, params, {input.ef, kDiskBeam}, cancel, &diskScratch, hits, &out.stats));
    } else if (walk) {
      REDKITE_TRY(index->graph->search(view, input.queries.data(), input.nq, bits, params, cancel, &scratch, hits, &out.stats));
    } else {
      REDKITE_TRY(flatSearch(view, input.metric, input.queries.data(), input.nq, bits, params, cancel, hits, &out.stats));
    }
  }
  out.stats.visibleRows = visible;
  size_t total = 0;
  for (uint32_t q = 0; q < input.nq; q++) {
    total += counts[q];
    out.starts[q + 1] = static_cast<int32_t>(total);
  }
  out.rows.reserve(total);
  out.scores.reserve(total);
  for (uint32_t q = 0; q < input.nq; q++) {
    const size_t first = hitsMax * q;
    out.rows.insert(out.rows.end(), rows.begin() + static_cast<ptrdiff_t>(first), rows.begin() + static_cast<ptrdiff_t>(first + counts[q]));
    // Nobody wants to see -0, which negated distances bring.
    for (size_t i = first; i < first + counts[q]; i++) out.scores.push_back(scores[i] + 0.0f);
  }
  return good();
}

}  // namespace redkite::segment
