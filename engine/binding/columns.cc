// Columns out of a segment: rows for answers, views for predicates in TypeScript, bytes for files.
#include "functions.h"

#include <cstring>

#include "../src/segment/gather.h"
#include "jobs.h"

namespace redkite::binding {
namespace {

using segment::ColumnShape;
using segment::ColumnTarget;
using segment::ColumnView;
using segment::Kind;
using segment::Snapshot;
using segment::Type;

const ColumnView& columnOf(const Snapshot& snapshot, uint64_t fieldId) {
  const ColumnView* column = snapshot.column(static_cast<int64_t>(fieldId));
  if (column == nullptr) refuse("the segment has no field " + std::to_string(fieldId));
  return *column;
}

napi_typedarray_type valuesType(const ColumnView& column) {
  if (column.kind == Kind::bytes || column.kind == Kind::listOfBytes) return napi_uint8_array;
  switch (column.kind == Kind::fixed ? column.field.type : column.field.elementType) {
    case Type::int8:
    case Type::int8Vector:
      return napi_int8_array;
    case Type::int16:
      return napi_int16_array;
    case Type::int32:
      return napi_int32_array;
    case Type::int64:
    case Type::timestamptz:
      return napi_bigint64_array;
    case Type::float32:
    case Type::floatVector:
      return napi_float32_array;
    case Type::float64:
      return napi_float64_array;
    default:
      return napi_uint8_array;
  }
}

/** Fresh arrays of a shape: [validity, offsets, childOffsets, values, childRows], undefined where there is none. */
napi_value makeColumn(napi_env env, const ColumnView& column, const ColumnShape& shape, ColumnTarget& target) {
  void* data = nullptr;
  napi_value validity = undefined(env), offsets = undefined(env), childOffsets = undefined(env);
  if (shape.validity > 0) {
    validity = makeTyped(env, napi_uint8_array, shape.validity, &data);
    target.validity = static_cast<uint8_t*>(data);
  }
  if (shape.offsets > 0) {
    offsets = makeTyped(env, napi_int32_array, shape.offsets / 4, &data);
    target.offsets = static_cast<int32_t*>(data);
  }
  if (shape.childOffsets > 0) {
    childOffsets = makeTyped(env, napi_int32_array, shape.childOffsets / 4, &data);
    target.childOffsets = static_cast<int32_t*>(data);
  }
  const napi_typedarray_type type = valuesType(column);
  const napi_value values = makeTyped(env, type, shape.values / elementBytes(type), &data);
  target.values = static_cast<uint8_t*>(data);
  return makeList(env, {validity, offsets, childOffsets, values, makeNumber(env, static_cast<double>(shape.childRows))});
}

/** segmentTake(segment, fieldId, rows) */
napi_value segmentTake(Call& call) {
  const std::shared_ptr<segment::Segment> segment = call.segment(0);
  const Snapshot snapshot = segment->snapshot();
  const ColumnView& column = columnOf(snapshot, call.size(1));
  const std::span<int32_t> rows = call.int32s(2);
  require(snapshot.checkRows(rows));
  ColumnShape shape;
  require(measureRows(column, rows, shape));
  ColumnTarget target;
  const napi_value out = makeColumn(call.env(), column, shape, target);
  copyRows(column, rows, target);
  return out;
}

/** segmentTakeTimestamps(segment, rows) */
napi_value segmentTakeTimestamps(Call& call) {
  const std::shared_ptr<segment::Segment> segment = call.segment(0);
  const Snapshot snapshot = segment->snapshot();
  const std::span<int32_t> rows = call.int32s(1);
  require(snapshot.checkRows(rows));
  void* data = nullptr;
  const napi_value out = makeTyped(call.env(), napi_biguint64_array, rows.size(), &data);
  for (size_t i = 0; i < rows.size(); i++) static_cast<uint64_t*>(data)[i] = snapshot.layout->begins[rows[i]];
  return out;
}

/** segmentColumn(segment, fieldId, rows): views of what lies in one piece, copies of the rest. */
napi_value segmentColumn(Call& call) {
  const napi_env env = call.env();
  const std::shared_ptr<segment::Segment> segment = call.segment(0);
  const Snapshot snapshot = segment->snapshot();
  const ColumnView& column = columnOf(snapshot, call.size(1));
  const uint64_t rows = call.size(2);
  if (rows > snapshot.rows) refuse("rows of a column: " + std::to_string(rows) + " of " + std::to_string(snapshot.rows));
  const auto count = static_cast<uint32_t>(rows);
  const ColumnShape shape = measurePrefix(column, count);
  const bool fromZero = column.offsets != nullptr && column.offsets[0] == 0 && (column.childOffsets == nullptr || column.childOffsets[0] == 0);
  if (column.allNull || column.values == nullptr || (column.kind != Kind::fixed && !fromZero)) {
    ColumnTarget target;
    const napi_value out = makeColumn(env, column, shape, target);
    copyPrefix(column, count, target);
    return out;
  }
  napi_value validity = undefined(env);
  if (shape.validity > 0) {
    void* data = nullptr;
    validity = makeTyped(env, napi_uint8_array, shape.validity, &data);
    for (uint32_t first = 0; first < count; first += 64) {
      const uint64_t word = column.validWord(first, count);
      std::memcpy(static_cast<uint8_t*>(data) + first / 8, &word, (std::min<uint32_t>(64, count - first) + 7) / 8);
    }
  }
  const auto view = [&](napi_typedarray_type type, uint64_t bytes, const void* data) {
    return makeView(env, type, bytes / elementBytes(type), data, snapshot.layout);
  };
  return makeList(env, {validity, shape.offsets > 0 ? view(napi_int32_array, shape.offsets, column.offsets) : undefined(env),
                        shape.childOffsets > 0 ? view(napi_int32_array, shape.childOffsets, column.childOffsets) : undefined(env),
                        view(valuesType(column), shape.values, column.values), makeNumber(env, static_cast<double>(shape.childRows))});
}

/** segmentFieldStats(segment, fieldId): [nulls, min, max], or undefined for types without order. */
napi_value segmentFieldStats(Call& call) {
  using Stats = segment::FieldStats;
  const napi_env env = call.env();
  const std::shared_ptr<segment::Segment> segment = call.segment(0);
  const Snapshot snapshot = segment->snapshot();
  const Stats stats = fieldStats(columnOf(snapshot, call.size(1)), snapshot.rows);
  if (stats.kind == Stats::Kind::none) return undefined(env);
  napi_value min = undefined(env), max = undefined(env);
  if (stats.some) {
    switch (stats.kind) {
      case Stats::Kind::integer:
        min = makeBigintSigned(env, stats.minInteger);
        max = makeBigintSigned(env, stats.maxInteger);
        break;
      case Stats::Kind::number:
        min = makeNumber(env, stats.minNumber);
        max = makeNumber(env, stats.maxNumber);
        break;
      case Stats::Kind::text:
        min = makeString(env, stats.minText);
        max = makeString(env, stats.maxText);
        break;
      default:
        min = makeBool(env, stats.minInteger != 0);
        max = makeBool(env, stats.maxInteger != 0);
    }
  }
  return makeList(env, {makeNumber(env, stats.nulls), min, max});
}

/** segmentColumnSizes(segment, fieldId): [validity, offsets, childOffsets, childRows, values] */
napi_value segmentColumnSizes(Call& call) {
  const std::shared_ptr<segment::Segment> segment = call.segment(0);
  const Snapshot snapshot = segment->snapshot();
  const ColumnShape shape = measurePrefix(columnOf(snapshot, call.size(1)), snapshot.rows);
  const napi_env env = call.env();
  const auto number = [&](uint64_t v) { return makeNumber(env, static_cast<double>(v)); };
  return makeList(env, {number(shape.validity), number(shape.offsets), number(shape.childOffsets), number(shape.childRows), number(shape.values)});
}

/** Where a column goes in the target; -1 for no place. */
struct Placement {
  uint64_t fieldId;
  int64_t validity;
  int64_t offsets;
  int64_t childOffsets;
  int64_t values;
  bool boolBitmap;
};

uint8_t* placeOf(segment::Buffer& target, int64_t offset, uint64_t bytes, uint64_t alignment, uint64_t fieldId, const char* what, Status& status) {
  if (offset < 0) {
    status = Status::invalid(std::string(what) + " of field " + std::to_string(fieldId) + " have no place in the layout");
    return nullptr;
  }
  const auto at = static_cast<uint64_t>(offset);
  if (at > target.size() || bytes > target.size() - at || at % alignment != 0) {
    status = Status::invalid(std::string(what) + " of field " + std::to_string(fieldId) + ": " + std::to_string(bytes) + " bytes at " +
                             std::to_string(at) + " do not fit in a buffer of " + std::to_string(target.size()));
    return nullptr;
  }
  return target.writable() + at;
}

Status encode(const Snapshot& snapshot, segment::Buffer& target, const Placement& p) {
  const ColumnView* column = snapshot.column(static_cast<int64_t>(p.fieldId));
  if (column == nullptr) return Status::invalid("the segment has no field " + std::to_string(p.fieldId));
  const ColumnShape shape = measurePrefix(*column, snapshot.rows);
  Status status;
  ColumnTarget to;
  // A layout may have room for a validity that the column turned out not to need.
  if (shape.validity > 0 || p.validity >= 0) to.validity = placeOf(target, p.validity, (uint64_t{snapshot.rows} + 7) / 8, 1, p.fieldId, "validity", status);
  if (shape.offsets > 0) to.offsets = reinterpret_cast<int32_t*>(placeOf(target, p.offsets, shape.offsets, 4, p.fieldId, "offsets", status));
  if (shape.childOffsets > 0) {
    to.childOffsets = reinterpret_cast<int32_t*>(placeOf(target, p.childOffsets, shape.childOffsets, 4, p.fieldId, "child offsets", status));
  }
  if (!p.boolBitmap) {
    to.values = placeOf(target, p.values, shape.values, 1, p.fieldId, "values", status);
    REDKITE_TRY(std::move(status));
    copyPrefix(*column, snapshot.rows, to);
    return good();
  }
  const Type element = column->kind == Kind::fixed ? column->field.type : column->field.elementType;
  if (element != Type::boolean) return Status::invalid("field " + std::to_string(p.fieldId) + " does not hold Bool values");
  uint8_t* bits = placeOf(target, p.values, (shape.values + 7) / 8, 1, p.fieldId, "values", status);
  REDKITE_TRY(std::move(status));
  std::vector<uint8_t> bytes(shape.values);
  to.values = bytes.data();
  copyPrefix(*column, snapshot.rows, to);
  segment::packBits(bytes.data(), bytes.size(), bits);
  return good();
}

/** segmentEncodeColumns(segment, target, placements, async): placements are 6 numbers each, as in Placement. */
napi_value segmentEncodeColumns(Call& call) {
  const std::shared_ptr<segment::Segment> segment = call.segment(0);
  const std::shared_ptr<segment::Buffer> target = call.buffer(1);
  if (target->writable() == nullptr) refuse("a mapped file cannot be written");
  const auto numbers = Call::typedOf<double>(call.env(), call.raw(2), napi_float64_array, "Float64Array");
  if (numbers.size() % 6 != 0) refuse("placements come in groups of 6 numbers");
  std::vector<Placement> placements;
  for (size_t i = 0; i < numbers.size(); i += 6) {
    for (size_t j = 0; j < 6; j++) {
      if (!(numbers[i + j] >= -1 && numbers[i + j] <= 9007199254740992.0)) refuse("a placement is out of range");
    }
    placements.push_back({static_cast<uint64_t>(numbers[i]), static_cast<int64_t>(numbers[i + 1]), static_cast<int64_t>(numbers[i + 2]),
                          static_cast<int64_t>(numbers[i + 3]), static_cast<int64_t>(numbers[i + 4]), numbers[i + 5] != 0});
  }
  const auto work = [segment, target, placements = std::move(placements)](CancelToken cancel) -> Status {
    const Snapshot snapshot = segment->snapshot();
    for (const Placement& placement : placements) {
      if (cancel.raised()) return Status::canceled();
      REDKITE_TRY(encode(snapshot, *target, placement));
    }
    return good();
  };
  if (call.boolean(3)) return submit(call.env(), Lane::build, {work, undefined});
  require(work({}));
  return undefined(call.env());
}

/** segmentEncodeTimestamps(segment, target, offset) */
napi_value segmentEncodeTimestamps(Call& call) {
  const std::shared_ptr<segment::Segment> segment = call.segment(0);
  const std::shared_ptr<segment::Buffer> target = call.buffer(1);
  const Snapshot snapshot = segment->snapshot();
  const uint64_t offset = call.size(2);
  const uint64_t bytes = uint64_t{snapshot.rows} * 8;
  if (target->writable() == nullptr) refuse("a mapped file cannot be written");
  if (offset > target->size() || bytes > target->size() - offset) {
    refuse("timestamps: " + std::to_string(bytes) + " bytes at " + std::to_string(offset) + " do not fit in a buffer of " + std::to_string(target->size()));
  }
  if (bytes > 0) std::memcpy(target->writable() + offset, snapshot.layout->begins, bytes);
  return undefined(call.env());
}

}  // namespace

void addColumnFunctions(std::vector<Function>& to) {
  to.insert(to.end(), {
                          {"segmentTake", wrap<segmentTake>},
                          {"segmentTakeTimestamps", wrap<segmentTakeTimestamps>},
                          {"segmentColumn", wrap<segmentColumn>},
                          {"segmentFieldStats", wrap<segmentFieldStats>},
                          {"segmentColumnSizes", wrap<segmentColumnSizes>},
                          {"segmentEncodeColumns", wrap<segmentEncodeColumns>},
                          {"segmentEncodeTimestamps", wrap<segmentEncodeTimestamps>},
                      });
}

}  // namespace redkite::binding
