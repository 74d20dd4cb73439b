// Distance kernels: one table of functions per instruction set, chosen at run time.
//
// All tables hold the same functions. Within one table the result for a (query, row) pair does not depend on how many
// rows or queries were passed in the call, so that a batch answers exactly what single queries answer. Between
// tables float results differ by rounding; integer results are identical.
#pragma once

#include <cstddef>
#include <cstdint>

// No other header of the library is included here: kernel files are compiled for instruction sets that the machine may
// lack, and an inline function emitted by one of them could replace the portable copy at link time.

namespace redkite {

enum class Isa : uint8_t {
  scalar = 0,
  avx2 = 1,         ///< AVX2, FMA, F16C
  avx512 = 2,       ///< AVX-512 F, BW, DQ, VL
  avx512vnni = 3,   ///< and VNNI, VPOPCNTDQ
};
inline constexpr uint32_t kIsaCount = 4;

/// Rows of f32, f16 or bf16 against a query widened to f32. `rows` holds `n` row pointers (any n); `dim` elements.
struct FloatKernels {
  /// out[i] = query . rows[i]
  void (*dot)(const float* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, float* out);
  /// out[i] = |query - rows[i]|^2
  void (*l2)(const float* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, float* out);
  /// dots[i] = query . rows[i], norms[i] = |rows[i]|^2
  void (*dotNorm)(const float* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, float* dots, float* norms);
  /// Many queries against many rows, rows and queries both held in registers as tiles: out[q * n + i].
  void (*dotTile)(const float* const* queries, uint32_t nq, const uint8_t* const* rows, uint32_t n, uint32_t dim, float* out);
  void (*l2Tile)(const float* const* queries, uint32_t nq, const uint8_t* const* rows, uint32_t n, uint32_t dim, float* out);
};

/// Rows of signed bytes against a query of signed bytes; exact in int32 up to kDimMax.
struct I8Kernels {
  void (*dot)(const int8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, int32_t* out);
  void (*l2)(const int8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, int32_t* out);
  void (*dotNorm)(const int8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, int32_t* dots, int32_t* norms);
};

/// Rows of bits, `bytes` bytes each.
struct BinaryKernels {
  /// out[i] = popcount(query ^ rows[i])
  void (*hamming)(const uint8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t bytes, uint32_t* out);
  /// both[i] = popcount(query & rows[i]), either[i] = popcount(query | rows[i])
  void (*overlap)(const uint8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t bytes, uint32_t* both, uint32_t* either);
  /// out[i] = number of elements of `width` bytes, which divides `bytes`, that are equal. Vector registers for widths of 1, 2, 4 and 8.
  void (*equalElements)(const uint8_t* query, const uint8_t* const* rows, uint32_t n, uint32_t bytes, uint32_t width, uint32_t* out);
};

/// Unsigned 8-bit codes of rows against a signed query. Code of row r is `codes + r * stride`; `dim` codes each.
struct CodeKernels {
  /// Largest magnitude of a query element for which `dot` is exact: 127 with VNNI and in the scalar reference, 63 where two products are
  /// added in 16 bits (255 * 63 * 2 < 2^15).
  int32_t queryMax;
  /// out[i] = sum over d of query[d] * codes[ids[i] * stride + d]
  void (*dot)(const int8_t* query, const uint8_t* codes, size_t stride, const uint32_t* ids, uint32_t n, uint32_t dim,
              int32_t* out);
  /// The same for query elements in [-128, 127] in every table: exact everywhere, slower where queryMax is 63.
  void (*dotWide)(const int8_t* query, const uint8_t* codes, size_t stride, const uint32_t* ids, uint32_t n, uint32_t dim,
                  int32_t* out);
};

/// Rows that RowBlockKernels takes at once, and queries.
inline constexpr uint32_t kBlockRows = 32;
inline constexpr uint32_t kBlockQueries = 12;

/// A block of rows for the time of one comparison with many queries: what turns products of codes into lower bounds of distances.
struct alignas(64) RowBlock {
  float scale[kBlockRows];     ///< of the codes
  float error[kBlockRows];     ///< length of what the codes leave out, rounded up
  float length[kBlockRows];    ///< of the row
  float constant[kBlockRows];  ///< added to the distance
};

/// kBlockQueries queries; entries at or beyond their number are zero.
struct alignas(64) QueryBlock {
  float scale[kBlockQueries];
  float offset[kBlockQueries];    ///< what the products have too much: 128 times the sum of the codes
  float length[kBlockQueries];
  float error[kBlockQueries];
  float constant[kBlockQueries];
  float worst[kBlockQueries];     ///< rows that are surely farther are of no interest
};

/// Many queries against rows coded on the fly. Null where the instruction set makes this no faster than FloatKernels.
struct RowBlockKernels {
  /// Codes `n` (at most kBlockRows) rows less `center` to unsigned bytes around 128, four dimensions of all rows next to each other:
  /// packed[dim rounded up to 64][kBlockRows]. Fills scale, error and length; a row with a value that is not finite gets an
  /// error that is not finite. `scratch` has the size of `packed`; both 64-byte aligned.
  void (*pack[3])(const uint8_t* const* rows, uint32_t n, const float* center, uint32_t dim, uint8_t* packed, uint8_t* scratch,
                  RowBlock& block);
  /// Bit r of masks[q] is clear when constant[q] + constant[r] - scale * scale * (product - offset) - length[q] * error[r] -
  /// error[q] * length[r] > worst[q]. `queries` holds [dim / 4][kBlockQueries][4] codes, dim a multiple of 64.
  void (*candidates)(const int8_t* queries, const QueryBlock& query, const uint8_t* packed, const RowBlock& block, uint32_t dim,
                     uint32_t* masks);
};

/// Rows of one block of an inverted list, as what turns sums over their codes into distances. Null arrays count as ones (scale) and
/// zeros (the others); each holds kBlockRows numbers.
struct ListRows {
  const float* scale;
  const float* constant;
  const float* error;   ///< what a row's codes may be wrong by, for a query of length 1
  const float* length;  ///< what a query's codes may be wrong by, for a query whose error is 1
};

/// One query against one list: distance[r] = base + constant[r] - factor * scale[r] * (sum[r] - offset), wrong by at most
/// length * error[r] + error * length[r] + rounding.
struct ListQuery {
  float base;
  float factor;
  float offset;
  float length;
  float error;
  float rounding;
};

/// Queries that ListKernels::dots takes at once.
inline constexpr uint32_t kListQueries = 8;

/// Scans of the lists of an inverted file, kBlockRows rows at a time.
struct ListKernels {
  /// sums[q * kBlockRows + r] = sum over d of queries[q][d] * code(r, d) for 1 to kListQueries queries with elements within
  /// CodeKernels::queryMax. Unsigned codes lie four dimensions of all rows next to each other: packed[groups][kBlockRows][4].
  void (*dots)(const int8_t* const* queries, uint32_t nq, const uint8_t* packed, uint32_t groups, int32_t* sums);
  /// sums[r] = sum over s of tables[s][nibble(r, s)] for 4 * groups subspaces: codes[groups][4][16], the low nibble of byte i for row i, the
  /// high one for row 16 + i. Sums of the largest entries must stay below 65,536.
  void (*lookup4)(const uint8_t* tables, const uint8_t* codes, uint32_t groups, int32_t* sums);
  /// sums[r] = sum over s of tables[s][codes[s][r]], tables of 256 entries, over 1 or 2 consecutive blocks of subs * kBlockRows bytes. Sums
  /// stay below 65,536 too.
  void (*lookup8)(const uint8_t* tables, const uint8_t* codes, uint32_t subs, uint32_t blocks, int32_t* sums);
  /// Distances and how wrong they may be; bit r of the result is clear when the row is surely farther than `worst`.
  uint32_t (*estimate)(const int32_t* sums, const ListRows& rows, const ListQuery& query, float worst, float* distances, float* slack);
  /// out[s * entries + e] = sum over d of query[s * width + d] * codebook[(s * width + d) * entries + e]; entries a multiple of 16.
  void (*products)(const float* query, const float* codebook, uint32_t subs, uint32_t width, uint32_t entries, float* out);
  /// The entry e of least norms[e] - 2 * products[e]; the first of equals.
  uint32_t (*nearest)(const float* products, const float* norms, uint32_t entries);
  /// Least and greatest of `n` values, n a multiple of 16.
  void (*bounds)(const float* values, uint32_t n, float* least, float* greatest);
  /// out[i] = (values[i] - least) * inverse, rounded, within 0 to 255; n a multiple of 16.
  void (*quantise)(const float* values, uint32_t n, float least, float inverse, uint8_t* out);
};

/// Upper bounds of what terms add to the scores of sparse rows, as 16-bit sums; `n` is a multiple of 64.
struct TermKernels {
  /// sums[i] = sums[i] + codes[i] * factor / 256, rounded down, 65,535 at most.
  void (*addCodes)(const uint8_t* codes, uint32_t n, uint16_t factor, uint16_t* sums);
  /// Bit i of `out` is sums[i] > bar.
  void (*above)(const uint16_t* sums, uint32_t n, uint16_t bar, uint64_t* out);
};

struct KernelTable {
  Isa isa;
  const char* name;  ///< for example "avx512vnni"
  FloatKernels f32, f16, bf16;
  I8Kernels i8;
  BinaryKernels binary;
  CodeKernels code;
  RowBlockKernels block;
  ListKernels list;
  TermKernels term;
};

/// The best table that this machine runs.
const KernelTable& kernels();

/// The table of one instruction set; null when it was not compiled in or this machine lacks it. For tests and benches.
const KernelTable* kernelsOf(Isa isa);

}  // namespace redkite
