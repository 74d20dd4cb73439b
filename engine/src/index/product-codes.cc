#include "product-codes.h"

#include <algorithm>
#include <limits>

#include "k-means.h"
#include "parallel.h"
#include "redkite/kernels.h"

namespace redkite {
namespace {

constexpr uint32_t kIterations = 10;
/// Floats of the vectors that are trained on.
constexpr uint64_t kTrainingFloatsMax = uint64_t{1} << 25;
constexpr uint32_t kRowsAtATime = 256;

/// Entries that training does not use are infinitely far.
void bookNorms(const float* book, const ProductShape& shape, float* norms) {
  const uint32_t room = shape.room();
  for (uint32_t e = 0; e < room; ++e) {
    norms[e] = e < shape.entries() ? 0.0f : std::numeric_limits<float>::infinity();
    for (uint32_t d = 0; d < shape.width() && e < shape.entries(); ++d) norms[e] += book[size_t{d} * room + e] * book[size_t{d} * room + e];
  }
}

/// One codebook, [width][room], of subspace s of the vectors.
void trainBook(const std::vector<float>& vectors, uint32_t count, const ProductShape& shape, uint32_t s, uint64_t seed, float* book) {
  const uint32_t width = shape.width();
  const uint32_t entries = shape.entries();
  const uint32_t room = shape.room();
  const ListKernels& kernel = kernels().list;
  const auto point = [&](uint32_t i) { return vectors.data() + size_t{i} * shape.dim + size_t{s} * width; };
  for (uint32_t e = 0; e < entries; ++e)
    for (uint32_t d = 0; d < width; ++d) book[size_t{d} * room + e] = point(e % count)[d];
  std::vector<float> norms(room);
  std::vector<float> products(room);
  std::vector<double> sums(size_t{entries} * width);
  std::vector<uint32_t> sizes(entries);
  TrainingRandom random(seed);
  for (uint32_t iteration = 0; iteration < kIterations && count > entries; ++iteration) {
    bookNorms(book, shape, norms.data());
    std::fill(sums.begin(), sums.end(), 0.0);
    std::fill(sizes.begin(), sizes.end(), 0u);
    for (uint32_t i = 0; i < count; ++i) {
      kernel.products(point(i), book, 1, width, room, products.data());
      const uint32_t e = std::min(kernel.nearest(products.data(), norms.data(), room), entries - 1);
      ++sizes[e];
      for (uint32_t d = 0; d < width; ++d) sums[size_t{e} * width + d] += static_cast<double>(point(i)[d]);
    }
    for (uint32_t e = 0; e < entries; ++e) {
      const uint32_t other = random.below(count);
      for (uint32_t d = 0; d < width; ++d) {
        book[size_t{d} * room + e] = sizes[e] == 0 ? point(other)[d] : static_cast<float>(sums[size_t{e} * width + d] / sizes[e]);
      }
    }
  }
}

}  // namespace

uint64_t productSampleRows(const ProductShape& shape) {
  const uint64_t entries = shape.entries();
  return std::min(entries * (entries > 16 ? 64 : 256), std::max(kTrainingFloatsMax / shape.dim, entries * 4));
}

Status trainProductBooks(std::vector<float>& vectors, uint32_t count, const ProductShape& shape, uint32_t threads, uint64_t seed, CancelToken cancel, float* books) {
  if (count == 0) return {};
  ProductShape one = shape;
  one.levels = 1;
  for (uint32_t level = 0; level < shape.levels; ++level) {
    float* of = books + uint64_t{level} * shape.dim * shape.room();
    Status status = parallelFor(threads, shape.subs, 1, cancel, [&] {
      return [&](uint32_t begin, uint32_t end) {
        for (uint32_t s = begin; s < end; ++s) {
          trainBook(vectors, count, shape, s, seed + uint64_t{level} * shape.subs + s, of + size_t{s} * shape.width() * shape.room());
        }
      };
    });
    if (!status.ok() || level + 1 == shape.levels) return status;
    status = parallelFor(threads, count, kRowsAtATime, cancel, [&] {
      return [&, encoder = ProductEncoder(one, of), codes = std::vector<uint8_t>(shape.subs)](uint32_t begin, uint32_t end) mutable {
        for (uint32_t i = begin; i < end; ++i) encoder.encode(vectors.data() + size_t{i} * shape.dim, codes.data());
      };
    });
    if (!status.ok()) return status;
  }
  return {};
}

ProductEncoder::ProductEncoder(const ProductShape& shape, const float* books)
    : shape_(shape), books_(books), norms_(size_t{shape.levels} * shape.subs * shape.room()), products_(size_t{shape.subs} * shape.room()) {
  const size_t bookSize = size_t{shape.width()} * shape.room();
  for (size_t i = 0; i < size_t{shape.levels} * shape.subs; ++i) bookNorms(books + i * bookSize, shape, norms_.data() + i * shape.room());
}

void ProductEncoder::encode(float* vector, uint8_t* codes) {
  const ListKernels& kernel = kernels().list;
  const uint32_t room = shape_.room();
  const uint32_t width = shape_.width();
  for (uint32_t level = 0; level < shape_.levels; ++level) {
    const float* books = shape_.book(books_, level);
    const float* norms = norms_.data() + size_t{level} * shape_.subs * room;
    kernel.products(vector, books, shape_.subs, width, room, products_.data());
    for (uint32_t s = 0; s < shape_.subs; ++s) {
      const uint32_t e = kernel.nearest(products_.data() + size_t{s} * room, norms + size_t{s} * room, room);
      codes[size_t{level} * shape_.subs + s] = static_cast<uint8_t>(e);
      for (uint32_t d = 0; d < width; ++d) vector[s * width + d] -= books[(size_t{s} * width + d) * room + e];
    }
  }
}

}  // namespace redkite
