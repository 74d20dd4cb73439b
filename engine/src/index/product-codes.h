// Product codes: each subspace of a vector by the nearest entry of its codebook, and what is left by that of the next level's.
#pragma once

#include <cstdint>
#include <vector>

#include "redkite/types.h"

namespace redkite {

struct ProductShape {
  uint32_t dim = 0;
  uint32_t subs = 1;    ///< divides dim
  uint32_t levels = 1;  ///< more than 1: each level codes what the ones before left
  uint32_t nbits = 8;   ///< 1 to 8

  uint32_t width() const { return dim / subs; }
  uint32_t entries() const { return 1u << nbits; }
  /// Entries of a table as they lie in memory.
  uint32_t room() const { return nbits <= 4 ? 16 : 256; }
  /// Codebooks are [levels][subs][width][room].
  uint64_t bookFloats() const { return uint64_t{levels} * dim * room(); }
  const float* book(const float* books, uint32_t level) const { return books + uint64_t{level} * dim * room(); }
};

/// Rows that training wants of each shape.
uint64_t productSampleRows(const ProductShape& shape);

/// Trains on `count` vectors, which are used up. The same for any number of threads. `books` holds zeros.
Status trainProductBooks(std::vector<float>& vectors, uint32_t count, const ProductShape& shape, uint32_t threads, uint64_t seed, CancelToken cancel, float* books);

/// Codes vectors with trained books, which must outlive it. One for each thread.
class ProductEncoder {
 public:
  ProductEncoder(const ProductShape& shape, const float* books);
  /// codes[level * subs + s]; `vector` becomes what the codes leave out.
  void encode(float* vector, uint8_t* codes);

 private:
  ProductShape shape_;
  const float* books_;
  std::vector<float> norms_;
  std::vector<float> products_;
};

}  // namespace redkite
