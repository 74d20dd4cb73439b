// What one comparison asks of a column, brought to a normal form that scans and scalar indexes share.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "../segment/column.h"
#include "like.h"
#include "program.h"

namespace redkite::filter {

/** low <= v <= high; empty when low > high. */
struct IntegerRange {
  int64_t low = 1;
  int64_t high = 0;
};

/** low <= v <= high; NaN lies in no range. */
struct FloatRange {
  double low = 1;
  double high = 0;
};

struct StringRange {
  bool hasLow = false;
  bool lowInclusive = false;
  bool hasHigh = false;
  bool highInclusive = false;
  std::string_view low;
  std::string_view high;

  bool aboveLow(std::string_view v) const { return !hasLow || (lowInclusive ? v >= low : v > low); }
  bool belowHigh(std::string_view v) const { return !hasHigh || (highInclusive ? v <= high : v < high); }
  bool contains(std::string_view v) const { return aboveLow(v) && belowHigh(v); }
  bool isPoint() const { return hasLow && hasHigh && lowInclusive && highInclusive && low == high; }
};

/** A set of 64-bit words: integers, or doubles by their bits. */
class WordSet {
 public:
  void fill(const std::vector<uint64_t>& values);
  bool has(uint64_t value) const {
    if (value == 0) return hasZero_;
    for (uint64_t at = hash(value) & mask_;; at = (at + 1) & mask_) {
      if (slots_[at] == value) return true;
      if (slots_[at] == 0) return false;
    }
  }

 private:
  static uint64_t hash(uint64_t v) { return (v * 0x9e3779b97f4a7c15ull) >> 20; }
  bool hasZero_ = false;
  uint64_t mask_ = 0;
  std::vector<uint64_t> slots_{0};
};

/** Sorted, without duplicates. */
struct IntegerSet {
  std::vector<int64_t> values;
  WordSet words;
  /** One bit for each of [values.front(), values.back()], where that is short. */
  std::vector<uint64_t> dense;
};

/** Sorted, without duplicates or NaN; -0 is 0. `columnIsInteger`: integers are compared as doubles. */
struct FloatSet {
  std::vector<double> values;
  WordSet words;
};

struct StringSet {
  std::vector<std::string_view> values;
};

struct LikeTest {
  std::shared_ptr<const LikeMatcher> matcher;
};

/** Arithmetic on a column, then a range over the result. */
struct ArithmeticTest {
  Arithmetic operation = Arithmetic::none;
  /** Operand, and bounds of the result; integers when both the column and the constants are. */
  bool integers = false;
  int64_t integerOperand = 0;
  double floatOperand = 0;
  IntegerRange integerRange;
  FloatRange floatRange;
};

using Test = std::variant<IntegerRange, FloatRange, StringRange, IntegerSet, FloatSet, StringSet, LikeTest, ArithmeticTest>;

/** Rows whose value passes `test`; `negate` swaps true and false. Null rows are neither. */
struct Predicate {
  Test test;
  bool negate = false;
  /** No row has an answer, whatever it holds (division by zero). */
  bool unknown = false;
};

/** The normal form of a COMPARE, RANGE, IN, LIKE, ARITH or BOOL over a column of this type. */
Status makePredicate(const Instruction& instruction, segment::Type type, Predicate& out);

/**
 * Rows [first, first + n) of a column that is not allNull: bit i of `out` says whether the row passes, before `negate`; rows that are null
 * may say anything. `first` is a multiple of 64. Where testing a row is dear, rows outside `candidates` are left out.
 */
void evaluate(const Predicate& predicate, const segment::ColumnView& column, uint32_t first, uint32_t n, const uint64_t* candidates,
              uint64_t* out);

/** Bits of a comparison between two columns of numbers, or two of strings. */
Status checkComparable(segment::Type a, segment::Type b);
void compareColumns(const segment::ColumnView& a, const segment::ColumnView& b, Comparison comparison, uint32_t first, uint32_t n,
                    uint64_t* out);

}  // namespace redkite::filter
