// Filter kernels of every instruction set against the scalar ones, LIKE against a matcher that tries everything, scalar indexes
// against scans.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "../src/filter/like.h"
#include "../src/filter/predicate.h"
#include "../src/filter/range-kernels.h"
#include "../src/filter/scalar-index.h"
#include "../src/segment/bitmap.h"
#include "check.h"

using namespace redkite;
using namespace redkite::filter;
using redkite::test::Random;
using segment::ColumnView;
using segment::Kind;
using segment::Type;

namespace {

std::vector<const RangeKernels*> kernelsHere() {
  std::vector<const RangeKernels*> out{&rangeKernels()};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) out.push_back(&avx2RangeKernels);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) out.push_back(&avx512RangeKernels);
#endif
  return out;
}

template <typename T>
T randomValue(Random& random) {
  if constexpr (std::is_floating_point_v<T>) {
    switch (random.below(12)) {
      case 0:
        return std::numeric_limits<T>::quiet_NaN();
      case 1:
        return std::numeric_limits<T>::infinity();
      case 2:
        return -std::numeric_limits<T>::infinity();
      case 3:
        return T(-0.0);
      default:
        return static_cast<T>(static_cast<int>(random.below(9)) - 4);
    }
  } else {
    switch (random.below(6)) {
      case 0:
        return std::numeric_limits<T>::min();
      case 1:
        return std::numeric_limits<T>::max();
      default:
        return static_cast<T>(random.below(9) - 4);
    }
  }
}

template <typename T>
void compareKernels(RangeKernel<T> scalar, RangeKernel<T> kernel, Random& random) {
  for (uint32_t n = 0; n < 200; n++) {
    // One element off, so that nothing depends on alignment.
    std::vector<T> values(n + 1);
    for (T& v : values) v = randomValue<T>(random);
    const T low = randomValue<T>(random), high = randomValue<T>(random);
    std::vector<uint64_t> expected(segment::wordsFor(n) + 1, 7), got(segment::wordsFor(n) + 1, 7);
    scalar(values.data() + 1, n, low, high, expected.data());
    kernel(values.data() + 1, n, low, high, got.data());
    CHECK(expected == got);
    for (uint32_t i = 0; i < n; i++) {
      const T v = values[i + 1];
      CHECK((expected[i / 64] >> (i % 64) & 1) == static_cast<uint64_t>(v >= low && v <= high));
    }
  }
}

void kernelsAgreeOnEverySize() {
  Random random(1);
  for (const RangeKernels* k : kernelsHere()) {
    for (int round = 0; round < 5; round++) {
      compareKernels<int8_t>(scalarRangeKernels.i8, k->i8, random);
      compareKernels<uint8_t>(scalarRangeKernels.u8, k->u8, random);
      compareKernels<int16_t>(scalarRangeKernels.i16, k->i16, random);
      compareKernels<int32_t>(scalarRangeKernels.i32, k->i32, random);
      compareKernels<int64_t>(scalarRangeKernels.i64, k->i64, random);
      compareKernels<uint64_t>(scalarRangeKernels.u64, k->u64, random);
      compareKernels<float>(scalarRangeKernels.f32, k->f32, random);
      compareKernels<double>(scalarRangeKernels.f64, k->f64, random);
    }
  }
}

/** Parts: a byte of text, '_' or '%'. */
std::vector<uint8_t> encodeLike(const std::vector<std::string>& parts) {
  std::vector<uint8_t> out;
  for (const std::string& part : parts) {
    if (part == "%" || part == "_") {
      out.push_back(part == "%" ? 1 : 2);
      continue;
    }
    out.push_back(0);
    const auto length = static_cast<uint32_t>(part.size());
    for (int i = 0; i < 4; i++) out.push_back(static_cast<uint8_t>(length >> (8 * i)));
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}

bool tries(const std::vector<std::string>& parts, size_t p, const std::vector<std::string>& characters, size_t c) {
  if (p == parts.size()) return c == characters.size();
  if (parts[p] == "%") {
    for (size_t next = c; next <= characters.size(); next++) {
      if (tries(parts, p + 1, characters, next)) return true;
    }
    return false;
  }
  if (c == characters.size()) return false;
  return (parts[p] == "_" || parts[p] == characters[c]) && tries(parts, p + 1, characters, c + 1);
}

void likeAgreesWithTryingEverything() {
  Random random(2);
  const std::vector<std::string> alphabet{"a", "b", "\xc3\xa9", "\xf0\x9f\x98\x80"};
  uint32_t matched = 0;
  for (int round = 0; round < 60000; round++) {
    std::vector<std::string> parts, characters;
    for (uint32_t i = random.below(7); i > 0; i--) parts.push_back(random.chance(3) ? "%" : random.chance(4) ? "_" : alphabet[random.below(4)]);
    std::string value;
    for (uint32_t i = random.below(8); i > 0; i--) {
      characters.push_back(alphabet[random.below(random.chance(2) ? 2 : 4)]);
      value += characters.back();
    }
    const LikeMatcher matcher(encodeLike(parts));
    const bool expected = tries(parts, 0, characters, 0);
    CHECK(matcher.matches(value) == expected);
    if (expected) {
      matched++;
      CHECK(value.starts_with(matcher.prefix()));
    }
    if (matcher.isPrefixOnly()) CHECK(expected == value.starts_with(matcher.prefix()));
  }
  CHECK(matched > 3000);
  // A long piece with `_` in a long value: linear, or this takes minutes.
  std::vector<std::string> parts{"%"};
  for (int i = 0; i < 200; i++) parts.push_back(i % 2 == 0 ? "a" : "_");
  parts.push_back("b");
  parts.push_back("%");
  const LikeMatcher matcher(encodeLike(parts));
  for (int i = 0; i < 20; i++) CHECK(!matcher.matches(std::string(65535, 'a')));
}

ColumnView numbersColumn(const std::vector<int64_t>& values, const std::vector<uint8_t>& nulls) {
  ColumnView column;
  column.field.type = Type::int64;
  column.width = 8;
  column.values = reinterpret_cast<const uint8_t*>(values.data());
  column.nullBytes = nulls.data();
  return column;
}

void checkAnswer(const ScalarIndex& index, const Predicate& predicate, const ColumnView& column, uint32_t rows, uint32_t& answered) {
  std::vector<uint64_t> words(segment::wordsFor(rows)), scanned(segment::wordsFor(rows));
  if (!index.answer(predicate, column, words.data())) return;
  answered++;
  evaluate(predicate, column, 0, rows, nullptr, scanned.data());
  for (uint32_t w = 0; w < words.size(); w++) CHECK(words[w] == (scanned[w] & column.validWord(w * 64, rows)));
}

void indexesAnswerAsScansDo() {
  Random random(4);
  for (const auto kind : {ScalarIndexKind::sorted, ScalarIndexKind::bitmap}) {
    uint32_t answered = 0;
    for (const uint32_t rows : {1u, 63u, 64u, 65u, 3000u}) {
      std::vector<int64_t> numbers(rows);
      std::vector<std::string> strings(rows);
      std::vector<uint8_t> nulls(rows);
      std::string bytes;
      std::vector<int32_t> offsets{0};
      for (uint32_t i = 0; i < rows; i++) {
        numbers[i] = static_cast<int64_t>(random.below(300)) - 150;
        bytes += strings[i] = "v" + std::to_string(random.below(300));
        offsets.push_back(static_cast<int32_t>(bytes.size()));
        nulls[i] = random.chance(6) ? 1 : 0;
      }
      const ColumnView ints = numbersColumn(numbers, nulls);
      ColumnView texts = ints;
      texts.field.type = Type::varchar;
      texts.kind = Kind::bytes;
      texts.width = 0;
      texts.values = reinterpret_cast<const uint8_t*>(bytes.data());
      texts.offsets = offsets.data();
      for (const ColumnView* column : {&ints, static_cast<const ColumnView*>(&texts)}) {
        std::shared_ptr<segment::Buffer> file;
        CHECK_OK(buildScalarIndex(*column, rows, kind, {}, nullptr, file));
        ScalarIndex index;
        CHECK_OK(ScalarIndex::open({file->data(), file->size()}, index));
        for (int round = 0; round < 200; round++) {
          const int64_t low = static_cast<int64_t>(random.below(320)) - 160;
          Predicate predicate;
          std::string a = "v" + std::to_string(random.below(300)), b = a + "z";
          if (column == &ints) {
            predicate.test = IntegerRange{low, low + random.below(4)};
          } else {
            StringRange range;
            range.hasLow = range.hasHigh = true;
            range.lowInclusive = random.chance(2);
            range.highInclusive = random.chance(2);
            range.low = a;
            range.high = b;
            predicate.test = range;
          }
          checkAnswer(index, predicate, *column, rows, answered);
          if (column == &texts) {
            predicate.test = StringSet{{a, b}};
            checkAnswer(index, predicate, *column, rows, answered);
            const auto pattern = encodeLike({a, "%"});
            predicate.test = LikeTest{std::make_shared<LikeMatcher>(pattern)};
            checkAnswer(index, predicate, *column, rows, answered);
          }
        }
        for (size_t cut = 0; cut < file->size(); cut += 64) CHECK(!ScalarIndex::open({file->data(), cut}, index).ok());
      }
    }
    CHECK(answered > 1000);
  }
}

}  // namespace

int main() {
  using redkite::test::run;
  run("kernels of every instruction set agree on every size", kernelsAgreeOnEverySize);
  run("LIKE agrees with trying everything", likeAgreesWithTryingEverything);
  run("indexes answer as scans do", indexesAnswerAsScansDo);
}
