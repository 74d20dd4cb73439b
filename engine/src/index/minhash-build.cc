// Each band by itself: count its buckets, place the entries by bucket, sort within.
#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "bands.h"
#include "minhash-file.h"
#include "parallel.h"
#include "redkite/crc32c.h"
#include "unless-out-of-memory.h"

namespace redkite {
namespace {

constexpr uint32_t kRowsBetweenPolls = 4096;

class Builder {
 public:
  Builder(const VectorView& view, const Bitset& indexed, const MinHashBuildParams& params, const HnswBuildControl& control)
      : view_(view), indexed_(indexed), params_(params), control_(control) {}

  Result<AlignedBytes> run() {
    const MinHash minHash{params_.elementBytes, params_.bands, false};
    if (view_.type != VectorType::binary) {
      return {Status::invalid("MINHASH_LSH cannot be built over vector type " + std::to_string(static_cast<int>(view_.type))), {}};
    }
    if (view_.dim > kDimMax * 8) return {Status::invalid("dimension is " + std::to_string(view_.dim) + ", it must be at most " + std::to_string(kDimMax * 8)), {}};
    if (Status status = checkMinHash(view_.dim, minHash); !status.ok()) return {std::move(status), {}};
    if (view_.rows > kRowsMax) return {Status::invalid("the column has " + std::to_string(view_.rows) + " rows, at most " + std::to_string(kRowsMax) + " are allowed"), {}};
    const Bands bands(view_.dim / 8, minHash);
    fillHeader(bands);
    file_ = AlignedBytes::allocate(h_.bytes);
    if (file_.data() == nullptr) return {Status::outOfMemory(), {}};
    Status status = parallelFor(params_.threads, h_.bands, 1, control_.cancel, [&] {
      return [this, &bands, next = std::vector<uint32_t>()](uint32_t begin, uint32_t end) mutable {
        for (uint32_t band = begin; band < end; ++band) fillBand(bands, band, next);
      };
    });
    if (!status.ok()) return {std::move(status), {}};
    seal();
    return {{}, std::move(file_)};
  }

  static MinHashHeader headerOf(uint32_t dim, uint32_t rows, uint32_t nodes, const Bands& bands, uint32_t elementBytes) {
    MinHashHeader h{};
    h.magic = kMinHashMagic;
    h.version = kMinHashVersion;
    h.type = static_cast<uint8_t>(VectorType::binary);
    h.metric = static_cast<uint8_t>(Metric::mhjaccard);
    h.dim = dim;
    h.rows = rows;
    h.nodes = nodes;
    h.elementBytes = elementBytes;
    h.bands = bands.count;
    h.bandElements = bands.elementsOfOne;
    h.bucketBits = bucketBitsFor(nodes);
    placeSections(h);
    return h;
  }

 private:
  void fillHeader(const Bands& bands) {
    h_ = headerOf(view_.dim, view_.rows, indexed_.count(view_.rows), bands, params_.elementBytes);
    h_.crc = crc32c(&h_, offsetof(MinHashHeader, crc));
  }

  /// Calls `take(hash, row)` for every indexed row; false when canceled.
  template <class Take>
  bool eachHash(const Bands& bands, uint32_t band, const Take& take) const {
    for (uint32_t row = 0; row < view_.rows; ++row) {
      if (row % kRowsBetweenPolls == 0 && control_.cancel.raised()) return false;
      if (indexed_.test(row)) take(bands.hash(view_.row(row), band), row);
    }
    return true;
  }

  void fillBand(const Bands& bands, uint32_t band, std::vector<uint32_t>& next) {
    const uint64_t buckets = startsOfBand(h_) - 1;
    uint32_t* starts = reinterpret_cast<uint32_t*>(file_.data() + h_.startsAt) + band * startsOfBand(h_);
    uint64_t* entries = reinterpret_cast<uint64_t*>(file_.data() + h_.entriesAt) + uint64_t{band} * h_.nodes;
    if (!eachHash(bands, band, [&](uint64_t hash, uint32_t) { ++starts[bucketOf(h_, hash) + 1]; })) return;
    for (uint64_t bucket = 0; bucket < buckets; ++bucket) starts[bucket + 1] += starts[bucket];
    next.assign(starts, starts + buckets);
    if (!eachHash(bands, band, [&](uint64_t hash, uint32_t row) { entries[next[bucketOf(h_, hash)]++] = entryOf(hash, row); })) return;
    for (uint64_t bucket = 0; bucket < buckets; ++bucket) {
      if (bucket % kRowsBetweenPolls == 0 && control_.cancel.raised()) return;
      uint64_t* first = entries + starts[bucket];
      uint64_t* last = entries + starts[bucket + 1];
      // Rows came in order: a bucket of many copies of one row is sorted already.
      if (!std::is_sorted(first, last)) std::sort(first, last);
    }
    const uint32_t done = ++done_;
    if (control_.progress != nullptr) {
      __atomic_store_n(control_.progress, static_cast<int32_t>(uint64_t{view_.rows} * done / h_.bands), __ATOMIC_RELAXED);
    }
  }

  void seal() {
    std::memcpy(file_.data(), &h_, sizeof(h_));
    for (uint64_t block = 0; block < checksumBlocks(h_); ++block) {
      const uint64_t begin = sizeof(MinHashHeader) + block * kMinHashChecksumBlock;
      const uint32_t crc = crc32c(file_.data() + begin, std::min(kMinHashChecksumBlock, h_.checksumsAt - begin));
      std::memcpy(file_.data() + h_.checksumsAt + block * 4, &crc, 4);
    }
  }

  const VectorView& view_;
  const Bitset& indexed_;
  const MinHashBuildParams& params_;
  const HnswBuildControl& control_;
  MinHashHeader h_{};
  std::atomic<uint32_t> done_{0};
  AlignedBytes file_;
};

}  // namespace

Result<AlignedBytes> buildMinHash(const VectorView& view, const Bitset& indexed, const MinHashBuildParams& params, const HnswBuildControl& control) {
  return unlessOutOfMemory([&] { return Builder(view, indexed, params, control).run(); });
}

uint64_t minHashBuildBytesMax(uint32_t dim, uint32_t rows, const MinHashBuildParams& params) {
  const MinHash minHash{params.elementBytes, params.bands, false};
  if (!checkMinHash(dim, minHash).ok()) return 0;
  const MinHashHeader h = Builder::headerOf(dim, rows, rows, Bands(dim / 8, minHash), params.elementBytes);
  return h.bytes + std::min(params.threads, h.bands) * startsOfBand(h) * 4;
}

}  // namespace redkite
