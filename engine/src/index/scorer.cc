#include "redkite/scorer.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "bands.h"
#include "redkite/fp16.h"

namespace redkite {
namespace {

float orderable(float distance) { return std::isnan(distance) ? std::numeric_limits<float>::infinity() : distance; }

bool isFloat(VectorType type) { return type == VectorType::f32 || type == VectorType::f16 || type == VectorType::bf16; }

const FloatKernels& floatKernels(const KernelTable& table, VectorType type) {
  return type == VectorType::f32 ? table.f32 : type == VectorType::f16 ? table.f16 : table.bf16;
}

}  // namespace

void widenRow(VectorType type, const uint8_t* row, uint32_t dim, float* out) {
  if (type == VectorType::f32) {
    std::memcpy(out, row, size_t{dim} * 4);
  } else if (type == VectorType::i8) {
    for (uint32_t d = 0; d < dim; ++d) out[d] = static_cast<int8_t>(row[d]);
  } else {
    for (uint32_t d = 0; d < dim; ++d) {
      uint16_t bits;
      std::memcpy(&bits, row + size_t{d} * 2, 2);
      out[d] = type == VectorType::f16 ? halfToFloat(bits) : bf16ToFloat(bits);
    }
  }
}

Scorer::Scorer(VectorType type, Metric metric, uint32_t dim, const KernelTable& table, const MinHash& minHash)
    : type_(type), metric_(metric), dim_(dim), table_(&table), minHash_(minHash) {
  if (isFloat(type)) wide_.resize(dim);
  else bytes_.resize(rowBytes(type, dim));
}

void Scorer::setQuery(const uint8_t* query) {
  if (isFloat(type_)) {
    widenRow(type_, query, dim_, wide_.data());
    takeWideNorm();
    return;
  }
  std::memcpy(bytes_.data(), query, bytes_.size());
  const uint8_t* self = bytes_.data();
  if (isRelation(metric_)) {
    uint32_t same = 0;
    table_->binary.overlap(self, &self, 1, static_cast<uint32_t>(bytes_.size()), &queryBits_, &same);
  }
  if (metric_ == Metric::cosine) {
    int32_t squared = 0;
    table_->i8.dot(reinterpret_cast<const int8_t*>(self), &self, 1, dim_, &squared);
    takeSquaredNorm(static_cast<float>(squared));
  }
}

void Scorer::setFloats(const float* query) {
  std::memcpy(wide_.data(), query, size_t{dim_} * 4);
  takeWideNorm();
}

void Scorer::takeWideNorm() {
  if (metric_ != Metric::cosine) return;
  const uint8_t* self = reinterpret_cast<const uint8_t*>(wide_.data());
  float squared = 0;
  table_->f32.dot(wide_.data(), &self, 1, dim_, &squared);
  takeSquaredNorm(squared);
}

void Scorer::takeSquaredNorm(float squared) { inverseNorm_ = squared == 0 ? 0 : 1 / std::sqrt(squared); }

float Scorer::cosineDistance(float dot, float norm) const {
  // Zero vectors are similar to nothing.
  return norm == 0 ? 0.0f : orderable(-(dot * inverseNorm_ / std::sqrt(norm)));
}

void Scorer::minHashDistances(const uint8_t* const* rows, uint32_t n, float* out) const {
  const uint32_t bytes = static_cast<uint32_t>(bytes_.size());
  if (!minHash_.estimate) {
    const Bands bands(bytes, minHash_);
    for (uint32_t i = 0; i < n; ++i) out[i] = bands.shared(bytes_.data(), rows[i]) ? -1.0f : 0.0f;
    return;
  }
  uint32_t equal[kScorerBatch];
  table_->binary.equalElements(bytes_.data(), rows, n, bytes, minHash_.elementBytes, equal);
  const float elements = static_cast<float>(bytes / minHash_.elementBytes);
  for (uint32_t i = 0; i < n; ++i) out[i] = -(static_cast<float>(equal[i]) / elements);
}

void Scorer::distances(const uint8_t* const* rows, uint32_t n, float* out) const {
  if (isFloat(type_)) {
    const FloatKernels& kernel = floatKernels(*table_, type_);
    if (metric_ == Metric::cosine) {
      float norms[kScorerBatch];
      kernel.dotNorm(wide_.data(), rows, n, dim_, out, norms);
      for (uint32_t i = 0; i < n; ++i) out[i] = cosineDistance(out[i], norms[i]);
    } else if (metric_ == Metric::ip) {
      kernel.dot(wide_.data(), rows, n, dim_, out);
      for (uint32_t i = 0; i < n; ++i) out[i] = orderable(-out[i]);
    } else {
      kernel.l2(wide_.data(), rows, n, dim_, out);
      for (uint32_t i = 0; i < n; ++i) out[i] = orderable(out[i]);
    }
    return;
  }
  if (type_ == VectorType::i8) {
    const int8_t* query = reinterpret_cast<const int8_t*>(bytes_.data());
    int32_t dots[kScorerBatch];
    if (metric_ == Metric::cosine) {
      int32_t norms[kScorerBatch];
      table_->i8.dotNorm(query, rows, n, dim_, dots, norms);
      for (uint32_t i = 0; i < n; ++i) out[i] = cosineDistance(static_cast<float>(dots[i]), static_cast<float>(norms[i]));
    } else if (metric_ == Metric::ip) {
      table_->i8.dot(query, rows, n, dim_, dots);
      for (uint32_t i = 0; i < n; ++i) out[i] = -static_cast<float>(dots[i]);
    } else {
      table_->i8.l2(query, rows, n, dim_, dots);
      for (uint32_t i = 0; i < n; ++i) out[i] = static_cast<float>(dots[i]);
    }
    return;
  }
  const uint32_t bytes = static_cast<uint32_t>(bytes_.size());
  uint32_t first[kScorerBatch];
  if (metric_ == Metric::mhjaccard) {
    minHashDistances(rows, n, out);
  } else if (metric_ == Metric::hamming) {
    table_->binary.hamming(bytes_.data(), rows, n, bytes, first);
    for (uint32_t i = 0; i < n; ++i) out[i] = static_cast<float>(first[i]);
  } else {
    uint32_t either[kScorerBatch];
    table_->binary.overlap(bytes_.data(), rows, n, bytes, first, either);
    // The row has every bit of the query where their intersection is the query, and none beside it where their union is.
    const bool sub = metric_ == Metric::substructure;
    for (uint32_t i = 0; i < n && isRelation(metric_); ++i) out[i] = (sub ? first[i] : either[i]) == queryBits_ ? 0.0f : 1.0f;
    for (uint32_t i = 0; i < n && !isRelation(metric_); ++i) {
      out[i] = either[i] == 0 ? 1.0f : 1.0f - static_cast<float>(first[i]) / static_cast<float>(either[i]);
    }
  }
}

void tileDistances(const Scorer* const* scorers, uint32_t nq, const uint8_t* const* rows, uint32_t n, float* out) {
  const Scorer& first = *scorers[0];
  if (nq == 1 || !isFloat(first.type_)) {
    for (uint32_t q = 0; q < nq; ++q) scorers[q]->distances(rows, n, out + size_t{q} * n);
    return;
  }
  const FloatKernels& kernel = floatKernels(*first.table_, first.type_);
  const float* queries[kScorerBatch] = {};
  for (uint32_t q = 0; q < nq; ++q) queries[q] = scorers[q]->wide_.data();
  if (first.metric_ == Metric::l2) {
    kernel.l2Tile(queries, nq, rows, n, first.dim_, out);
    for (size_t i = 0; i < size_t{nq} * n; ++i) out[i] = orderable(out[i]);
    return;
  }
  kernel.dotTile(queries, nq, rows, n, first.dim_, out);
  if (first.metric_ == Metric::ip) {
    for (size_t i = 0; i < size_t{nq} * n; ++i) out[i] = orderable(-out[i]);
    return;
  }
  float unused[kScorerBatch];
  float norms[kScorerBatch];
  kernel.dotNorm(queries[0], rows, n, first.dim_, unused, norms);
  for (uint32_t q = 0; q < nq; ++q) {
    float* row = out + size_t{q} * n;
    for (uint32_t i = 0; i < n; ++i) row[i] = scorers[q]->cosineDistance(row[i], norms[i]);
  }
}

}  // namespace redkite
