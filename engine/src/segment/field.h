// A stored field as the segment layer needs it: numbers and a default, without names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "status.h"
#include "types.h"

namespace redkite::segment {

struct Field {
  int64_t id = 0;
  Type type = Type::none;
  Type elementType = Type::none;
  uint32_t dim = 0;
  bool nullable = false;
  bool isKey = false;
  /** Bytes of one default value: `width` bytes of a fixed column, or the bytes themselves. Absent: null. */
  std::optional<std::string> defaultValue;

  Kind kind() const {
    if (type == Type::array) return isBytes(elementType) ? Kind::listOfBytes : Kind::listOfFixed;
    return isBytes(type) ? Kind::bytes : Kind::fixed;
  }
  /** Bytes of a row of a fixed column or of an element of a list of fixed; else 0. */
  uint32_t width() const {
    if (type == Type::array) return scalarWidth(elementType);
    return fixedWidth(type, dim);
  }
  /** Whether this is a field that a segment can hold. */
  Status check() const;
  /** Whether rows of `other` fit a column of this field. */
  Status sameType(const Field& other) const;
};

}  // namespace redkite::segment
