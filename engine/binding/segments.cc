// Opening, sharing, appending, deleting.
#include "functions.h"

#include <atomic>
#include <cstring>
#include <mutex>
#include <unordered_map>

namespace redkite::binding {
namespace {

using segment::Field;
using segment::FileRange;
using segment::GrowingSegment;
using segment::SealedColumn;
using segment::SealedInput;
using segment::SealedSegment;
using segment::Segment;

/** Segments of the process by the number that `share` gives; entries end with their segment. */
struct Registry {
  std::mutex mutex;
  uint64_t next = 1;
  std::unordered_map<uint64_t, std::weak_ptr<Segment>> segments;

  uint64_t add(const std::shared_ptr<Segment>& segment) {
    const std::lock_guard lock(mutex);
    // Ended segments are swept as new ones come, so the table stays as large as what lives.
    if (next % 64 == 0) std::erase_if(segments, [](const auto& entry) { return entry.second.expired(); });
    segments.emplace(next, segment);
    return next++;
  }

  std::shared_ptr<Segment> find(uint64_t id) {
    const std::lock_guard lock(mutex);
    const auto found = segments.find(id);
    return found == segments.end() ? nullptr : found->second.lock();
  }
};

Registry& registry() {
  static auto* one = new Registry;
  return *one;
}

/** [id, type, elementType, dim, nullable, isKey, default | undefined] */
constexpr size_t kFieldParts = 7;

Field readField(napi_env env, const std::vector<napi_value>& parts, size_t at) {
  const auto number = [&](size_t i) { return Call::numberOf(env, parts[at + i]); };
  const auto byte = [&](size_t i) {
    const double v = number(i);
    if (!(v >= 0 && v <= 255)) refuse("a field's type is out of range");
    return static_cast<segment::Type>(static_cast<uint8_t>(v));
  };
  Field field;
  const double id = number(0);
  if (!(id >= 0 && id <= 4294967295.0)) refuse("a field id is out of range");
  field.id = static_cast<int64_t>(id);
  field.type = byte(1);
  field.elementType = byte(2);
  const double dim = number(3);
  if (!(dim >= 0 && dim <= 4294967295.0)) refuse("a dimension is out of range");
  field.dim = static_cast<uint32_t>(dim);
  field.nullable = number(4) != 0;
  field.isKey = number(5) != 0;
  napi_valuetype type;
  napiOk(env, napi_typeof(env, parts[at + 6], &type));
  if (type != napi_undefined) {
    const auto bytes = Call::typedOf<uint8_t>(env, parts[at + 6], napi_uint8_array, "Uint8Array");
    field.defaultValue.emplace(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return field;
}

std::vector<Field> readFields(Call& call, size_t argument) {
  const std::vector<napi_value> parts = call.list(argument);
  if (parts.size() % kFieldParts != 0) refuse("fields come in groups of 7 values");
  std::vector<Field> fields;
  for (size_t at = 0; at < parts.size(); at += kFieldParts) fields.push_back(readField(call.env(), parts, at));
  return fields;
}

/** segmentCreate(fields, rowsMax, seed) */
napi_value segmentCreate(Call& call) {
  std::shared_ptr<GrowingSegment> segment;
  require(GrowingSegment::create(readFields(call, 0), call.uint32(1), call.size(2), segment));
  const uint64_t id = registry().add(segment);
  return makeSegment(call.env(), std::move(segment), id);
}

/**
 * segmentOpen(rows, fields, files, numbers, missing, ...): for column i, fields[7 i ..] describe it, files[i] is its buffer and
 * numbers[11 i ..] are validity offset and bytes, offsets offset and bytes, child offsets offset and bytes (-1, 0 for none),
 * values offset and bytes, child rows, boolBitmap, 0. Then timestamps, key index and ends: file, offset, bytes.
 */
napi_value segmentOpen(Call& call) {
  constexpr size_t kNumbers = 11;
  const napi_env env = call.env();
  SealedInput input;
  input.rows = call.uint32(0);
  const std::vector<Field> fields = readFields(call, 1);
  const std::vector<napi_value> files = call.list(2);
  const std::vector<napi_value> numberValues = call.list(3);
  if (files.size() != fields.size() || numberValues.size() != fields.size() * kNumbers) refuse("columns, files and ranges differ in number");
  const auto fileOf = [&](napi_value value) {
    void* data = nullptr;
    napi_valuetype type;
    if (napi_typeof(env, value, &type) != napi_ok || type != napi_external) refuse("expected a native buffer");
    napiOk(env, napi_get_value_external(env, value, &data));
    auto* handle = static_cast<BufferHandle*>(data);
    if (handle->tag != BufferHandle::kTag) refuse("expected a native buffer");
    if (handle->buffer == nullptr) refuse("a native buffer is used after its close");
    return handle->buffer;
  };
  for (size_t i = 0; i < fields.size(); i++) {
    const auto number = [&](size_t at) { return Call::numberOf(env, numberValues[i * kNumbers + at]); };
    const auto whole = [&](size_t at) {
      const double v = number(at);
      if (!(v >= 0 && v <= 9007199254740992.0)) refuse("a range of a column is out of bounds");
      return static_cast<uint64_t>(v);
    };
    SealedColumn column;
    column.field = fields[i];
    column.file = fileOf(files[i]);
    const auto range = [&](size_t at) -> std::optional<FileRange> {
      if (number(at) < 0) return std::nullopt;
      return FileRange{column.file, whole(at), whole(at + 1)};
    };
    column.validity = range(0);
    column.offsets = range(2);
    column.childOffsets = range(4);
    column.values = FileRange{column.file, whole(6), whole(7)};
    if (whole(8) > 0x7fffffff) refuse("a column has too many child rows");
    column.childRows = static_cast<uint32_t>(whole(8));
    column.boolBitmap = number(9) != 0;
    input.columns.push_back(std::move(column));
  }
  input.missing = readFields(call, 4);
  input.timestamps = {call.buffer(5), call.size(6), call.size(7)};
  input.keyIndex = {call.buffer(8), call.size(9), call.size(10)};
  if (call.has(11)) {
    input.ends = FileRange{call.buffer(11), call.size(12), call.size(13)};
    input.endCount = call.uint32(14);
  }
  std::shared_ptr<SealedSegment> segment;
  require(SealedSegment::open(input, segment));
  const uint64_t id = registry().add(segment);
  return makeSegment(env, std::move(segment), id);
}

/** segmentShare(segment): a number that any thread of the process can attach while somebody has the segment open. */
napi_value segmentShare(Call& call) {
  call.segment(0);
  return makeBigint(call.env(), call.segmentHandle(0).id);
}

napi_value segmentAttach(Call& call) {
  const uint64_t id = call.bigint(0);
  std::shared_ptr<Segment> segment = registry().find(id);
  if (segment == nullptr) refuse("no open segment has the handle " + std::to_string(id));
  return makeSegment(call.env(), std::move(segment), id);
}

napi_value segmentClose(Call& call) {
  call.segmentHandle(0).segment.reset();
  return undefined(call.env());
}

/** segmentFields(segment): [id, type, elementType, dim, isKey] of each field. */
napi_value segmentFields(Call& call) {
  const segment::Snapshot snapshot = call.segment(0)->snapshot();
  const std::vector<segment::ColumnView>& columns = snapshot.layout->columns;
  void* data = nullptr;
  const napi_value out = makeTyped(call.env(), napi_float64_array, columns.size() * 5, &data);
  auto* to = static_cast<double*>(data);
  for (size_t i = 0; i < columns.size(); i++) {
    const Field& field = columns[i].field;
    *to++ = static_cast<double>(field.id);
    *to++ = static_cast<double>(field.type);
    *to++ = static_cast<double>(field.elementType);
    *to++ = field.dim;
    *to++ = static_cast<int32_t>(i) == snapshot.layout->keyColumn ? 1 : 0;
  }
  return out;
}

GrowingSegment& growing(const std::shared_ptr<Segment>& segment) {
  auto* out = dynamic_cast<GrowingSegment*>(segment.get());
  if (out == nullptr) refuse("a sealed segment takes no rows");
  return *out;
}

/** segmentAppend(segment, batch, at) */
napi_value segmentAppend(Call& call) {
  const std::shared_ptr<Segment> segment = call.segment(0);
  require(growing(segment).append(call.bytes(1), call.bigint(2)));
  return undefined(call.env());
}

/** segmentAppendFrom(segment, source, rows) */
napi_value segmentAppendFrom(Call& call) {
  const std::shared_ptr<Segment> segment = call.segment(0);
  const std::shared_ptr<Segment> source = call.segment(1);
  require(growing(segment).appendFrom(*source, call.int32s(2)));
  return undefined(call.env());
}

/** segmentAddMissingField(segment, [one field]) */
napi_value segmentAddMissingField(Call& call) {
  const std::shared_ptr<Segment> segment = call.segment(0);
  for (const Field& field : readFields(call, 1)) require(segment->addMissingField(field));
  return undefined(call.env());
}

napi_value segmentRows(Call& call) { return makeNumber(call.env(), call.segment(0)->rows()); }
napi_value segmentMemoryBytes(Call& call) { return makeNumber(call.env(), static_cast<double>(call.segment(0)->memoryBytes())); }
napi_value segmentMaxTimestamp(Call& call) { return makeBigint(call.env(), call.segment(0)->maxTimestamp()); }

/** segmentLookup(segment, int64 | undefined, offsets | undefined, bytes | undefined, at, minBegin) */
napi_value segmentLookup(Call& call) {
  const std::shared_ptr<Segment> segment = call.segment(0);
  const segment::KeysView keys = call.keys(1);
  const segment::Visibility visibility{call.bigint(4), call.bigint(5)};
  void* data = nullptr;
  const napi_value out = makeTyped(call.env(), napi_int32_array, keys.count, &data);
  require(segment->lookup(keys, visibility, static_cast<int32_t*>(data)));
  return out;
}

/** segmentLatestVersions(segment, int64 | undefined, offsets | undefined, bytes | undefined) */
napi_value segmentLatestVersions(Call& call) {
  const std::shared_ptr<Segment> segment = call.segment(0);
  const segment::KeysView keys = call.keys(1);
  void* data = nullptr;
  const napi_value out = makeTyped(call.env(), napi_biguint64_array, keys.count, &data);
  require(segment->latestVersions(keys, static_cast<uint64_t*>(data)));
  return out;
}

/** segmentApplyDeletes(segment, int64 | undefined, offsets | undefined, bytes | undefined, timestamps) */
napi_value segmentApplyDeletes(Call& call) {
  const std::shared_ptr<Segment> segment = call.segment(0);
  const segment::KeysView keys = call.keys(1);
  const std::span<uint64_t> timestamps = call.uint64s(4);
  if (timestamps.size() != keys.count) {
    refuse(std::to_string(keys.count) + " keys are deleted at " + std::to_string(timestamps.size()) + " timestamps");
  }
  void* data = nullptr;
  const napi_value out = makeTyped(call.env(), napi_uint8_array, (size_t{keys.count} + 7) / 8, &data);
  require(segment->applyDeletes(keys, timestamps.data(), static_cast<uint8_t*>(data)));
  return out;
}

napi_value segmentEndedRows(Call& call) { return makeNumber(call.env(), static_cast<double>(call.segment(0)->endedRows(call.bigint(1)))); }

/** segmentEnds(segment): [rows, timestamps] */
napi_value segmentEnds(Call& call) {
  std::vector<uint32_t> rows;
  std::vector<uint64_t> times;
  call.segment(0)->collectEnds(rows, times);
  void* data = nullptr;
  const napi_value rowsOut = makeTyped(call.env(), napi_uint32_array, rows.size(), &data);
  if (!rows.empty()) std::memcpy(data, rows.data(), rows.size() * 4);
  const napi_value timesOut = makeTyped(call.env(), napi_biguint64_array, times.size(), &data);
  if (!times.empty()) std::memcpy(data, times.data(), times.size() * 8);
  return makeList(call.env(), {rowsOut, timesOut});
}

}  // namespace

void addSegmentFunctions(std::vector<Function>& to) {
  to.insert(to.end(), {
                          {"segmentCreate", wrap<segmentCreate>},
                          {"segmentOpen", wrap<segmentOpen>},
                          {"segmentShare", wrap<segmentShare>},
                          {"segmentAttach", wrap<segmentAttach>},
                          {"segmentClose", wrap<segmentClose>},
                          {"segmentFields", wrap<segmentFields>},
                          {"segmentAppend", wrap<segmentAppend>},
                          {"segmentAppendFrom", wrap<segmentAppendFrom>},
                          {"segmentAddMissingField", wrap<segmentAddMissingField>},
                          {"segmentRows", wrap<segmentRows>},
                          {"segmentMemoryBytes", wrap<segmentMemoryBytes>},
                          {"segmentMaxTimestamp", wrap<segmentMaxTimestamp>},
                          {"segmentLookup", wrap<segmentLookup>},
                          {"segmentLatestVersions", wrap<segmentLatestVersions>},
                          {"segmentApplyDeletes", wrap<segmentApplyDeletes>},
                          {"segmentEndedRows", wrap<segmentEndedRows>},
                          {"segmentEnds", wrap<segmentEnds>},
                      });
}

}  // namespace redkite::binding
