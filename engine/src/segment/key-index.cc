#include "key-index.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace redkite::segment {
namespace {

constexpr uint64_t kHeader = 64;

uint64_t rowsOffset(uint64_t rows) { return alignUp(kHeader + 8 * rows); }
uint64_t totalBytes(uint64_t rows) { return alignUp(rowsOffset(rows) + 4 * rows); }

struct Entry {
  uint64_t hash;
  uint32_t row;
};

/** Stable sort by hash, a byte of it a pass; passes in which all bytes are equal are skipped. */
void sortByHash(std::vector<Entry>& entries) {
  if (entries.size() < 2048) {
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.hash != b.hash ? a.hash < b.hash : a.row < b.row; });
    return;
  }
  std::vector<Entry> other(entries.size());
  constexpr int kBits = 11;
  for (int shift = 0; shift < 64; shift += kBits) {
    std::vector<uint32_t> starts((1 << kBits) + 1);
    const uint64_t mask = (1u << kBits) - 1;
    for (const Entry& e : entries) starts[((e.hash >> shift) & mask) + 1]++;
    for (size_t i = 1; i < starts.size(); i++) starts[i] += starts[i - 1];
    for (const Entry& e : entries) other[starts[(e.hash >> shift) & mask]++] = e;
    entries.swap(other);
  }
}

}  // namespace

Status KeyIndex::open(std::span<const uint8_t> data, uint32_t rows, bool varchar, KeyIndex& out) {
  if (data.size() < kHeader || std::memcmp(data.data(), "RKKI", 4) != 0) return Status::corrupted("not a key index");
  uint16_t version;
  uint32_t count;
  uint64_t total;
  std::memcpy(&version, data.data() + 4, 2);
  std::memcpy(&count, data.data() + 8, 4);
  std::memcpy(&total, data.data() + 16, 8);
  if (version != 1) return Status::corrupted("key index version " + std::to_string(version) + " is not known, this reads 1");
  if ((data[6] == 1) != varchar || data[6] > 1) return Status::corrupted("key index is of another key type");
  if (count != rows) {
    return Status::corrupted("key index has " + std::to_string(count) + " rows, its segment " + std::to_string(rows));
  }
  if (total != totalBytes(count) || data.size() < total) return Status::corrupted("key index is cut short");
  if (reinterpret_cast<uintptr_t>(data.data()) % 8 != 0) return Status::invalid("key index is not 8-byte aligned");
  out.rows_ = count;
  out.hashes_ = reinterpret_cast<const uint64_t*>(data.data() + kHeader);
  out.rowIds_ = reinterpret_cast<const uint32_t*>(data.data() + rowsOffset(count));
  bool sound = true;
  for (uint32_t i = 0; i < count; i++) sound &= out.rowIds_[i] < rows;
  for (uint32_t i = 1; i < count; i++) sound &= out.hashes_[i - 1] <= out.hashes_[i];
  if (!sound) return Status::corrupted("key index is not sorted or names rows that are not there");
  return good();
}

uint32_t KeyIndex::lowerBound(uint64_t hash) const {
  uint64_t low = 0;
  uint64_t high = rows_;  // The answer lies in [low, high].
  // Hashes are even, so a guess lands close; a file made to defeat guessing falls back to halving.
  for (int guesses = 0; guesses < 4 && high - low > 16; guesses++) {
    const uint64_t first = hashes_[low];
    const uint64_t last = hashes_[high - 1];
    if (hash <= first) return static_cast<uint32_t>(low);
    if (hash > last) return static_cast<uint32_t>(high);
    const uint64_t width = high - 1 - low;
    const auto offset = static_cast<uint64_t>(static_cast<unsigned __int128>(hash - first) * width / (last - first));
    const uint64_t slack = 8;
    const uint64_t from = low + (offset > slack ? offset - slack : 0);
    const uint64_t to = std::min(high - 1, low + offset + slack);
    if (hashes_[from] < hash) {
      low = from + 1;
    } else {
      high = from;
      continue;
    }
    if (hashes_[to] >= hash) {
      high = to;
    } else {
      low = to + 1;
    }
  }
  const uint64_t* found = std::lower_bound(hashes_ + low, hashes_ + high, hash);
  return static_cast<uint32_t>(found - hashes_);
}

Status buildKeyIndex(const ColumnView& column, uint32_t rows, std::shared_ptr<Buffer>& out) {
  std::vector<Entry> entries(rows);
  for (uint32_t row = 0; row < rows; row++) entries[row] = {keyHashAt(column, row), row};
  sortByHash(entries);
  REDKITE_TRY(Buffer::allocate(totalBytes(rows), out));
  uint8_t* data = out->writable();
  const uint16_t version = 1;
  const uint64_t total = totalBytes(rows);
  std::memcpy(data, "RKKI", 4);
  std::memcpy(data + 4, &version, 2);
  data[6] = column.kind == Kind::bytes ? 1 : 0;
  std::memcpy(data + 8, &rows, 4);
  std::memcpy(data + 16, &total, 8);
  auto* hashes = reinterpret_cast<uint64_t*>(data + kHeader);
  auto* ids = reinterpret_cast<uint32_t*>(data + rowsOffset(rows));
  for (uint32_t i = 0; i < rows; i++) {
    hashes[i] = entries[i].hash;
    ids[i] = entries[i].row;
  }
  return good();
}

}  // namespace redkite::segment
