#include "refine-rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "parallel.h"
#include "prepare-row.h"
#include "redkite/fp16.h"

namespace redkite {
namespace {

constexpr uint32_t kRowsAtATime = 256;
/// Rows of a u8 copy that are decoded together, so that they stay in the first-level cache.
constexpr uint32_t kDecodedRows = 8;

uint64_t rangeBytes(Refine refine, uint32_t dim) { return refine == Refine::u8 ? (uint64_t{dim} * 8 + 63) / 64 * 64 : 0; }

uint32_t copyRowBytes(Refine refine, uint32_t dim) { return refine == Refine::u8 ? dim : dim * 2; }

/// What the kernels compare; 8-bit rows are decoded for them.
VectorType scoredType(VectorType type, Refine refine) {
  switch (refine) {
    case Refine::f16: return VectorType::f16;
    case Refine::bf16: return VectorType::bf16;
    case Refine::u8: return VectorType::f32;
    default: return type;
  }
}

/// Least value and step of each dimension over the rows named.
Status findRanges(const VectorView& view, Metric metric, const std::vector<uint32_t>& rows, CancelToken cancel, float* ranges) {
  const uint32_t dim = view.dim;
  std::vector<float> row(dim), least(dim, std::numeric_limits<float>::infinity()), greatest(dim, -std::numeric_limits<float>::infinity());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i % kRowsAtATime == 0 && cancel.raised()) return Status::canceled();
    prepareRow(view, metric, rows[i], row.data());
    for (uint32_t d = 0; d < dim; ++d) {
      if (!std::isfinite(row[d])) continue;
      least[d] = std::min(least[d], row[d]);
      greatest[d] = std::max(greatest[d], row[d]);
    }
  }
  for (uint32_t d = 0; d < dim; ++d) {
    const bool some = least[d] <= greatest[d];
    ranges[d] = some ? least[d] : 0.0f;
    ranges[dim + d] = some ? greatest[d] / 255 - least[d] / 255 : 0.0f;
  }
  return {};
}

void encode(const float* row, Refine refine, uint32_t dim, const float* ranges, uint8_t* out) {
  if (refine == Refine::u8) {
    for (uint32_t d = 0; d < dim; ++d) {
      const float place = ranges[dim + d] > 0 ? (row[d] - ranges[d]) / ranges[dim + d] : 0.0f;
      out[d] = static_cast<uint8_t>(std::isnan(place) ? 0.0f : std::clamp(std::round(place), 0.0f, 255.0f));
    }
    return;
  }
  for (uint32_t d = 0; d < dim; ++d) {
    const uint16_t bits = refine == Refine::f16 ? floatToHalf(row[d]) : floatToBf16(row[d]);
    std::memcpy(out + size_t{d} * 2, &bits, 2);
  }
}

}  // namespace

Refine refineOf(VectorType type, Refine asked) {
  if (!isCopy(asked)) return asked;
  const bool halves = type == VectorType::f16 || type == VectorType::bf16;
  const bool narrower = type == VectorType::f32 || (halves && asked == Refine::u8);
  return narrower ? asked : Refine::rows;
}

uint64_t copyBytes(Refine refine, uint32_t dim, uint32_t rows) {
  return isCopy(refine) ? rangeBytes(refine, dim) + uint64_t{rows} * copyRowBytes(refine, dim) : 0;
}

Status writeCopy(const VectorView& view, Metric metric, Refine refine, const std::vector<uint32_t>& rows, uint32_t threads, CancelToken cancel, uint8_t* copy) {
  float* ranges = reinterpret_cast<float*>(copy);
  if (refine == Refine::u8) {
    if (Status status = findRanges(view, metric, rows, cancel, ranges); !status.ok()) return status;
  }
  uint8_t* first = copy + rangeBytes(refine, view.dim);
  const size_t stride = copyRowBytes(refine, view.dim);
  return parallelFor(threads, static_cast<uint32_t>(rows.size()), kRowsAtATime, cancel, [&] {
    return [&, row = std::vector<float>(view.dim)](uint32_t begin, uint32_t end) mutable {
      for (uint32_t i = begin; i < end; ++i) {
        prepareRow(view, metric, rows[i], row.data());
        encode(row.data(), refine, view.dim, ranges, first + rows[i] * stride);
      }
    };
  });
}

RefineRows::RefineRows(const VectorView& view, Metric metric, Refine refine, const uint8_t* copy)
    : queryType_(view.type), copied_(isCopy(refine)), rows_(view), scorer_(scoredType(view.type, refine), metric, view.dim) {
  if (!copied_) return;
  first_ = copy + rangeBytes(refine, view.dim);
  rows_ = VectorView::contiguous(scoredType(view.type, refine), view.dim, view.rows, &first_);
  rows_.bytesPerRow = copyRowBytes(refine, view.dim);
  query_.resize(view.dim);
  if (refine != Refine::u8) return;
  ranges_ = reinterpret_cast<const float*>(copy);
  decoded_.resize(size_t{kDecodedRows} * view.dim);
}

void RefineRows::setQuery(const uint8_t* query) {
  if (!copied_) return scorer_.setQuery(query);
  widenRow(queryType_, query, rows_.dim, query_.data());
  scorer_.setFloats(query_.data());
}

void RefineRows::decodedDistances(const uint32_t* rows, uint32_t n, float* out) const {
  const uint32_t dim = rows_.dim;
  for (uint32_t begin = 0; begin < n; begin += kDecodedRows) {
    const uint32_t count = std::min(kDecodedRows, n - begin);
    const uint8_t* pointers[kDecodedRows];
    for (uint32_t i = 0; i < count; ++i) {
      const uint8_t* codes = rows_.row(rows[begin + i]);
      float* values = decoded_.data() + size_t{i} * dim;
      for (uint32_t d = 0; d < dim; ++d) values[d] = ranges_[d] + ranges_[dim + d] * static_cast<float>(codes[d]);
      pointers[i] = reinterpret_cast<const uint8_t*>(values);
    }
    scorer_.distances(pointers, count, out + begin);
  }
}

}  // namespace redkite
