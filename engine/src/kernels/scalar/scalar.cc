// The reference: every other table is compared with this one.
#include <cstring>

#include "../tables.h"
#include "redkite/fp16.h"

namespace redkite {
namespace {

template <class T>
T loadAs(const uint8_t* row, size_t index) {
  T value;
  std::memcpy(&value, row + index * sizeof(T), sizeof(T));
  return value;
}

struct ReadF32 {
  static float at(const uint8_t* row, uint32_t d) { return loadAs<float>(row, d); }
};
struct ReadF16 {
  static float at(const uint8_t* row, uint32_t d) { return halfToFloat(loadAs<uint16_t>(row, d)); }
};
struct ReadBf16 {
  static float at(const uint8_t* row, uint32_t d) { return bf16ToFloat(loadAs<uint16_t>(row, d)); }
};

// Eight partial sums instead of one keep the rounding error near that of the vector kernels.
struct Sum {
  float part[8] = {};
  void add(uint32_t d, float value) { part[d & 7] += value; }
  float total() const {
    return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
  }
};

template <class Read>
float dotOf(const float* query, const uint8_t* row, uint32_t dim) {
  Sum sum;
  for (uint32_t d = 0; d < dim; ++d) sum.add(d, query[d] * Read::at(row, d));
  return sum.total();
}

template <class Read>
float l2Of(const float* query, const uint8_t* row, uint32_t dim) {
  Sum sum;
  for (uint32_t d = 0; d < dim; ++d) {
    const float difference = query[d] - Read::at(row, d);
    sum.add(d, difference * difference);
  }
  return sum.total();
}

template <class Read>
void dot(const float* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, float* out) {
  for (uint32_t i = 0; i < n; ++i) out[i] = dotOf<Read>(query, rows[i], dim);
}

template <class Read>
void l2(const float* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, float* out) {
  for (uint32_t i = 0; i < n; ++i) out[i] = l2Of<Read>(query, rows[i], dim);
}

template <class Read>
void dotNorm(const float* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, float* dots, float* norms) {
  for (uint32_t i = 0; i < n; ++i) {
    Sum sum;
    for (uint32_t d = 0; d < dim; ++d) {
      const float value = Read::at(rows[i], d);
      sum.add(d, value * value);
    }
    dots[i] = dotOf<Read>(query, rows[i], dim);
    norms[i] = sum.total();
  }
}

template <class Read>
void dotTile(const float* const* queries, uint32_t nq, const uint8_t* const* rows, uint32_t n, uint32_t dim, float* out) {
  for (uint32_t q = 0; q < nq; ++q) dot<Read>(queries[q], rows, n, dim, out + size_t{q} * n);
}

template <class Read>
void l2Tile(const float* const* queries, uint32_t nq, const uint8_t* const* rows, uint32_t n, uint32_t dim, float* out) {
  for (uint32_t q = 0; q < nq; ++q) l2<Read>(queries[q], rows, n, dim, out + size_t{q} * n);
}

template <class Read>
constexpr FloatKernels floatKernels() {
  return {dot<Read>, l2<Read>, dotNorm<Read>, dotTile<Read>, l2Tile<Read>};
}

void i8Dot(const int8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, int32_t* out) {
  for (uint32_t i = 0; i < n; ++i) {
    int32_t sum = 0;
    for (uint32_t d = 0; d < dim; ++d) sum += query[d] * static_cast<int8_t>(rows[i][d]);
    out[i] = sum;
  }
}

void i8L2(const int8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, int32_t* out) {
  for (uint32_t i = 0; i < n; ++i) {
    int32_t sum = 0;
    for (uint32_t d = 0; d < dim; ++d) {
      const int32_t difference = query[d] - static_cast<int8_t>(rows[i][d]);
      sum += difference * difference;
    }
    out[i] = sum;
  }
}

void i8DotNorm(const int8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, int32_t* dots, int32_t* norms) {
  i8Dot(query, rows, n, dim, dots);
  for (uint32_t i = 0; i < n; ++i) {
    int32_t sum = 0;
    for (uint32_t d = 0; d < dim; ++d) sum += static_cast<int8_t>(rows[i][d]) * static_cast<int8_t>(rows[i][d]);
    norms[i] = sum;
  }
}

template <class Combine>
uint32_t countBits(const uint8_t* a, const uint8_t* b, uint32_t bytes, Combine combine) {
  uint32_t total = 0;
  uint32_t i = 0;
  for (; i + 8 <= bytes; i += 8) {
    uint64_t left, right;
    std::memcpy(&left, a + i, 8);
    std::memcpy(&right, b + i, 8);
    total += static_cast<uint32_t>(__builtin_popcountll(combine(left, right)));
  }
  for (; i < bytes; ++i) {
    total += static_cast<uint32_t>(__builtin_popcountll(combine(uint64_t{a[i]}, uint64_t{b[i]})));
  }
  return total;
}

void hamming(const uint8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t bytes, uint32_t* out) {
  for (uint32_t i = 0; i < n; ++i) out[i] = countBits(query, rows[i], bytes, [](uint64_t a, uint64_t b) { return a ^ b; });
}

void overlap(const uint8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t bytes, uint32_t* both, uint32_t* either) {
  for (uint32_t i = 0; i < n; ++i) {
    both[i] = countBits(query, rows[i], bytes, [](uint64_t a, uint64_t b) { return a & b; });
    either[i] = countBits(query, rows[i], bytes, [](uint64_t a, uint64_t b) { return a | b; });
  }
}

void codeDot(const int8_t* query, const uint8_t* codes, size_t stride, const uint32_t* ids, uint32_t n, uint32_t dim,
             int32_t* out) {
  for (uint32_t i = 0; i < n; ++i) {
    const uint8_t* row = codes + ids[i] * stride;
    int32_t sum = 0;
    for (uint32_t d = 0; d < dim; ++d) sum += query[d] * row[d];
    out[i] = sum;
  }
}

}  // namespace

void equalElementsOfAnyWidth(const uint8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t bytes, uint32_t width, uint32_t* out) {
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t equal = 0;
    for (uint32_t d = 0; d < bytes; d += width) equal += std::memcmp(query + d, rows[i] + d, width) == 0 ? 1 : 0;
    out[i] = equal;
  }
}

void fillScalar(KernelTable& table) {
  table.isa = Isa::scalar;
  table.name = "scalar";
  table.f32 = floatKernels<ReadF32>();
  table.f16 = floatKernels<ReadF16>();
  table.bf16 = floatKernels<ReadBf16>();
  table.i8 = {i8Dot, i8L2, i8DotNorm};
  table.binary = {hamming, overlap, equalElementsOfAnyWidth};
  table.code = {127, codeDot, codeDot};
  table.list = scalarLists();
  table.term = scalarTerms();
}

}  // namespace redkite
