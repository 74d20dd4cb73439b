// Field types by Milvus's numbers, and how wide their values lie in memory.
#pragma once

#include <cstdint>

#include "redkite/types.h"

namespace redkite::segment {

enum class Type : uint8_t {
  none = 0,
  boolean = 1,
  int8 = 2,
  int16 = 3,
  int32 = 4,
  int64 = 5,
  float32 = 10,
  float64 = 11,
  string = 20,
  varchar = 21,
  array = 22,
  json = 23,
  geometry = 24,
  text = 25,
  timestamptz = 26,
  binaryVector = 100,
  floatVector = 101,
  float16Vector = 102,
  bfloat16Vector = 103,
  sparseVector = 104,
  int8Vector = 105,
};

/** Layout of a column, with the numbers of the row batch. */
enum class Kind : uint8_t { fixed = 0, bytes = 1, listOfFixed = 2, listOfBytes = 3 };

constexpr bool isInteger(Type t) {
  return t == Type::int8 || t == Type::int16 || t == Type::int32 || t == Type::int64 || t == Type::timestamptz;
}
constexpr bool isFloat(Type t) { return t == Type::float32 || t == Type::float64; }
constexpr bool isNumber(Type t) { return isInteger(t) || isFloat(t); }
/** Compared by bytes. */
constexpr bool isString(Type t) { return t == Type::varchar || t == Type::string || t == Type::text; }
constexpr bool isBytes(Type t) {
  return isString(t) || t == Type::json || t == Type::geometry || t == Type::sparseVector;
}
constexpr bool isDenseVector(Type t) {
  return t == Type::binaryVector || t == Type::floatVector || t == Type::float16Vector || t == Type::bfloat16Vector ||
         t == Type::int8Vector;
}

/** Bytes of a scalar value in memory; 0 where it has no fixed width. */
constexpr uint32_t scalarWidth(Type t) {
  switch (t) {
    case Type::boolean:
    case Type::int8:
      return 1;
    case Type::int16:
      return 2;
    case Type::int32:
    case Type::float32:
      return 4;
    case Type::int64:
    case Type::timestamptz:
    case Type::float64:
      return 8;
    default:
      return 0;
  }
}

/** Bytes of one row of a fixed column; 0 for a type or dimension that cannot be one. */
constexpr uint32_t fixedWidth(Type t, uint32_t dim) {
  if (!isDenseVector(t)) return scalarWidth(t);
  if (dim == 0 || dim > (t == Type::binaryVector ? 8 * kDimMax : kDimMax)) return 0;
  switch (t) {
    case Type::binaryVector:
      return dim % 8 == 0 ? dim / 8 : 0;
    case Type::floatVector:
      return dim * 4;
    case Type::float16Vector:
    case Type::bfloat16Vector:
      return dim * 2;
    default:
      return dim;
  }
}

}  // namespace redkite::segment
