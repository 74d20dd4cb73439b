#include "field.h"

namespace redkite::segment {

Status Field::check() const {
  const auto bad = [this](const char* what) {
    return Status::invalid("field " + std::to_string(id) + " of type " + std::to_string(static_cast<int>(type)) + ": " + what);
  };
  if (id < 0 || id > 0xffffffffLL) return bad("its id is not an unsigned 32-bit number");
  const Kind layout = kind();
  if (type == Type::array && scalarWidth(elementType) == 0 && !isString(elementType)) return bad("no such element type is stored");
  if (layout == Kind::fixed && width() == 0) return bad(isDenseVector(type) ? "its dimension is out of range" : "no such type is stored");
  if (isKey && type != Type::int64 && !isString(type)) return bad("a primary key is Int64 or VarChar");
  if (defaultValue && layout == Kind::fixed && defaultValue->size() != width()) return bad("its default has the wrong width");
  if (defaultValue && (layout == Kind::listOfFixed || layout == Kind::listOfBytes)) return bad("an array has no default");
  return good();
}

Status Field::sameType(const Field& other) const {
  if (type == other.type && (type != Type::array || elementType == other.elementType) && dim == other.dim) return good();
  const auto shape = [](const Field& f) {
    return "type " + std::to_string(static_cast<int>(f.type)) + ", element type " + std::to_string(static_cast<int>(f.elementType)) + ", dimension " +
           std::to_string(f.dim);
  };
  return Status::invalid("field " + std::to_string(id) + " has " + shape(*this) + ", not " + shape(other));
}

}  // namespace redkite::segment
