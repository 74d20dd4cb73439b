// Filter programs (docs/internals/filter-program.md): parsed and checked before anything runs.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "../segment/status.h"

namespace redkite::filter {

enum class Op : uint8_t {
  constant = 0,
  logicalAnd = 1,
  logicalOr = 2,
  logicalNot = 3,
  compare = 4,
  range = 5,
  in = 6,
  like = 7,
  isNull = 8,
  arithmetic = 9,
  compareFields = 10,
  external = 11,
  boolean = 12,
};
enum class Comparison : uint8_t { eq = 0, ne = 1, lt = 2, le = 3, gt = 4, ge = 5 };
enum class Arithmetic : uint8_t { none = 0, add = 1, sub = 2, mul = 3, div = 4, mod = 5 };
enum class ConstantKind : uint16_t { none = 0, int64 = 1, float64 = 2, string = 3, boolean = 4, int64List = 5, float64List = 6, stringList = 7 };

inline constexpr uint8_t kLowerInclusive = 1;
inline constexpr uint8_t kUpperInclusive = 2;
inline constexpr uint8_t kMissingIsNull = 4;

struct Instruction {
  Op op = Op::constant;
  Comparison comparison = Comparison::eq;
  Arithmetic arithmetic = Arithmetic::none;
  uint8_t flags = 0;
  uint16_t destination = 0;
  uint16_t a = 0;
  uint16_t b = 0;
  ConstantKind kind = ConstantKind::none;
  uint32_t field = 0;
  uint32_t secondField = 0;
  /** 8-byte aligned within the program's own copy of the pool. */
  std::span<const uint8_t> constant;
};

/** Owns what it points to. */
class Program {
 public:
  /** Checks everything that can be checked without a segment; `externals` is how many bitmaps a run will bring. */
  static Status parse(std::span<const uint8_t> bytes, uint32_t externals, Program& out);

  uint32_t registers() const { return registers_; }
  const std::vector<Instruction>& instructions() const { return instructions_; }

 private:
  uint32_t registers_ = 0;
  std::vector<uint64_t> pool_;
  std::vector<Instruction> instructions_;
};

/** Strings of a string list; the layout was checked by `parse`. */
std::vector<std::string_view> readStringList(std::span<const uint8_t> constant);

}  // namespace redkite::filter
