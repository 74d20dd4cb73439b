// Every instruction set against the scalar reference, on every size and at unaligned addresses.
#include <limits>

#include "redkite/crc32c.h"
#include "redkite/kernels.h"
#include "vectors.h"

namespace redkite::test {
namespace {

constexpr uint32_t kRows = 19;

bool near(float a, float b, double magnitude) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::fabs(static_cast<double>(a) - static_cast<double>(b)) <= 2e-6 * magnitude + 1e-6;
}

void floatSize(const KernelTable& table, VectorType type, uint32_t dim, bool special) {
  const KernelTable& reference = *kernelsOf(Isa::scalar);
  const auto pick = [type](const KernelTable& t) -> const FloatKernels& { return type == VectorType::f32 ? t.f32 : type == VectorType::f16 ? t.f16 : t.bf16; };
  Random random(dim * 31 + static_cast<uint32_t>(type));
  std::vector<float> values(size_t{kRows} * dim), queryValues(size_t{5} * dim);
  for (float& value : values) value = normal(random);
  for (float& value : queryValues) value = normal(random);
  if (special) {
    values[dim - 1] = std::numeric_limits<float>::quiet_NaN();
    values[size_t{dim} * 2 - 1] = std::numeric_limits<float>::infinity();
  }
  // One byte in front: rows start at odd addresses.
  std::vector<uint8_t> bytes = encoded(type, values);
  bytes.insert(bytes.begin(), 0);
  std::vector<const uint8_t*> rows;
  for (uint32_t i = 0; i < kRows; ++i) rows.push_back(bytes.data() + 1 + i * rowBytes(type, dim));
  std::vector<const float*> queries;
  for (uint32_t q = 0; q < 5; ++q) queries.push_back(queryValues.data() + size_t{q} * dim);
  std::vector<float> expected(kRows), got(kRows), expectedNorms(kRows), norms(kRows), tile(size_t{5} * kRows);
  const std::string where = std::string(table.name) + " " + nameOf(type, Metric::l2) + " dim " + std::to_string(dim);
  const double magnitude = dim * 4.0;

  pick(reference).dot(queries[0], rows.data(), kRows, dim, expected.data());
  for (uint32_t n = 1; n <= kRows; n += dim % 3 + 1) {
    pick(table).dot(queries[0], rows.data(), n, dim, got.data());
    for (uint32_t i = 0; i < n; ++i) EXPECT(near(got[i], expected[i], magnitude), where + " dot");
  }
  pick(table).dot(queries[0], rows.data(), kRows, dim, got.data());
  pick(table).dotTile(queries.data(), 5, rows.data(), kRows, dim, tile.data());
  // Bit for bit: a batch answers what single queries answer.
  EXPECT(std::memcmp(got.data(), tile.data(), kRows * 4) == 0, where + " tile");
  pick(reference).l2(queries[4], rows.data(), kRows, dim, expected.data());
  pick(table).l2(queries[4], rows.data(), kRows, dim, got.data());
  pick(table).l2Tile(queries.data(), 5, rows.data(), kRows, dim, tile.data());
  for (uint32_t i = 0; i < kRows; ++i) EXPECT(near(got[i], expected[i], magnitude), where + " l2");
  EXPECT(std::memcmp(got.data(), tile.data() + size_t{4} * kRows, kRows * 4) == 0, where + " l2 tile");
  pick(reference).dotNorm(queries[1], rows.data(), kRows, dim, expected.data(), expectedNorms.data());
  pick(table).dotNorm(queries[1], rows.data(), kRows, dim, got.data(), norms.data());
  for (uint32_t i = 0; i < kRows; ++i) {
    EXPECT(near(got[i], expected[i], magnitude), where + " dot of dotNorm");
    EXPECT(near(norms[i], expectedNorms[i], magnitude), where + " norm");
  }
}

void integerSize(const KernelTable& table, uint32_t dim) {
  const KernelTable& reference = *kernelsOf(Isa::scalar);
  Random random(dim);
  std::vector<uint8_t> bytes(size_t{kRows} * dim + 1);
  std::vector<uint8_t> query(dim);
  std::vector<int8_t> narrow(dim);
  // Extremes must not saturate anywhere.
  const bool extreme = dim % 7 == 0;
  for (uint8_t& byte : bytes) byte = extreme ? 255 : static_cast<uint8_t>(random.next());
  for (uint8_t& byte : query) byte = extreme ? 0x80 : static_cast<uint8_t>(random.next());
  for (int8_t& code : narrow) code = extreme ? static_cast<int8_t>(table.code.queryMax) : static_cast<int8_t>(static_cast<int32_t>(random.below(2 * table.code.queryMax + 1)) - table.code.queryMax);
  const int8_t* wide = reinterpret_cast<const int8_t*>(query.data());
  std::vector<const uint8_t*> rows;
  std::vector<uint32_t> ids;
  for (uint32_t i = 0; i < kRows; ++i) {
    rows.push_back(bytes.data() + 1 + size_t{i} * dim);
    ids.push_back((i * 7) % kRows);
  }
  const std::string where = std::string(table.name) + " dim " + std::to_string(dim);
  std::vector<int32_t> a(kRows), b(kRows), c(kRows), d(kRows);
  const auto same = [&](const char* what) { EXPECT(a == b, where + " " + what); };
  reference.i8.dot(wide, rows.data(), kRows, dim, a.data());
  table.i8.dot(wide, rows.data(), kRows, dim, b.data());
  same("i8 dot");
  reference.i8.l2(wide, rows.data(), kRows, dim, a.data());
  table.i8.l2(wide, rows.data(), kRows, dim, b.data());
  same("i8 l2");
  reference.i8.dotNorm(wide, rows.data(), kRows, dim, a.data(), c.data());
  table.i8.dotNorm(wide, rows.data(), kRows, dim, b.data(), d.data());
  same("i8 dotNorm");
  EXPECT(c == d, where + " i8 norm");
  reference.code.dot(narrow.data(), bytes.data() + 1, dim, ids.data(), kRows, dim, a.data());
  table.code.dot(narrow.data(), bytes.data() + 1, dim, ids.data(), kRows, dim, b.data());
  same("code dot");
  reference.code.dotWide(wide, bytes.data() + 1, dim, ids.data(), kRows, dim, a.data());
  table.code.dotWide(wide, bytes.data() + 1, dim, ids.data(), kRows, dim, b.data());
  same("wide code dot");
  std::vector<uint32_t> e(kRows), f(kRows), g(kRows), h(kRows);
  reference.binary.hamming(query.data(), rows.data(), kRows, dim, e.data());
  table.binary.hamming(query.data(), rows.data(), kRows, dim, f.data());
  EXPECT(e == f, where + " hamming");
  reference.binary.overlap(query.data(), rows.data(), kRows, dim, e.data(), g.data());
  table.binary.overlap(query.data(), rows.data(), kRows, dim, f.data(), h.data());
  EXPECT(e == f && g == h, where + " overlap");
  for (const uint32_t width : {1u, 2u, 3u, 4u, 8u, 16u}) {
    if (dim % width != 0) continue;
    // Equal elements are rare by chance: most are made so, and some differ in one byte.
    for (uint32_t i = 0; i < kRows; ++i) {
      uint8_t* row = bytes.data() + 1 + size_t{i} * dim;
      for (uint32_t d = 0; d < dim; d += width) if (random.chance(3)) std::memcpy(row + d, query.data() + d, width);
      if (dim > 1) row[random.below(dim)] ^= 1;
    }
    reference.binary.equalElements(query.data(), rows.data(), kRows, dim, width, e.data());
    table.binary.equalElements(query.data(), rows.data(), kRows, dim, width, f.data());
    EXPECT(e == f, where + " equal elements of " + std::to_string(width));
  }
}

void listKernels(const KernelTable& table) {
  const ListKernels& reference = kernelsOf(Isa::scalar)->list;
  Random random(9);
  for (uint32_t size = 1; size <= 90; size += size < 20 ? 1 : 7) {
    const std::string where = std::string(table.name) + " list kernels, size " + std::to_string(size);
    std::vector<uint8_t> codes(size_t{size} * 256);
    for (uint8_t& code : codes) code = static_cast<uint8_t>(random.next());
    std::vector<int8_t> queries(size_t{kListQueries} * size * 4);
    const int32_t most = table.code.queryMax;
    for (int8_t& code : queries) code = static_cast<int8_t>(static_cast<int32_t>(random.below(static_cast<uint32_t>(2 * most + 1))) - most);
    for (uint32_t d = 0; d < size * 2; ++d) queries[d] = static_cast<int8_t>(most), codes[d] = 255;
    const int8_t* pointers[kListQueries];
    for (uint32_t q = 0; q < kListQueries; ++q) pointers[q] = queries.data() + size_t{q} * size * 4;
    int32_t expected[kListQueries * kBlockRows], got[kListQueries * kBlockRows];
    for (uint32_t nq = 1; nq <= kListQueries; ++nq) {
      reference.dots(pointers, nq, codes.data(), size, expected);
      table.list.dots(pointers, nq, codes.data(), size, got);
      EXPECT(std::memcmp(expected, got, size_t{nq} * kBlockRows * 4) == 0, where + " dots");
    }
    // Sums up to the last that fits.
    std::vector<uint8_t> tables(size_t{size} * 256);
    for (uint8_t& entry : tables) entry = static_cast<uint8_t>(random.chance(3) ? 255 : random.next());
    reference.lookup4(tables.data(), codes.data(), std::min(size, 64u), expected);
    table.list.lookup4(tables.data(), codes.data(), std::min(size, 64u), got);
    EXPECT(std::memcmp(expected, got, kBlockRows * 4) == 0, where + " lookup4");
    for (uint32_t blocks = 1; blocks <= 2; ++blocks) {
      reference.lookup8(tables.data(), codes.data(), size, blocks, expected);
      table.list.lookup8(tables.data(), codes.data(), size, blocks, got);
      EXPECT(std::memcmp(expected, got, size_t{blocks} * kBlockRows * 4) == 0, where + " lookup8");
    }
    std::vector<float> values(size_t{size} * 16);
    for (float& value : values) value = normal(random);
    std::vector<float> query(size);
    for (float& value : query) value = normal(random);
    std::vector<float> products(16), otherProducts(16);
    reference.products(query.data(), values.data(), 1, size, 16, products.data());
    table.list.products(query.data(), values.data(), 1, size, 16, otherProducts.data());
    for (uint32_t i = 0; i < 16; ++i) EXPECT(near(products[i], otherProducts[i], size * 4.0), where + " products");
    const uint32_t n = size * 16;
    const std::vector<float> norms(n, 1.0f);
    EXPECT(reference.nearest(values.data(), norms.data(), n) == table.list.nearest(values.data(), norms.data(), n), where + " nearest");
    float low, high, otherLow, otherHigh;
    reference.bounds(values.data(), n, &low, &high);
    table.list.bounds(values.data(), n, &otherLow, &otherHigh);
    EXPECT(low == otherLow && high == otherHigh, where + " bounds");
    std::vector<uint8_t> bytes(n), otherBytes(n);
    reference.quantise(values.data(), n, low, 255 / (high - low), bytes.data());
    table.list.quantise(values.data(), n, low, 255 / (high - low), otherBytes.data());
    EXPECT(bytes == otherBytes, where + " quantise");

    int32_t sums[kBlockRows];
    float scale[kBlockRows], constant[kBlockRows], error[kBlockRows], length[kBlockRows], distances[kBlockRows], slack[kBlockRows], otherDistances[kBlockRows], otherSlack[kBlockRows];
    for (uint32_t r = 0; r < kBlockRows; ++r) {
      sums[r] = static_cast<int32_t>(random.below(100'000)) - 50'000;
      scale[r] = 0.001f * normal(random);
      constant[r] = normal(random);
      error[r] = std::fabs(normal(random));
      length[r] = r == 5 ? std::numeric_limits<float>::infinity() : std::fabs(normal(random));
    }
    constant[7] = std::numeric_limits<float>::quiet_NaN();
    for (uint32_t variant = 0; variant < 8; ++variant) {
      const ListRows rows{variant & 1 ? scale : nullptr, variant & 2 ? constant : nullptr, variant & 4 ? error : nullptr, variant & 4 ? length : nullptr};
      const ListQuery asked{0.5f, variant & 1 ? 0.3f : 1e-4f, 17.0f, 0.1f, 0.2f, 0.001f};
      // Not at the rounding of any distance.
      const float worst = 0.7f;
      const uint32_t mask = reference.estimate(sums, rows, asked, worst, distances, slack);
      EXPECT(table.list.estimate(sums, rows, asked, worst, otherDistances, otherSlack) == mask, where + " estimate");
      for (uint32_t r = 0; r < kBlockRows; ++r) {
        EXPECT(near(distances[r], otherDistances[r], 100) && near(slack[r], otherSlack[r], 100), where + " estimates");
        const bool kept = (mask >> r & 1) != 0;
        EXPECT(kept || distances[r] - slack[r] > worst, where + " mask");
      }
    }
  }
}

void termKernels(const KernelTable& table) {
  const TermKernels& reference = kernelsOf(Isa::scalar)->term;
  Random random(9);
  for (const uint32_t n : {64u, 128u, 8192u}) {
    for (const uint32_t factor : {256u, 257u, 40'000u, 65'535u}) {
      std::vector<uint8_t> codes(n);
      std::vector<uint16_t> sums(n);
      for (uint8_t& code : codes) code = static_cast<uint8_t>(random.chance(3) ? 0 : random.next());
      for (uint16_t& sum : sums) sum = static_cast<uint16_t>(random.chance(4) ? 65'535 - random.below(300) : random.next());
      std::vector<uint16_t> other = sums;
      reference.addCodes(codes.data(), n, static_cast<uint16_t>(factor), sums.data());
      table.term.addCodes(codes.data(), n, static_cast<uint16_t>(factor), other.data());
      EXPECT(sums == other, std::string(table.name) + " addCodes");
      for (const uint32_t bar : {0u, 1u, 32'767u, 32'768u, 65'534u, 65'535u, uint32_t{sums[5]}}) {
        std::vector<uint64_t> bits(n / 64), otherBits(n / 64);
        reference.above(sums.data(), n, static_cast<uint16_t>(bar), bits.data());
        table.term.above(sums.data(), n, static_cast<uint16_t>(bar), otherBits.data());
        EXPECT(bits == otherBits, std::string(table.name) + " above");
        for (uint32_t i = 0; i < n; ++i) EXPECT((bits[i / 64] >> (i % 64) & 1) == (sums[i] > bar));
      }
    }
  }
}

void allTables() {
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512, Isa::avx512vnni}) {
    const KernelTable* table = kernelsOf(isa);
    if (table == nullptr) continue;
    std::printf("  kernels of %s\n", table->name);
    for (uint32_t dim = 1; dim <= 300; ++dim) {
      for (const VectorType type : {VectorType::f32, VectorType::f16, VectorType::bf16}) floatSize(*table, type, dim, dim % 11 == 0);
      integerSize(*table, dim);
    }
    for (const uint32_t dim : {384u, 768u, 1536u, 4099u}) {
      floatSize(*table, VectorType::f32, dim, false);
      integerSize(*table, dim);
    }
    listKernels(*table);
    termKernels(*table);
    integerSize(*table, kDimMax);
    integerSize(*table, kDimMax - 32768 % 7);
  }
}

void conversions() {
  EXPECT(crc32c("123456789", 9) == 0xe3069283u);
  EXPECT(crc32c("6789", 4, crc32c("12345", 5)) == 0xe3069283u);
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const uint16_t half = static_cast<uint16_t>(bits);
    const float value = halfToFloat(half);
    if (std::isnan(value)) EXPECT(std::isnan(halfToFloat(floatToHalf(value))));
    else EXPECT(floatToHalf(value) == half, std::to_string(bits));
    const float wide = bf16ToFloat(half);
    if (std::isnan(wide)) EXPECT(std::isnan(bf16ToFloat(floatToBf16(wide))));
    else EXPECT(floatToBf16(wide) == half, std::to_string(bits));
  }
  EXPECT(floatToHalf(65520.0f) == 0x7c00 && floatToHalf(65519.0f) == 0x7bff);
  EXPECT(floatToHalf(0x1p-25f) == 0 && floatToHalf(0x1.8p-25f) == 1);
  EXPECT(floatToBf16(std::bit_cast<float>(0x3f808000u)) == 0x3f80 && floatToBf16(std::bit_cast<float>(0x3f818000u)) == 0x3f82);
}

}  // namespace
}  // namespace redkite::test

int main() {
  using namespace redkite::test;
  run("conversions and checksums match known values", conversions);
  run("every instruction set matches the reference", allTables);
  return 0;
}
