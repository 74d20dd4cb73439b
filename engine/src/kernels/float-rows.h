// Float kernels of every instruction set, written once over a policy class that names the registers.
//
// A policy lives in an unnamed namespace of the file that is compiled for its instruction set, which gives every
// instantiation internal linkage: nothing here can leak into portable code at link time. Each (query, row) pair
// has exactly one accumulator that runs through the dimensions in order, so that its result is the same in blocks of any size.
//
// Policy: Reg; width (elements a register); elementBytes (of a row); blockRows, normRows, tileQueries, tileRows;
// zero(), query(p), queryTail(p, left), row(p), rowTail(p, left) (missing elements are 0), fma(a, b, c), sub(a, b), sum(r).
#pragma once

#include "redkite/kernels.h"

namespace redkite::rows {

enum class Op { dot, l2 };

template <class S, Op op>
inline __attribute__((always_inline)) typename S::Reg step(typename S::Reg query, typename S::Reg row, typename S::Reg sum) {
  if constexpr (op == Op::dot) {
    return S::fma(query, row, sum);
  } else {
    const typename S::Reg difference = S::sub(query, row);
    return S::fma(difference, difference, sum);
  }
}

/// Q queries against R rows: out[q * stride + r].
template <class S, Op op, uint32_t Q, uint32_t R>
inline __attribute__((always_inline)) void tileBlock(const float* const* queries, const uint8_t* const* rows, uint32_t dim,
                                                     float* out, size_t stride) {
  typename S::Reg sums[Q][R];
  for (uint32_t q = 0; q < Q; ++q)
    for (uint32_t r = 0; r < R; ++r) sums[q][r] = S::zero();
  uint32_t d = 0;
  for (; d + S::width <= dim; d += S::width) {
    typename S::Reg row[R];
    for (uint32_t r = 0; r < R; ++r) row[r] = S::row(rows[r] + size_t{d} * S::elementBytes);
    for (uint32_t q = 0; q < Q; ++q) {
      const typename S::Reg query = S::query(queries[q] + d);
      for (uint32_t r = 0; r < R; ++r) sums[q][r] = step<S, op>(query, row[r], sums[q][r]);
    }
  }
  if (d < dim) {
    for (uint32_t q = 0; q < Q; ++q) {
      const typename S::Reg query = S::queryTail(queries[q] + d, dim - d);
      for (uint32_t r = 0; r < R; ++r) {
        sums[q][r] = step<S, op>(query, S::rowTail(rows[r] + size_t{d} * S::elementBytes, dim - d), sums[q][r]);
      }
    }
  }
  for (uint32_t q = 0; q < Q; ++q)
    for (uint32_t r = 0; r < R; ++r) out[q * stride + r] = S::sum(sums[q][r]);
}

template <class S, Op op, uint32_t Q>
void queryRows(const float* const* queries, const uint8_t* const* rows, uint32_t n, uint32_t dim, float* out, size_t stride) {
  constexpr uint32_t R = Q == 1 ? S::blockRows : S::tileRows;
  uint32_t i = 0;
  for (; i + R <= n; i += R) tileBlock<S, op, Q, R>(queries, rows + i, dim, out + i, stride);
  if constexpr (R > 4) {
    for (; i + 4 <= n; i += 4) tileBlock<S, op, Q, 4>(queries, rows + i, dim, out + i, stride);
  }
  if constexpr (R > 2) {
    for (; i + 2 <= n; i += 2) tileBlock<S, op, Q, 2>(queries, rows + i, dim, out + i, stride);
  }
  for (; i < n; ++i) tileBlock<S, op, Q, 1>(queries, rows + i, dim, out + i, stride);
}

template <class S, Op op>
void single(const float* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, float* out) {
  queryRows<S, op, 1>(&query, rows, n, dim, out, n);
}

template <class S, Op op>
void tile(const float* const* queries, uint32_t nq, const uint8_t* const* rows, uint32_t n, uint32_t dim, float* out) {
  uint32_t q = 0;
  for (; q + S::tileQueries <= nq; q += S::tileQueries) {
    queryRows<S, op, S::tileQueries>(queries + q, rows, n, dim, out + size_t{q} * n, n);
  }
  for (; q < nq; ++q) queryRows<S, op, 1>(queries + q, rows, n, dim, out + size_t{q} * n, n);
}

template <class S, uint32_t R>
inline __attribute__((always_inline)) void dotNormBlock(const float* query, const uint8_t* const* rows, uint32_t dim,
                                                        float* dots, float* norms) {
  typename S::Reg dot[R];
  typename S::Reg norm[R];
  for (uint32_t r = 0; r < R; ++r) dot[r] = norm[r] = S::zero();
  uint32_t d = 0;
  for (; d + S::width <= dim; d += S::width) {
    const typename S::Reg q = S::query(query + d);
    for (uint32_t r = 0; r < R; ++r) {
      const typename S::Reg row = S::row(rows[r] + size_t{d} * S::elementBytes);
      dot[r] = S::fma(q, row, dot[r]);
      norm[r] = S::fma(row, row, norm[r]);
    }
  }
  if (d < dim) {
    const typename S::Reg q = S::queryTail(query + d, dim - d);
    for (uint32_t r = 0; r < R; ++r) {
      const typename S::Reg row = S::rowTail(rows[r] + size_t{d} * S::elementBytes, dim - d);
      dot[r] = S::fma(q, row, dot[r]);
      norm[r] = S::fma(row, row, norm[r]);
    }
  }
  for (uint32_t r = 0; r < R; ++r) {
    dots[r] = S::sum(dot[r]);
    norms[r] = S::sum(norm[r]);
  }
}

template <class S>
void dotNorm(const float* query, const uint8_t* const* rows, uint32_t n, uint32_t dim, float* dots, float* norms) {
  constexpr uint32_t R = S::normRows;
  uint32_t i = 0;
  for (; i + R <= n; i += R) dotNormBlock<S, R>(query, rows + i, dim, dots + i, norms + i);
  if constexpr (R > 2) {
    for (; i + 2 <= n; i += 2) dotNormBlock<S, 2>(query, rows + i, dim, dots + i, norms + i);
  }
  for (; i < n; ++i) dotNormBlock<S, 1>(query, rows + i, dim, dots + i, norms + i);
}

template <class S>
constexpr FloatKernels floatKernels() {
  return {single<S, Op::dot>, single<S, Op::l2>, dotNorm<S>, tile<S, Op::dot>, tile<S, Op::l2>};
}

}  // namespace redkite::rows
