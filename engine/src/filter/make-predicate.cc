// From an operation and the type of its column to a normal form.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "predicate.h"

namespace redkite::filter {
namespace {

using segment::Type;

constexpr int64_t kIntMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kIntMax = std::numeric_limits<int64_t>::max();
constexpr double kInf = std::numeric_limits<double>::infinity();
/** Ranges of a set that are held as one bit a value. */
constexpr uint64_t kDenseMax = 1u << 16;

template <typename T>
T read(std::span<const uint8_t> c, size_t at = 0) {
  T value;
  std::memcpy(&value, c.data() + at, sizeof value);
  return value;
}

std::string_view text(std::span<const uint8_t> c) { return {reinterpret_cast<const char*>(c.data()), c.size()}; }

/** Smallest int64 for which `holds`, which turns from false to true once; none when it never does. */
template <typename Holds>
std::optional<int64_t> firstThat(Holds holds) {
  if (!holds(kIntMax)) return std::nullopt;
  int64_t low = kIntMin;
  int64_t high = kIntMax;
  while (low < high) {
    const int64_t middle = low + static_cast<int64_t>((static_cast<uint64_t>(high) - static_cast<uint64_t>(low)) / 2);
    if (holds(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

/** Integers whose value as a double lies in the range. Exact above 2^53 too, where several integers are one double. */
IntegerRange integersWithin(FloatRange r) {
  if (!(r.low <= r.high)) return {};
  const auto low = firstThat([&](int64_t v) { return static_cast<double>(v) >= r.low; });
  if (!low) return {};
  const auto above = firstThat([&](int64_t v) { return static_cast<double>(v) > r.high; });
  if (above && *above == kIntMin) return {};
  return {*low, above ? *above - 1 : kIntMax};
}

/** The range of `v comparison c`; != gives the range of == and sets `negate`. */
IntegerRange integerRange(Comparison comparison, int64_t c, bool& negate) {
  switch (comparison) {
    case Comparison::ne:
      negate = true;
      return {c, c};
    case Comparison::eq:
      return {c, c};
    case Comparison::lt:
      return c == kIntMin ? IntegerRange{} : IntegerRange{kIntMin, c - 1};
    case Comparison::le:
      return {kIntMin, c};
    case Comparison::gt:
      return c == kIntMax ? IntegerRange{} : IntegerRange{c + 1, kIntMax};
    case Comparison::ge:
      return {c, kIntMax};
  }
  return {};
}

FloatRange floatRange(Comparison comparison, double c, bool& negate) {
  if (comparison == Comparison::ne) negate = true;
  if (std::isnan(c)) return {};
  switch (comparison) {
    case Comparison::ne:
    case Comparison::eq:
      return {c, c};
    case Comparison::lt:
      return c == -kInf ? FloatRange{} : FloatRange{-kInf, std::nextafter(c, -kInf)};
    case Comparison::le:
      return {-kInf, c};
    case Comparison::gt:
      return c == kInf ? FloatRange{} : FloatRange{std::nextafter(c, kInf), kInf};
    case Comparison::ge:
      return {c, kInf};
  }
  return {};
}

IntegerRange intersect(IntegerRange a, IntegerRange b) { return {std::max(a.low, b.low), std::min(a.high, b.high)}; }
FloatRange intersect(FloatRange a, FloatRange b) { return {std::max(a.low, b.low), std::min(a.high, b.high)}; }

StringRange stringRange(Comparison comparison, std::string_view c, bool& negate) {
  StringRange r;
  r.low = r.high = c;
  negate = comparison == Comparison::ne;
  const bool point = comparison == Comparison::eq || comparison == Comparison::ne;
  r.hasLow = point || comparison == Comparison::gt || comparison == Comparison::ge;
  r.hasHigh = point || comparison == Comparison::lt || comparison == Comparison::le;
  r.lowInclusive = comparison != Comparison::gt;
  r.highInclusive = comparison != Comparison::lt;
  return r;
}

/** Comparisons of numbers, whose constant may be of the other kind. */
Test numberTest(Type type, Comparison comparison, ConstantKind kind, std::span<const uint8_t> c, size_t at, bool& negate) {
  if (kind == ConstantKind::int64) {
    const auto value = read<int64_t>(c, at);
    if (!segment::isFloat(type)) return integerRange(comparison, value, negate);
    return floatRange(comparison, static_cast<double>(value), negate);
  }
  const FloatRange r = floatRange(comparison, read<double>(c, at), negate);
  if (segment::isFloat(type)) return r;
  return integersWithin(r);
}

Status wrongType(Type type, const char* what) {
  return Status::invalid(std::string("filter program: ") + what + " does not fit a field of type " + std::to_string(static_cast<int>(type)));
}

Status makeCompare(const Instruction& in, Type type, Predicate& out) {
  if (segment::isString(type)) {
    if (in.kind != ConstantKind::string) return wrongType(type, "a constant that is not a string");
    out.test = stringRange(in.comparison, text(in.constant), out.negate);
    return good();
  }
  if (type == Type::boolean && in.kind == ConstantKind::boolean) {
    out.test = integerRange(in.comparison, in.constant[0] != 0 ? 1 : 0, out.negate);
    return good();
  }
  if ((segment::isNumber(type) || type == Type::boolean) && (in.kind == ConstantKind::int64 || in.kind == ConstantKind::float64)) {
    out.test = numberTest(type, in.comparison, in.kind, in.constant, 0, out.negate);
    return good();
  }
  return wrongType(type, "the constant of a comparison");
}

Status makeRange(const Instruction& in, Type type, Predicate& out) {
  const bool lowInclusive = (in.flags & kLowerInclusive) != 0;
  const bool highInclusive = (in.flags & kUpperInclusive) != 0;
  const Comparison above = lowInclusive ? Comparison::ge : Comparison::gt;
  const Comparison below = highInclusive ? Comparison::le : Comparison::lt;
  bool negate = false;
  if (segment::isString(type)) {
    if (in.kind != ConstantKind::string) return wrongType(type, "a range that is not of strings");
    const auto length = read<uint32_t>(in.constant);
    StringRange r;
    r.hasLow = r.hasHigh = true;
    r.lowInclusive = lowInclusive;
    r.highInclusive = highInclusive;
    r.low = text(in.constant.subspan(4, length));
    r.high = text(in.constant.subspan(4 + length));
    out.test = r;
    return good();
  }
  if (!segment::isNumber(type) || in.kind == ConstantKind::string) return wrongType(type, "a range");
  const Test low = numberTest(type, above, in.kind, in.constant, 0, negate);
  const Test high = numberTest(type, below, in.kind, in.constant, 8, negate);
  if (segment::isFloat(type)) {
    // max and min drop a NaN, which must leave nothing; floatRange made it the empty range already.
    const auto a = std::get<FloatRange>(low);
    const auto b = std::get<FloatRange>(high);
    out.test = a.low > a.high || b.low > b.high ? FloatRange{} : intersect(a, b);
  } else {
    const auto a = std::get<IntegerRange>(low);
    const auto b = std::get<IntegerRange>(high);
    out.test = a.low > a.high || b.low > b.high ? IntegerRange{} : intersect(a, b);
  }
  return good();
}

IntegerSet makeIntegerSet(std::vector<int64_t> values) {
  IntegerSet set;
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  set.values = std::move(values);
  if (set.values.empty()) return set;
  const uint64_t span = static_cast<uint64_t>(set.values.back()) - static_cast<uint64_t>(set.values.front());
  if (span < kDenseMax) {
    set.dense.assign(span / 64 + 1, 0);
    for (const int64_t v : set.values) {
      const uint64_t at = static_cast<uint64_t>(v) - static_cast<uint64_t>(set.values.front());
      set.dense[at / 64] |= uint64_t{1} << (at % 64);
    }
    return set;
  }
  std::vector<uint64_t> words(set.values.size());
  std::transform(set.values.begin(), set.values.end(), words.begin(), [](int64_t v) { return static_cast<uint64_t>(v); });
  set.words.fill(words);
  return set;
}

FloatSet makeFloatSet(std::vector<double> values) {
  FloatSet set;
  std::erase_if(values, [](double v) { return std::isnan(v); });
  for (double& v : values) v += 0.0;  // -0 becomes 0
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  std::vector<uint64_t> words(values.size());
  std::transform(values.begin(), values.end(), words.begin(), [](double v) { return std::bit_cast<uint64_t>(v); });
  set.words.fill(words);
  set.values = std::move(values);
  return set;
}

template <typename T>
std::vector<T> readList(std::span<const uint8_t> c) {
  std::vector<T> values(c.size() / sizeof(T));
  if (!c.empty()) std::memcpy(values.data(), c.data(), c.size());
  return values;
}

Status makeIn(const Instruction& in, Type type, Predicate& out) {
  if (segment::isString(type)) {
    if (in.kind != ConstantKind::stringList) return wrongType(type, "a list that is not of strings");
    StringSet set{readStringList(in.constant)};
    std::sort(set.values.begin(), set.values.end());
    set.values.erase(std::unique(set.values.begin(), set.values.end()), set.values.end());
    out.test = std::move(set);
    return good();
  }
  if ((!segment::isNumber(type) && type != Type::boolean) || in.kind == ConstantKind::stringList) return wrongType(type, "a list");
  if (in.kind == ConstantKind::float64List) {
    out.test = makeFloatSet(readList<double>(in.constant));
  } else if (segment::isFloat(type)) {
    const auto integers = readList<int64_t>(in.constant);
    out.test = makeFloatSet(std::vector<double>(integers.begin(), integers.end()));
  } else {
    out.test = makeIntegerSet(readList<int64_t>(in.constant));
  }
  return good();
}

Status makeArithmetic(const Instruction& in, Type type, Predicate& out) {
  if (!segment::isNumber(type)) return wrongType(type, "arithmetic");
  ArithmeticTest test;
  test.operation = in.arithmetic;
  test.integers = in.kind == ConstantKind::int64 && !segment::isFloat(type);
  const bool divides = in.arithmetic == Arithmetic::div || in.arithmetic == Arithmetic::mod;
  if (test.integers) {
    test.integerOperand = read<int64_t>(in.constant);
    test.integerRange = integerRange(in.comparison, read<int64_t>(in.constant, 8), out.negate);
    out.unknown = divides && test.integerOperand == 0;
  } else {
    const bool fromIntegers = in.kind == ConstantKind::int64;
    test.floatOperand = fromIntegers ? static_cast<double>(read<int64_t>(in.constant)) : read<double>(in.constant);
    const double bound = fromIntegers ? static_cast<double>(read<int64_t>(in.constant, 8)) : read<double>(in.constant, 8);
    test.floatRange = floatRange(in.comparison, bound, out.negate);
    out.unknown = divides && test.floatOperand == 0;
  }
  out.test = test;
  return good();
}

}  // namespace

void WordSet::fill(const std::vector<uint64_t>& values) {
  const uint64_t slots = std::bit_ceil(std::max<uint64_t>(values.size() * 2, 2));
  slots_.assign(slots, 0);
  mask_ = slots - 1;
  for (const uint64_t v : values) {
    if (v == 0) {
      hasZero_ = true;
      continue;
    }
    uint64_t at = hash(v) & mask_;
    while (slots_[at] != 0 && slots_[at] != v) at = (at + 1) & mask_;
    slots_[at] = v;
  }
}

Status makePredicate(const Instruction& in, Type type, Predicate& out) {
  switch (in.op) {
    case Op::compare:
      return makeCompare(in, type, out);
    case Op::range:
      return makeRange(in, type, out);
    case Op::in:
      return makeIn(in, type, out);
    case Op::arithmetic:
      return makeArithmetic(in, type, out);
    case Op::like:
      if (!segment::isString(type)) return wrongType(type, "LIKE");
      out.test = LikeTest{std::make_shared<LikeMatcher>(in.constant)};
      return good();
    case Op::boolean:
      if (type != Type::boolean) return wrongType(type, "a truth test");
      out.test = IntegerRange{1, 255};
      return good();
    default:
      return Status::invalid("filter program: not an operation on a column");
  }
}

}  // namespace redkite::filter
