#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <unordered_map>
#include <vector>

#include "redkite/crc32c.h"
#include "redkite/sparse-index.h"
#include "sparse-file.h"
#include "sparse-rows.h"

namespace redkite {
namespace {

constexpr uint32_t kRowsBetweenPolls = 1024;

struct List {
  uint64_t count = 0;
  uint64_t at = 0;
  uint32_t number = 0;
};

Result<AlignedBytes> build(const SparseView& view, const Bitset& indexed, const HnswBuildControl& control) {
  std::unordered_map<uint32_t, List> lists;
  SparseHeader header{};
  for (uint32_t id = 0; id < view.rows; ++id) {
    if (id % kRowsBetweenPolls == 0 && control.cancel.raised()) return {Status::canceled(), {}};
    if (!indexed.test(id)) continue;
    const SparseRow row = view.row(id);
    if (Status status = checkSparseRow(row, "sparse row", id); !status.ok()) return {Status::corrupted(std::move(status.message)), {}};
    for (uint32_t pair = 0; pair < row.bytes / 8; ++pair) ++lists[indexAt(row, pair)].count;
    header.postings += row.bytes / 8;
  }
  header.magic = kSparseMagic;
  header.version = kSparseVersion;
  header.rows = view.rows;
  header.lists = static_cast<uint32_t>(lists.size());
  placeSections(header);
  AlignedBytes file = AlignedBytes::allocate(header.bytes);
  if (file.data() == nullptr) return {Status::outOfMemory(), {}};
  uint32_t* dimensions = reinterpret_cast<uint32_t*>(file.data() + header.dimensionsAt);
  uint64_t* starts = reinterpret_cast<uint64_t*>(file.data() + header.startsAt);
  float* bounds = reinterpret_cast<float*>(file.data() + header.boundsAt);
  uint32_t* rows = reinterpret_cast<uint32_t*>(file.data() + header.rowsAt);
  float* values = reinterpret_cast<float*>(file.data() + header.valuesAt);
  uint32_t n = 0;
  for (const auto& [dimension, list] : lists) dimensions[n++] = dimension;
  std::sort(dimensions, dimensions + n);
  uint64_t at = 0;
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (uint32_t i = 0; i < n; ++i) {
    List& list = lists.find(dimensions[i])->second;
    list.number = i;
    list.at = starts[i] = at;
    at += list.count;
    bounds[i * 2] = infinity;
    bounds[i * 2 + 1] = -infinity;
  }
  starts[n] = at;
  for (uint32_t id = 0; id < view.rows; ++id) {
    if (id % kRowsBetweenPolls == 0 && control.cancel.raised()) return {Status::canceled(), {}};
    if (control.progress != nullptr) __atomic_store_n(control.progress, static_cast<int32_t>(id + 1), __ATOMIC_RELAXED);
    if (!indexed.test(id)) continue;
    const SparseRow row = view.row(id);
    for (uint32_t pair = 0; pair < row.bytes / 8; ++pair) {
      List& list = lists.find(indexAt(row, pair))->second;
      const float value = valueAt(row, pair);
      rows[list.at] = id;
      values[list.at++] = value;
      float* bound = bounds + size_t{list.number} * 2;
      // A value that is not a number may stand for anything.
      bound[0] = std::isnan(value) ? -infinity : std::min(bound[0], value);
      bound[1] = std::isnan(value) ? infinity : std::max(bound[1], value);
    }
  }
  header.sectionsCrc = crc32c(file.data() + sizeof(header), header.bytes - sizeof(header));
  header.crc = crc32c(&header, offsetof(SparseHeader, crc));
  std::memcpy(file.data(), &header, sizeof(header));
  return {{}, std::move(file)};
}

}  // namespace

Result<AlignedBytes> buildSparseIndex(const SparseView& view, const Bitset& indexed, const HnswBuildControl& control) {
  try {
    return build(view, indexed, control);
  } catch (const std::bad_alloc&) {
    return {Status::outOfMemory(), {}};
  }
}

}  // namespace redkite
