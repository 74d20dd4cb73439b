#include <cmath>
#include <cstring>
#include <new>
#include <string>

#include "redkite/crc32c.h"
#include "redkite/sparse-index.h"
#include "sparse-file.h"
#include "sparse-walk.h"

namespace redkite {

bool SparseIndex::recognises(const uint8_t* data, size_t bytes) { return bytes >= 4 && std::memcmp(data, &kSparseMagic, 4) == 0; }

Result<SparseIndex> SparseIndex::open(const uint8_t* data, size_t bytes) {
  const auto bad = [](std::string why) { return Result<SparseIndex>{Status::corrupted("sparse index: " + std::move(why)), {}}; };
  if (data == nullptr || bytes < sizeof(SparseHeader)) return bad(std::to_string(bytes) + " bytes are too few for a header");
  if (reinterpret_cast<uintptr_t>(data) % 64 != 0) return {Status::invalid("sparse index: the bytes are not 64-byte aligned"), {}};
  SparseHeader h;
  std::memcpy(&h, data, sizeof(h));
  if (h.magic != kSparseMagic) return bad("the magic is not RKSP");
  if (h.version != kSparseVersion && h.version != kSparseVersionFirst) return bad("version " + std::to_string(h.version) + " is not known, this reads 1 and 2");
  if (crc32c(data, offsetof(SparseHeader, crc)) != h.crc) return bad("the header's checksum does not fit");
  const bool first = h.version == kSparseVersionFirst;
  const Metric metric = first ? Metric::ip : static_cast<Metric>(h.metric);
  if (!metricAllowed(VectorType::sparse, metric)) return bad("metric is " + std::to_string(h.metric));
  if (h.rows > kRowsMax) return bad("row count is " + std::to_string(h.rows));
  if (h.postings > bytes || h.postingBytes > bytes) return bad("posting count is " + std::to_string(h.postings) + " in " + std::to_string(h.postingBytes) + " bytes");
  SparseHeader placed = h;
  placeSections(placed, metric == Metric::bm25);
  if (std::memcmp(&placed, &h, sizeof(h)) != 0 || h.bytes != bytes) return bad("sections are not where they belong in " + std::to_string(bytes) + " bytes");
  SparseIndex index;
  index.data_ = data;
  index.bytes_ = bytes;
  index.rows_ = h.rows;
  index.lists_ = h.lists;
  index.postings_ = h.postings;
  index.dimensions_ = reinterpret_cast<const uint32_t*>(data + h.dimensionsAt);
  index.starts_ = reinterpret_cast<const uint64_t*>(data + h.startsAt);
  index.bounds_ = reinterpret_cast<const float*>(data + h.boundsAt);
  index.metric_ = metric;
  index.bm25_ = {h.k1, h.b, h.avgdl};
  index.leastTerm_ = h.leastTerm;
  index.mostTerm_ = h.mostTerm;
  index.longest_ = h.longest;
  index.places_ = first ? nullptr : reinterpret_cast<const uint64_t*>(data + h.placesAt);
  index.postingBytes_ = data + h.postingsAt;
  index.values_ = reinterpret_cast<const float*>(data + h.valuesAt);
  index.lengths_ = h.lengthsAt == 0 ? nullptr : reinterpret_cast<const float*>(data + h.lengthsAt);
  if (index.starts_[0] != 0 || index.starts_[h.lists] != h.postings) return bad("list starts do not cover the postings");
  if (!first && (index.places_[0] != 0 || index.places_[h.lists] != h.postingBytes)) return bad("list places do not cover the postings");
  for (uint32_t i = 0; i < h.lists; ++i) {
    const uint64_t postings = index.starts_[i + 1] - index.starts_[i];
    if (index.starts_[i] > index.starts_[i + 1] || postings > h.postings) return bad("start of list " + std::to_string(i) + " is " + std::to_string(index.starts_[i]));
    if (!first && index.places_[i + 1] - index.places_[i] != listBytes(postings, h.rows)) return bad("place of list " + std::to_string(i) + " is " + std::to_string(index.places_[i]));
  }
  return {{}, index};
}

PostingList SparseIndex::list(uint32_t index) const {
  PostingList list;
  list.postings = starts_[index + 1] - starts_[index];
  list.values = values_ + starts_[index];
  if (places_ == nullptr) {
    list.rows = reinterpret_cast<const uint32_t*>(postingBytes_) + starts_[index];
    return list;
  }
  const uint8_t* bytes = postingBytes_ + places_[index];
  if (isDense(list.postings, rows_)) {
    list.codes = bytes;
    list.ranks = reinterpret_cast<const uint32_t*>(bytes + size_t{rankBlocks(rows_)} * kRankRows);
  } else {
    list.rows = reinterpret_cast<const uint32_t*>(bytes);
    list.codes = bytes + list.postings * 4;
  }
  return list;
}

Status SparseIndex::verify() const {
  SparseHeader h;
  std::memcpy(&h, data_, sizeof(h));
  if (crc32c(data_ + sizeof(h), bytes_ - sizeof(h)) != h.sectionsCrc) return Status::corrupted("sparse index: the sections' checksum does not fit");
  return {};
}

Status SparseIndex::search(const SparseRow* queries, uint32_t nq, const Bitset& visible, const SearchParams& params,
                           const SparseSearchParams& sparse, CancelToken cancel, const HitBuffer& out, SearchStats* stats) const {
  if (Status status = checkSearch(params, out); !status.ok()) return status;
  if (!(sparse.dropRatio >= 0) || !(sparse.dropRatio < 1)) return Status::invalid("drop_ratio_search is " + std::to_string(sparse.dropRatio) + ", it must be in [0, 1)");
  if (Status status = SparseScoring::check(metric_, params.bm25); !status.ok()) return status;
  try {
    const uint32_t visibleRows = visible.count(rows_);
    SparseWalk walk(*this, visible, params);
    TopHits top;
    for (uint32_t q = 0; q < nq; ++q) {
      if (Status status = checkSparseRow(queries[q], "sparse query", q); !status.ok()) return status;
      top.reset(params.group == nullptr ? std::min<size_t>(params.k, visibleRows) : visibleRows);
      if (!walk.run(queries[q], sparse.dropRatio, top, cancel)) return Status::canceled();
      writeHits(top.sorted(), params, metric_, q, out);
    }
    if (cancel.raised()) return Status::canceled();
    if (stats != nullptr) {
      stats->distances += walk.codes() + walk.scores();
      stats->exactDistances += walk.scores();
      stats->bytes += walk.bytes();
      stats->visibleRows = visibleRows;
      if (visibleRows > 0 && stats->path < SearchPath::flat) stats->path = SearchPath::flat;
    }
    return {};
  } catch (const std::bad_alloc&) {
    return Status::outOfMemory();
  }
}

}  // namespace redkite
