#include "scalar-index.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "../segment/bitmap.h"

namespace redkite::filter {
namespace {

using segment::alignUp;
using segment::ColumnView;
using segment::Type;

constexpr uint64_t kHeader = 64;
constexpr uint64_t kDirectoryEntry = 16;

template <typename T>
T read(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

bool indexable(Type t) { return segment::isNumber(t) || t == Type::boolean || segment::isString(t); }

/** Bytes of one value in the values section; a row number stands for a string. */
uint32_t valueWidth(Type t) { return segment::isString(t) ? 4 : segment::scalarWidth(t); }

/**
 * Reading one row from an index costs about as much as scanning this many rows of the column: a scan of numbers reads whole
 * registers, one of strings compares each.
 */
uint32_t scanAdvantage(Type t) { return segment::isString(t) ? 2 : 32; }

}  // namespace

bool ScalarIndex::recognises(std::span<const uint8_t> data) { return data.size() >= 4 && std::memcmp(data.data(), "RKSI", 4) == 0; }

Status ScalarIndex::open(std::span<const uint8_t> data, ScalarIndex& out) {
  if (data.size() < kHeader || !recognises(data)) return Status::corrupted("not a scalar index");
  if (reinterpret_cast<uintptr_t>(data.data()) % 8 != 0) return Status::invalid("scalar index is not 8-byte aligned");
  const auto version = read<uint16_t>(data.data() + 4);
  if (version != 1) return Status::corrupted("scalar index version " + std::to_string(version) + " is not known, this reads 1");
  if (data[6] > 1) return Status::corrupted("scalar index is of an unknown kind");
  out.kind_ = static_cast<ScalarIndexKind>(data[6]);
  out.type_ = static_cast<Type>(data[7]);
  if (!indexable(out.type_)) return Status::corrupted("scalar index is over a type that has no index");
  out.rows_ = read<uint32_t>(data.data() + 8);
  out.entries_ = read<uint32_t>(data.data() + 12);
  const auto total = read<uint64_t>(data.data() + 16);
  const bool strings = segment::isString(out.type_);
  out.width_ = valueWidth(out.type_);
  out.data_ = data.data();
  if (total > data.size()) return Status::corrupted("scalar index is cut short");
  if (out.entries_ > out.rows_ || out.rows_ > kRowsMax) return Status::corrupted("scalar index has impossible counts");
  uint64_t at = kHeader;
  const auto section = [&](uint64_t bytes) {
    const uint64_t start = at;
    at = alignUp(at + bytes);
    return start;
  };
  const uint64_t n = out.entries_;
  const auto rowsInside = [&](const uint32_t* ids, uint64_t count) {
    bool inside = true;
    for (uint64_t i = 0; i < count; i++) inside &= ids[i] < out.rows_;
    return inside;
  };
  if (out.kind_ == ScalarIndexKind::sorted) {
    const uint64_t rowsAt = section(4 * n);
    const uint64_t valuesAt = section(strings ? 0 : out.width_ * n);
    if (at > total) return Status::corrupted("scalar index is cut short");
    out.rowIds_ = reinterpret_cast<const uint32_t*>(data.data() + rowsAt);
    out.values_ = data.data() + valuesAt;
    if (!rowsInside(out.rowIds_, n)) return Status::corrupted("scalar index names rows that are not there");
    return good();
  }
  const uint64_t valuesAt = section(out.width_ * n);
  const uint64_t directoryAt = section(kDirectoryEntry * n);
  if (at > total) return Status::corrupted("scalar index is cut short");
  out.values_ = data.data() + valuesAt;
  out.rowIds_ = strings ? reinterpret_cast<const uint32_t*>(out.values_) : nullptr;
  out.directory_ = data.data() + directoryAt;
  if (strings && !rowsInside(out.rowIds_, n)) return Status::corrupted("scalar index names rows that are not there");
  for (uint64_t i = 0; i < n; i++) {
    const uint8_t* entry = out.directory_ + kDirectoryEntry * i;
    const auto offset = read<uint64_t>(entry);
    const auto count = read<uint32_t>(entry + 8);
    const auto form = read<uint32_t>(entry + 12);
    const uint64_t bytes = form == 0 ? uint64_t{8} * segment::wordsFor(out.rows_) : uint64_t{4} * count;
    if (form > 1 || offset % 8 != 0 || offset < at || offset > total || bytes > total - offset) {
      return Status::corrupted("scalar index: entry " + std::to_string(i) + " lies outside the file");
    }
    if (form == 1 && !rowsInside(reinterpret_cast<const uint32_t*>(data.data() + offset), count)) {
      return Status::corrupted("scalar index names rows that are not there");
    }
  }
  return good();
}

int64_t ScalarIndex::integer(uint32_t entry) const {
  const uint8_t* at = values_ + uint64_t{entry} * width_;
  switch (width_) {
    case 1:
      return type_ == Type::boolean ? *at : static_cast<int8_t>(*at);
    case 2:
      return read<int16_t>(at);
    case 4:
      return read<int32_t>(at);
    default:
      return read<int64_t>(at);
  }
}

double ScalarIndex::number(uint32_t entry) const {
  if (!segment::isFloat(type_)) return static_cast<double>(integer(entry));
  const uint8_t* at = values_ + uint64_t{entry} * width_;
  return width_ == 4 ? read<float>(at) : read<double>(at);
}

std::string_view ScalarIndex::text(const ColumnView& column, uint32_t entry) const { return column.bytesAt(rowIds_[entry]); }

template <typename Holds>
uint32_t ScalarIndex::first(Holds holds) const {
  uint32_t low = 0;
  uint32_t high = entries_;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (holds(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

bool ScalarIndex::entriesOf(const Predicate& predicate, const ColumnView& column, std::vector<Entries>& out) const {
  const bool strings = segment::isString(type_);
  const bool floats = segment::isFloat(type_);
  if (const auto* r = std::get_if<IntegerRange>(&predicate.test); r != nullptr && !strings && !floats) {
    if (r->low > r->high) return true;
    out.push_back({first([&](uint32_t i) { return integer(i) >= r->low; }), first([&](uint32_t i) { return integer(i) > r->high; })});
    return true;
  }
  if (const auto* r = std::get_if<FloatRange>(&predicate.test); r != nullptr && floats) {
    if (!(r->low <= r->high)) return true;
    out.push_back({first([&](uint32_t i) { return number(i) >= r->low; }), first([&](uint32_t i) { return number(i) > r->high; })});
    return true;
  }
  if (const auto* r = std::get_if<StringRange>(&predicate.test); r != nullptr && strings) {
    out.push_back({first([&](uint32_t i) { return r->aboveLow(text(column, i)); }),
                   first([&](uint32_t i) { return !r->belowHigh(text(column, i)); })});
    return true;
  }
  if (const auto* set = std::get_if<IntegerSet>(&predicate.test); set != nullptr && !strings && !floats) {
    for (const int64_t v : set->values) {
      out.push_back({first([&](uint32_t i) { return integer(i) >= v; }), first([&](uint32_t i) { return integer(i) > v; })});
    }
    return true;
  }
  if (const auto* set = std::get_if<FloatSet>(&predicate.test); set != nullptr && !strings) {
    for (const double v : set->values) {
      out.push_back({first([&](uint32_t i) { return number(i) >= v; }), first([&](uint32_t i) { return number(i) > v; })});
    }
    return true;
  }
  if (const auto* set = std::get_if<StringSet>(&predicate.test); set != nullptr && strings) {
    for (const std::string_view v : set->values) {
      out.push_back({first([&](uint32_t i) { return text(column, i) >= v; }), first([&](uint32_t i) { return text(column, i) > v; })});
    }
    return true;
  }
  const auto* like = std::get_if<LikeTest>(&predicate.test);
  if (like == nullptr || !strings) return false;
  const std::string& prefix = like->matcher->prefix();
  if (kind_ == ScalarIndexKind::bitmap) {
    // Few values: the pattern is tried on each of them.
    for (uint32_t i = 0; i < entries_; i++) {
      if (like->matcher->matches(text(column, i))) out.push_back({i, i + 1});
    }
    return true;
  }
  if (!like->matcher->isPrefixOnly()) return false;
  out.push_back({first([&](uint32_t i) { return text(column, i) >= prefix; }),
                 first([&](uint32_t i) { return text(column, i).substr(0, prefix.size()) > prefix; })});
  return true;
}

uint64_t ScalarIndex::rowsOf(const Entries& entries) const {
  if (entries.to <= entries.from) return 0;
  if (kind_ == ScalarIndexKind::sorted) return entries.to - entries.from;
  uint64_t cost = 0;
  for (uint32_t i = entries.from; i < entries.to; i++) {
    const uint8_t* entry = directory_ + kDirectoryEntry * i;
    cost += read<uint32_t>(entry + 12) == 0 ? segment::wordsFor(rows_) : read<uint32_t>(entry + 8);
  }
  return cost;
}

void ScalarIndex::mark(const Entries& entries, uint64_t* words) const {
  for (uint32_t i = entries.from; i < entries.to; i++) {
    if (kind_ == ScalarIndexKind::sorted) {
      words[rowIds_[i] >> 6] |= uint64_t{1} << (rowIds_[i] & 63);
      continue;
    }
    const uint8_t* entry = directory_ + kDirectoryEntry * i;
    const uint8_t* payload = data_ + read<uint64_t>(entry);
    if (read<uint32_t>(entry + 12) == 0) {
      const auto* bits = reinterpret_cast<const uint64_t*>(payload);
      for (uint32_t w = 0; w < segment::wordsFor(rows_); w++) words[w] |= bits[w];
    } else {
      const auto* ids = reinterpret_cast<const uint32_t*>(payload);
      const auto count = read<uint32_t>(entry + 8);
      for (uint32_t j = 0; j < count; j++) words[ids[j] >> 6] |= uint64_t{1} << (ids[j] & 63);
    }
  }
}

bool ScalarIndex::answer(const Predicate& predicate, const ColumnView& column, uint64_t* words) const {
  // A set larger than this costs more in searches than a scan with a hash.
  const uint64_t budget = uint64_t{rows_} / scanAdvantage(type_) + 64;
  if (const auto* set = std::get_if<IntegerSet>(&predicate.test); set != nullptr && set->values.size() * 16 > budget) return false;
  if (const auto* set = std::get_if<FloatSet>(&predicate.test); set != nullptr && set->values.size() * 16 > budget) return false;
  if (const auto* set = std::get_if<StringSet>(&predicate.test); set != nullptr && set->values.size() * 16 > budget) return false;
  if (std::holds_alternative<LikeTest>(predicate.test) && kind_ == ScalarIndexKind::bitmap && entries_ > budget) return false;
  std::vector<Entries> found;
  if (!entriesOf(predicate, column, found)) return false;
  uint64_t cost = 0;
  for (const Entries& e : found) cost += rowsOf(e);
  if (cost > budget) return false;
  for (const Entries& e : found) mark(e, words);
  return true;
}

}  // namespace redkite::filter
