// Column scans: each test over a block of rows, to bits.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "../segment/bitmap.h"
#include "predicate.h"
#include "range-kernels.h"

namespace redkite::filter {
namespace {

using segment::ColumnView;
using segment::Type;
using segment::wordsFor;

void none(uint32_t n, uint64_t* out) { std::fill_n(out, wordsFor(n), 0); }

/** The part of an int64 range that a narrower type can hold. */
template <typename T>
void clamped(RangeKernel<T> kernel, const T* values, uint32_t n, IntegerRange r, uint64_t* out) {
  using Limits = std::numeric_limits<T>;
  if (r.low > r.high || r.low > static_cast<int64_t>(Limits::max()) || r.high < static_cast<int64_t>(Limits::min())) return none(n, out);
  kernel(values, n, static_cast<T>(std::max<int64_t>(r.low, Limits::min())), static_cast<T>(std::min<int64_t>(r.high, Limits::max())), out);
}

void integers(const ColumnView& column, uint32_t first, uint32_t n, IntegerRange r, uint64_t* out) {
  const RangeKernels& k = rangeKernels();
  switch (column.width) {
    case 1:
      if (column.field.type == Type::boolean) return clamped(k.u8, column.as<uint8_t>() + first, n, r, out);
      return clamped(k.i8, column.as<int8_t>() + first, n, r, out);
    case 2:
      return clamped(k.i16, column.as<int16_t>() + first, n, r, out);
    case 4:
      return clamped(k.i32, column.as<int32_t>() + first, n, r, out);
    default:
      return clamped(k.i64, column.as<int64_t>() + first, n, r, out);
  }
}

void floats(const ColumnView& column, uint32_t first, uint32_t n, FloatRange r, uint64_t* out) {
  if (column.width == 8) return rangeKernels().f64(column.as<double>() + first, n, r.low, r.high, out);
  if (!(r.low <= r.high)) return none(n, out);
  // The floats within a range of doubles are a range of floats.
  constexpr float inf = std::numeric_limits<float>::infinity();
  auto low = static_cast<float>(r.low);
  auto high = static_cast<float>(r.high);
  if (static_cast<double>(low) < r.low) low = std::nextafterf(low, inf);
  if (static_cast<double>(high) > r.high) high = std::nextafterf(high, -inf);
  rangeKernels().f32(column.as<float>() + first, n, low, high, out);
}

/** Tests row by row, those of `candidates` only. */
template <typename Holds>
void rowByRow(uint32_t first, uint32_t n, const uint64_t* candidates, uint64_t* out, Holds holds) {
  for (uint32_t w = 0; w < wordsFor(n); w++) {
    uint64_t word = 0;
    uint64_t left = candidates == nullptr ? ~uint64_t{0} : candidates[w];
    if (n - w * 64 < 64) left &= segment::lastWordMask(n);
    for (; left != 0; left &= left - 1) {
      const auto i = static_cast<uint32_t>(std::countr_zero(left));
      word |= static_cast<uint64_t>(holds(first + w * 64 + i)) << i;
    }
    out[w] = word;
  }
}

/** Tests all rows, without branches on candidates. */
template <typename Holds>
void everyRow(uint32_t first, uint32_t n, uint64_t* out, Holds holds) {
  for (uint32_t w = 0; w < wordsFor(n); w++) {
    const uint32_t end = std::min<uint32_t>(64, n - w * 64);
    uint64_t word = 0;
    for (uint32_t i = 0; i < end; i++) word |= static_cast<uint64_t>(holds(first + w * 64 + i)) << i;
    out[w] = word;
  }
}

template <typename T>
void inSet(const T* values, uint32_t first, uint32_t n, const IntegerSet& set, uint64_t* out) {
  const int64_t low = set.values.front();
  const uint64_t span = static_cast<uint64_t>(set.values.back()) - static_cast<uint64_t>(low);
  if (!set.dense.empty()) {
    const uint64_t* bits = set.dense.data();
    return everyRow(first, n, out, [&](uint32_t row) {
      const uint64_t at = static_cast<uint64_t>(static_cast<int64_t>(values[row])) - static_cast<uint64_t>(low);
      const uint64_t inside = at <= span ? at : 0;
      return static_cast<uint64_t>(at <= span) & (bits[inside / 64] >> (inside % 64));
    });
  }
  everyRow(first, n, out, [&](uint32_t row) {
    const auto v = static_cast<uint64_t>(static_cast<int64_t>(values[row]));
    return v - static_cast<uint64_t>(low) <= span && set.words.has(v);
  });
}

void integerSet(const ColumnView& column, uint32_t first, uint32_t n, const IntegerSet& set, uint64_t* out) {
  if (set.values.empty()) return none(n, out);
  // A few points are faster as comparisons of whole registers.
  if (set.values.size() <= 4) {
    integers(column, first, n, {set.values[0], set.values[0]}, out);
    for (size_t i = 1; i < set.values.size(); i++) {
      uint64_t more[256];
      for (uint32_t at = 0; at < n; at += 256 * 64) {
        const uint32_t part = std::min<uint32_t>(256 * 64, n - at);
        integers(column, first + at, part, {set.values[i], set.values[i]}, more);
        for (uint32_t w = 0; w < wordsFor(part); w++) out[at / 64 + w] |= more[w];
      }
    }
    return;
  }
  switch (column.width) {
    case 1:
      if (column.field.type == Type::boolean) return inSet(column.as<uint8_t>(), first, n, set, out);
      return inSet(column.as<int8_t>(), first, n, set, out);
    case 2:
      return inSet(column.as<int16_t>(), first, n, set, out);
    case 4:
      return inSet(column.as<int32_t>(), first, n, set, out);
    default:
      return inSet(column.as<int64_t>(), first, n, set, out);
  }
}

int64_t wrapped(Arithmetic op, int64_t v, int64_t c) {
  const auto a = static_cast<uint64_t>(v);
  const auto b = static_cast<uint64_t>(c);
  switch (op) {
    case Arithmetic::add:
      return static_cast<int64_t>(a + b);
    case Arithmetic::sub:
      return static_cast<int64_t>(a - b);
    case Arithmetic::mul:
      return static_cast<int64_t>(a * b);
    case Arithmetic::div:
      return c == -1 ? static_cast<int64_t>(0 - a) : v / c;
    case Arithmetic::mod:
      return c == -1 ? 0 : v % c;
    default:
      return v;
  }
}

double computed(Arithmetic op, double v, double c) {
  switch (op) {
    case Arithmetic::add:
      return v + c;
    case Arithmetic::sub:
      return v - c;
    case Arithmetic::mul:
      return v * c;
    case Arithmetic::div:
      return v / c;
    case Arithmetic::mod:
      return std::fmod(v, c);
    default:
      return v;
  }
}

template <typename T, typename V, typename Compute>
void computeBlock(const V* values, uint32_t n, T* out, Compute compute) {
  for (uint32_t i = 0; i < n; i++) out[i] = compute(static_cast<T>(values[i]));
}

template <typename T, typename Compute>
void computeFrom(const ColumnView& column, uint32_t first, uint32_t n, T* out, Compute compute) {
  switch (column.field.type) {
    case Type::float32:
      return computeBlock(column.as<float>() + first, n, out, compute);
    case Type::float64:
      return computeBlock(column.as<double>() + first, n, out, compute);
    case Type::int8:
      return computeBlock(column.as<int8_t>() + first, n, out, compute);
    case Type::int16:
      return computeBlock(column.as<int16_t>() + first, n, out, compute);
    case Type::int32:
      return computeBlock(column.as<int32_t>() + first, n, out, compute);
    default:
      return computeBlock(column.as<int64_t>() + first, n, out, compute);
  }
}

void arithmetic(const ArithmeticTest& test, const ColumnView& column, uint32_t first, uint32_t n, uint64_t* out) {
  constexpr uint32_t part = 1024;
  for (uint32_t at = 0; at < n; at += part) {
    const uint32_t count = std::min(part, n - at);
    if (test.integers) {
      int64_t values[part];
      computeFrom(column, first + at, count, values, [&](int64_t v) { return wrapped(test.operation, v, test.integerOperand); });
      rangeKernels().i64(values, count, test.integerRange.low, test.integerRange.high, out + at / 64);
    } else {
      double values[part];
      computeFrom(column, first + at, count, values, [&](double v) { return computed(test.operation, v, test.floatOperand); });
      rangeKernels().f64(values, count, test.floatRange.low, test.floatRange.high, out + at / 64);
    }
  }
}

/** One loop for each comparison, so that none is chosen row by row. */
template <typename A, typename B>
void compareRows(Comparison comparison, uint32_t first, uint32_t n, uint64_t* out, A a, B b) {
  switch (comparison) {
    case Comparison::eq:
      return everyRow(first, n, out, [&](uint32_t row) { return a(row) == b(row); });
    case Comparison::ne:
      return everyRow(first, n, out, [&](uint32_t row) { return a(row) != b(row); });
    case Comparison::lt:
      return everyRow(first, n, out, [&](uint32_t row) { return a(row) < b(row); });
    case Comparison::le:
      return everyRow(first, n, out, [&](uint32_t row) { return a(row) <= b(row); });
    case Comparison::gt:
      return everyRow(first, n, out, [&](uint32_t row) { return a(row) > b(row); });
    case Comparison::ge:
      return everyRow(first, n, out, [&](uint32_t row) { return a(row) >= b(row); });
  }
}

bool integral(Type t) { return segment::isInteger(t) || t == Type::boolean; }

}  // namespace

void evaluate(const Predicate& predicate, const ColumnView& column, uint32_t first, uint32_t n, const uint64_t* candidates, uint64_t* out) {
  struct Visitor {
    const ColumnView& column;
    uint32_t first;
    uint32_t n;
    const uint64_t* candidates;
    uint64_t* out;

    void operator()(const IntegerRange& r) const { integers(column, first, n, r, out); }
    void operator()(const FloatRange& r) const { floats(column, first, n, r, out); }
    void operator()(const StringRange& r) const {
      if (r.isPoint()) return rowByRow(first, n, candidates, out, [&](uint32_t row) { return column.bytesAt(row) == r.low; });
      rowByRow(first, n, candidates, out, [&](uint32_t row) { return r.contains(column.bytesAt(row)); });
    }
    void operator()(const IntegerSet& set) const { integerSet(column, first, n, set, out); }
    void operator()(const FloatSet& set) const {
      everyRow(first, n, out, [&](uint32_t row) { return set.words.has(std::bit_cast<uint64_t>(column.numberAt(row) + 0.0)); });
    }
    void operator()(const StringSet& set) const {
      rowByRow(first, n, candidates, out,
               [&](uint32_t row) { return std::binary_search(set.values.begin(), set.values.end(), column.bytesAt(row)); });
    }
    void operator()(const LikeTest& like) const {
      rowByRow(first, n, candidates, out, [&](uint32_t row) { return like.matcher->matches(column.bytesAt(row)); });
    }
    void operator()(const ArithmeticTest& test) const { arithmetic(test, column, first, n, out); }
  };
  std::visit(Visitor{column, first, n, candidates, out}, predicate.test);
}

Status checkComparable(Type a, Type b) {
  const bool numbers = (segment::isNumber(a) || a == Type::boolean) && (segment::isNumber(b) || b == Type::boolean);
  if (numbers || (segment::isString(a) && segment::isString(b))) return good();
  return Status::invalid("filter program: fields of types " + std::to_string(static_cast<int>(a)) + " and " +
                         std::to_string(static_cast<int>(b)) + " cannot be compared");
}

void compareColumns(const ColumnView& a, const ColumnView& b, Comparison comparison, uint32_t first, uint32_t n, uint64_t* out) {
  if (segment::isString(a.field.type)) {
    return compareRows(comparison, first, n, out, [&](uint32_t row) { return a.bytesAt(row); }, [&](uint32_t row) { return b.bytesAt(row); });
  }
  if (integral(a.field.type) && integral(b.field.type)) {
    return compareRows(comparison, first, n, out, [&](uint32_t row) { return a.integerAt(row); }, [&](uint32_t row) { return b.integerAt(row); });
  }
  compareRows(comparison, first, n, out, [&](uint32_t row) { return a.numberAt(row); }, [&](uint32_t row) { return b.numberAt(row); });
}

}  // namespace redkite::filter
