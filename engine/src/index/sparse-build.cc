#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <unordered_map>
#include <vector>

#include "redkite/crc32c.h"
#include "redkite/sparse-index.h"
#include "sparse-file.h"
#include "sparse-scoring.h"

namespace redkite {
namespace {

constexpr uint32_t kRowsBetweenPolls = 1024;

struct List {
  uint64_t count = 0;
  uint64_t at = 0;
  uint32_t number = 0;
};

class Builder {
 public:
  Builder(const SparseView& view, const Bitset& indexed, const SparseBuildParams& params, const HnswBuildControl& control)
      : view_(view), indexed_(indexed), params_(params), control_(control) {}

  Result<AlignedBytes> run() {
    if (Status status = SparseScoring::check(params_.metric, params_.bm25); !status.ok()) return {std::move(status), {}};
    if (Status status = count(); !status.ok()) return {std::move(status), {}};
    header_.magic = kSparseMagic;
    header_.version = kSparseVersion;
    header_.metric = static_cast<uint8_t>(params_.metric);
    header_.rows = view_.rows;
    header_.lists = static_cast<uint32_t>(lists_.size());
    for (const auto& [dimension, list] : lists_) header_.postingBytes += listBytes(list.count, view_.rows);
    placeSections(header_, params_.metric == Metric::bm25);
    file_ = AlignedBytes::allocate(header_.bytes);
    if (file_.data() == nullptr) return {Status::outOfMemory(), {}};
    orderLists();
    if (Status status = placeRows(); !status.ok()) return {std::move(status), {}};
    if (Status status = makeCodes(); !status.ok()) return {std::move(status), {}};
    header_.sectionsCrc = crc32c(file_.data() + sizeof(header_), header_.bytes - sizeof(header_));
    header_.crc = crc32c(&header_, offsetof(SparseHeader, crc));
    std::memcpy(file_.data(), &header_, sizeof(header_));
    return {{}, std::move(file_)};
  }

 private:
  template <typename T>
  T* section(uint64_t at) {
    return reinterpret_cast<T*>(file_.data() + at);
  }

  bool polled(uint32_t i) const { return i % kRowsBetweenPolls == 0 && control_.cancel.raised(); }

  /// Postings of each list, and between what the terms of BM25 lie.
  Status count() {
    double lengths = 0;
    uint64_t documents = 0;
    float least = std::numeric_limits<float>::infinity();
    for (uint32_t id = 0; id < view_.rows; ++id) {
      if (polled(id)) return Status::canceled();
      if (!indexed_.test(id)) continue;
      const SparseRow row = view_.row(id);
      if (Status status = checkSparseRow(row, "sparse row", id); !status.ok()) return Status::corrupted(std::move(status.message));
      for (uint32_t pair = 0; pair < row.bytes / 8; ++pair) {
        ++lists_[indexAt(row, pair)].count;
        const float frequency = termFrequency(valueAt(row, pair));
        if (frequency > 0) least = std::min(least, frequency);
        header_.mostTerm = std::max(header_.mostTerm, frequency);
      }
      header_.postings += row.bytes / 8;
      const float length = lengthOf(row);
      header_.longest = std::max(header_.longest, length);
      lengths += length;
      ++documents;
    }
    if (params_.metric == Metric::bm25) {
      header_.k1 = params_.bm25.k1;
      header_.b = params_.bm25.b;
      header_.avgdl = static_cast<float>(std::max(1.0, lengths / static_cast<double>(std::max<uint64_t>(documents, 1))));
      header_.leastTerm = header_.mostTerm > 0 ? least : 0.0f;
    } else {
      header_.mostTerm = header_.longest = 0;
    }
    return {};
  }

  void orderLists() {
    uint32_t* dimensions = section<uint32_t>(header_.dimensionsAt);
    uint64_t* starts = section<uint64_t>(header_.startsAt);
    uint64_t* places = section<uint64_t>(header_.placesAt);
    uint32_t n = 0;
    for (const auto& [dimension, list] : lists_) dimensions[n++] = dimension;
    std::sort(dimensions, dimensions + n);
    for (uint32_t i = 0; i < n; ++i) {
      List& list = lists_.find(dimensions[i])->second;
      list.number = i;
      starts[i + 1] = starts[i] + list.count;
      places[i + 1] = places[i] + listBytes(list.count, view_.rows);
    }
  }

  /// Values, rows of postings, and 1 for a code where a row is in a dense list.
  Status placeRows() {
    const uint64_t* starts = section<uint64_t>(header_.startsAt);
    const uint64_t* places = section<uint64_t>(header_.placesAt);
    float* values = section<float>(header_.valuesAt);
    for (uint32_t id = 0; id < view_.rows; ++id) {
      if (polled(id)) return Status::canceled();
      if (control_.progress != nullptr) __atomic_store_n(control_.progress, static_cast<int32_t>(id + 1), __ATOMIC_RELAXED);
      if (!indexed_.test(id)) continue;
      const SparseRow row = view_.row(id);
      if (header_.lengthsAt != 0) section<float>(header_.lengthsAt)[id] = lengthOf(row);
      for (uint32_t pair = 0; pair < row.bytes / 8; ++pair) {
        List& list = lists_.find(indexAt(row, pair))->second;
        uint8_t* bytes = file_.data() + header_.postingsAt + places[list.number];
        values[starts[list.number] + list.at] = valueAt(row, pair);
        if (isDense(list.count, view_.rows)) bytes[id] = 1;
        else reinterpret_cast<uint32_t*>(bytes)[list.at] = id;
        ++list.at;
      }
    }
    return {};
  }

  /// What each entry counts, as a share of the list's most.
  Status makeCodes() {
    const uint64_t* starts = section<uint64_t>(header_.startsAt);
    const uint64_t* places = section<uint64_t>(header_.placesAt);
    float* bounds = section<float>(header_.boundsAt);
    const float* values = section<float>(header_.valuesAt);
    const float* lengths = header_.lengthsAt == 0 ? nullptr : section<float>(header_.lengthsAt);
    const SparseScoring scoring(params_.metric, {header_.k1, header_.b, header_.avgdl});
    std::vector<float> parts;
    for (uint32_t i = 0; i < header_.lists; ++i) {
      if (polled(i)) return Status::canceled();
      const uint64_t count = starts[i + 1] - starts[i];
      uint8_t* bytes = file_.data() + header_.postingsAt + places[i];
      const bool dense = isDense(count, view_.rows);
      uint32_t* rows = reinterpret_cast<uint32_t*>(bytes);
      parts.resize(count);
      uint32_t row = 0;
      for (uint64_t at = 0; at < count; ++at, ++row) {
        if (dense) while (bytes[row] == 0) ++row;
        else row = rows[at];
        parts[at] = scoring.part(values[starts[i] + at], lengths == nullptr ? 0.0f : scoring.norm(lengths[row]));
      }
      float* bound = bounds + size_t{i} * 2;
      takeBounds(parts, bound);
      const float most = std::max(std::fabs(bound[0]), std::fabs(bound[1]));
      if (dense) {
        uint32_t* ranks = reinterpret_cast<uint32_t*>(bytes + size_t{rankBlocks(view_.rows)} * kRankRows);
        uint64_t at = 0;
        for (row = 0; row < view_.rows; ++row) {
          if (row % kRankRows == 0) ranks[row / kRankRows] = static_cast<uint32_t>(at);
          if (bytes[row] != 0) bytes[row] = codeOf(parts[at++], most);
        }
      } else {
        for (uint64_t at = 0; at < count; ++at) bytes[count * 4 + at] = codeOf(parts[at], most);
      }
    }
    return {};
  }

  static void takeBounds(const std::vector<float>& parts, float* bound) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    bound[0] = infinity;
    bound[1] = -infinity;
    for (const float part : parts) {
      // A value that is not a number may stand for anything.
      bound[0] = std::isnan(part) ? -infinity : std::min(bound[0], part);
      bound[1] = std::isnan(part) ? infinity : std::max(bound[1], part);
    }
  }

  static uint8_t codeOf(float part, float most) {
    const double share = std::ceil(std::fabs(double{part}) * kCodeMost / most);
    // Not a number where one of them is none, or both are 0 or infinite.
    return static_cast<uint8_t>(share >= 1 && share <= kCodeMost ? share : most > 0 && share < 1 ? 1 : kCodeMost);
  }

  const SparseView& view_;
  const Bitset& indexed_;
  const SparseBuildParams& params_;
  const HnswBuildControl& control_;
  SparseHeader header_{};
  std::unordered_map<uint32_t, List> lists_;
  AlignedBytes file_;
};

}  // namespace

Result<AlignedBytes> buildSparseIndex(const SparseView& view, const Bitset& indexed, const SparseBuildParams& params, const HnswBuildControl& control) {
  try {
    return Builder(view, indexed, params, control).run();
  } catch (const std::bad_alloc&) {
    return {Status::outOfMemory(), {}};
  }
}

}  // namespace redkite
