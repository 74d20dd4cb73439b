// How AVX-512 reads rows of each float type: the policies of float-rows.h. In an unnamed namespace, since each file that
// includes this is compiled for its own instruction set.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace redkite {
namespace {

struct Base {
  using Reg = __m512;
  static constexpr uint32_t width = 16;
  static constexpr uint32_t blockRows = 8;
  static constexpr uint32_t normRows = 8;
  static constexpr uint32_t tileQueries = 4;
  static constexpr uint32_t tileRows = 4;

  static Reg zero() { return _mm512_setzero_ps(); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
  static Reg sub(Reg a, Reg b) { return _mm512_sub_ps(a, b); }
  static __mmask16 lanesBelow(uint32_t left) { return static_cast<__mmask16>((1u << left) - 1); }
  static Reg query(const float* p) { return _mm512_loadu_ps(p); }
  static Reg queryTail(const float* p, uint32_t left) { return _mm512_maskz_loadu_ps(lanesBelow(left), p); }
  static float sum(Reg r) { return _mm512_reduce_add_ps(r); }
};

struct F32 : Base {
  static constexpr size_t elementBytes = 4;
  static Reg row(const uint8_t* p) { return _mm512_loadu_ps(p); }
  static Reg rowTail(const uint8_t* p, uint32_t left) { return _mm512_maskz_loadu_ps(lanesBelow(left), p); }
};

struct F16 : Base {
  static constexpr size_t elementBytes = 2;
  static Reg row(const uint8_t* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static Reg rowTail(const uint8_t* p, uint32_t left) { return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanesBelow(left), p)); }
};

struct Bf16 : Base {
  static constexpr size_t elementBytes = 2;
  static Reg widen(__m256i bits) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16)); }
  static Reg row(const uint8_t* p) { return widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static Reg rowTail(const uint8_t* p, uint32_t left) { return widen(_mm256_maskz_loadu_epi16(lanesBelow(left), p)); }
};

}  // namespace
}  // namespace redkite
