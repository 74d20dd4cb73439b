// Building and attaching index files.
#include <cstring>

#include "redkite/hnsw.h"

#include "attached-index.h"
#include "bitmap.h"
#include "read.h"

namespace redkite::segment {

Status buildVectorIndex(const Snapshot& snapshot, const VectorIndexInput& input, CancelToken cancel, int32_t* progress, std::shared_ptr<Buffer>& out) {
  const ColumnView* column = snapshot.column(input.fieldId);
  if (column == nullptr) return Status::invalid("the segment has no field " + std::to_string(input.fieldId));
  const auto type = vectorType(column->field.type);
  if (!type) return Status::invalid("field " + std::to_string(input.fieldId) + " does not hold vectors");
  if (!metricAllowed(*type, input.metric)) return Status::invalid("field " + std::to_string(input.fieldId) + " cannot be indexed for this metric");
  if (cancel.raised()) return Status::canceled();
  const auto finish = [&](Result<AlignedBytes> built) {
    if (built.status.ok()) out = Buffer::adopt(std::move(built.value));
    return std::move(built.status);
  };
  if (input.kind == VectorIndexKind::flat) {
    REDKITE_TRY(Buffer::allocate(kFlatBytes, out));
    const uint16_t version = 1;
    std::memcpy(out->writable(), kFlatMagic, 4);
    std::memcpy(out->writable() + 4, &version, 2);
    std::memcpy(out->writable() + 8, &snapshot.rows, 4);
    if (progress != nullptr) __atomic_store_n(progress, static_cast<int32_t>(snapshot.rows), __ATOMIC_RELAXED);
    return good();
  }
  std::vector<uint64_t> valid;
  Bitset indexed{nullptr, snapshot.rows};
  if (column->mayBeNull()) {
    valid.resize(wordsFor(snapshot.rows));
    for (uint32_t w = 0; w < valid.size(); w++) valid[w] = column->validWord(w * 64, snapshot.rows);
    indexed.words = valid.data();
  }
  if (*type == VectorType::sparse) {
    return finish(buildSparseIndex(sparseView(*column, snapshot.rows), indexed, {input.metric, input.bm25}, {cancel, progress}));
  }
  static const uint64_t none = 0;
  const uint8_t* base = column->values == nullptr ? reinterpret_cast<const uint8_t*>(&none) : column->values;
  const VectorView view = VectorView::contiguous(*type, column->field.dim, snapshot.rows, &base);
  if (input.kind >= VectorIndexKind::ivfFlat && input.kind <= VectorIndexKind::binIvfFlat) {
    IvfBuildParams params;
    params.kind = static_cast<IvfKind>(static_cast<uint8_t>(input.kind) - static_cast<uint8_t>(VectorIndexKind::ivfFlat));
    params.metric = input.metric;
    params.lists = input.lists;
    params.subs = input.subs;
    params.nbits = input.nbits;
    params.refine = input.refine;
    params.threads = input.threads;
    params.seed = input.seed;
    return finish(buildIvf(view, indexed, params, {cancel, progress}));
  }
  if (input.kind == VectorIndexKind::minHash) {
    if (input.metric != Metric::mhjaccard) return Status::invalid("MINHASH_LSH is built for MHJACCARD alone");
    return finish(buildMinHash(view, indexed, {input.elementBytes, input.bands, input.threads}, {cancel, progress}));
  }
  if (input.kind == VectorIndexKind::disk) {
    DiskBuildParams params;
    params.metric = input.metric;
    params.maxDegree = input.m;
    params.searchList = input.efConstruction;
    params.codesPerRow = input.codesPerRow;
    params.cachedPerRow = input.cachedPerRow;
    params.threads = input.threads;
    params.seed = input.seed;
    return finish(buildDisk(view, indexed, params, {cancel, progress}));
  }
  HnswBuildParams params;
  params.metric = input.metric;
  params.m = input.m;
  params.efConstruction = input.efConstruction;
  params.threads = input.threads;
  params.seed = input.seed;
  if (input.kind != VectorIndexKind::hnsw) {
    params.codes = input.kind == VectorIndexKind::hnswSq ? HnswCodes::u8 : HnswCodes::product;
    params.refine = input.refine;
    params.subs = input.subs;
    params.nbits = input.nbits;
    params.productLevels = input.levels;
  }
  return finish(buildHnsw(view, indexed, params, {cancel, progress}));
}

Status Segment::attachIndex(int64_t fieldId, std::shared_ptr<Buffer> file) {
  const Snapshot snap = snapshot();
  const ColumnView* column = snap.column(fieldId);
  if (column == nullptr) return Status::invalid("the segment has no field " + std::to_string(fieldId));
  auto index = std::make_shared<AttachedIndex>();
  const std::span<const uint8_t> bytes(file->data(), file->size());
  const auto mismatch = [&](uint32_t rows) {
    return Status::invalid("an index over " + std::to_string(rows) + " rows does not fit a segment of " + std::to_string(snap.rows));
  };
  if (filter::ScalarIndex::recognises(bytes)) {
    filter::ScalarIndex scalar;
    REDKITE_TRY(filter::ScalarIndex::open(bytes, scalar));
    if (scalar.type() != column->field.type) return Status::invalid("the index is over another type than field " + std::to_string(fieldId));
    if (scalar.rows() != snap.rows) return mismatch(scalar.rows());
    index->scalar = scalar;
  } else if (bytes.size() >= kFlatBytes && std::memcmp(bytes.data(), kFlatMagic, 4) == 0) {
    uint16_t version;
    uint32_t rows;
    std::memcpy(&version, bytes.data() + 4, 2);
    std::memcpy(&rows, bytes.data() + 8, 4);
    if (version != 1) return Status::corrupted("FLAT index version " + std::to_string(version) + " is not known, this reads 1");
    if (!vectorType(column->field.type)) return Status::invalid("field " + std::to_string(fieldId) + " does not hold vectors");
    if (rows != snap.rows) return mismatch(rows);
  } else if (SparseIndex::recognises(file->data(), file->size())) {
    Result<SparseIndex> sparse = SparseIndex::open(file->data(), file->size());
    REDKITE_TRY(std::move(sparse.status));
    if (vectorType(column->field.type) != VectorType::sparse) return Status::invalid("the index is over another type than field " + std::to_string(fieldId));
    if (sparse.value.rows() != snap.rows) return mismatch(sparse.value.rows());
    index->sparse = sparse.value;
  } else if (IvfIndex::recognises(file->data(), file->size())) {
    Result<IvfIndex> lists = IvfIndex::open(file->data(), file->size());
    REDKITE_TRY(std::move(lists.status));
    const auto type = vectorType(column->field.type);
    if (!type || *type != lists.value.info().type || lists.value.info().dim != column->field.dim) {
      return Status::invalid("the index is over another type or dimension than field " + std::to_string(fieldId));
    }
    if (lists.value.info().rows != snap.rows) return mismatch(lists.value.info().rows);
    index->lists = lists.value;
  } else if (MinHashIndex::recognises(file->data(), file->size())) {
    Result<MinHashIndex> minHash = MinHashIndex::open(file->data(), file->size());
    REDKITE_TRY(std::move(minHash.status));
    if (vectorType(column->field.type) != VectorType::binary || minHash.value.info().dim != column->field.dim) {
      return Status::invalid("the index is over another type or dimension than field " + std::to_string(fieldId));
    }
    if (minHash.value.info().rows != snap.rows) return mismatch(minHash.value.info().rows);
    index->minHash = minHash.value;
  } else if (DiskIndex::recognises(file->data(), file->size())) {
    Result<DiskIndex> disk = DiskIndex::open(file->data(), file->size(), file->reads());
    REDKITE_TRY(std::move(disk.status));
    const auto type = vectorType(column->field.type);
    if (!type || *type != disk.value.info().type || disk.value.info().dim != column->field.dim) {
      return Status::invalid("the index is over another type or dimension than field " + std::to_string(fieldId));
    }
    if (disk.value.info().rows != snap.rows) return mismatch(disk.value.info().rows);
    index->disk = disk.value;
  } else {
    Result<HnswIndex> graph = HnswIndex::open(file->data(), file->size());
    REDKITE_TRY(std::move(graph.status));
    const auto type = vectorType(column->field.type);
    if (!type || *type != graph.value.info().type || graph.value.info().dim != column->field.dim) {
      return Status::invalid("the index is over another type or dimension than field " + std::to_string(fieldId));
    }
    if (graph.value.info().rows != snap.rows) return mismatch(graph.value.info().rows);
    index->graph = graph.value;
  }
  index->file = std::move(file);
  const std::lock_guard lock(mutex_);
  indexes_[fieldId] = std::move(index);
  return good();
}

}  // namespace redkite::segment
