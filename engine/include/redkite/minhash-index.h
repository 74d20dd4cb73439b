// Locality-sensitive hashing of MinHash signatures: rows that share a band with the query are found by the hash of that band.
//
// A row whose elements equal the query's with probability s shares one of b bands of r elements with probability 1 - (1 - s^r)^b: nearly 0
// for unlike rows, nearly 1 for like ones, one half near s = (1 / b)^(1 / r). More bands of fewer elements find less similar rows and
// compare more of them. Sources: Broder, "On the resemblance and containment of documents" (signatures); Indyk and Motwani, "Approximate
// nearest neighbors" (bands). The file is described in docs/internals/minhash-index-file.md.
#pragma once

#include <cstdint>

#include "redkite/hnsw.h"
#include "redkite/types.h"

namespace redkite {

struct MinHashBuildParams {
  uint32_t elementBytes = 1;  ///< 1 to kMinHashElementMax, divides the row
  uint32_t bands = 1;         ///< at least 1; at most one for each element
  uint32_t threads = 1;       ///< any number gives the same bytes
};

/// Upper bound of the memory that a build takes beside the view, result included, known before it starts: about 10 bytes a row and band.
uint64_t minHashBuildBytesMax(uint32_t dim, uint32_t rows, const MinHashBuildParams& params);

/// Builds the file over the rows of `view`, which must be binary, that are set in `indexed`.
Result<AlignedBytes> buildMinHash(const VectorView& view, const Bitset& indexed, const MinHashBuildParams& params, const HnswBuildControl& control);

struct MinHashInfo {
  uint32_t dim = 0;
  uint32_t rows = 0;   ///< rows of the view at build
  uint32_t nodes = 0;  ///< of these, indexed
  uint32_t elementBytes = 0;
  uint32_t bands = 0;
};

/// An opened file. Cheap to copy; does not own the bytes. Safe to search from any number of threads at once.
class MinHashIndex {
 public:
  MinHashIndex() = default;

  /// Checks the header's checksum and every size and offset; reads no section. `data` must be 64-byte aligned and stay mapped.
  static Result<MinHashIndex> open(const uint8_t* data, size_t bytes);
  /// Whether the bytes begin like such a file.
  static bool recognises(const uint8_t* data, size_t bytes);
  /// Reads everything and compares the block checksums; `corrupted` names the block.
  Status verify() const;

  const MinHashInfo& info() const { return info_; }
  /// Whether the file was built for signatures that are read so.
  bool fits(uint32_t rows, const MinHash& minHash) const;

  /// Best hits of `nq` queries. `params.minHash` must fit.
  ///
  /// Asked for rows that share a band, it answers as flatSearch does, bit for bit. Asked for estimates, it compares the rows that share a
  /// band and are visible (`params.refineRows` of them at most, where that is above 0), and promises: min(k, visible indexed rows) hits come
  /// back for every query (fewer only under a range), each with its exact estimate. Where the candidates are too few for that, or more
  /// than the visible rows, all visible rows are compared. Under a range that is done unless a row at its radius would have been found in
  /// 99 of 100 cases; with a recall target, unless one as good as the last hit would have been found that often.
  /// A query's hits do not depend on the other queries of the call.
  Status search(const VectorView& view, const uint8_t* queries, uint32_t nq, const Bitset& visible, const SearchParams& params,
                CancelToken cancel, const HitBuffer& out, SearchStats* stats) const;

 private:
  friend struct MinHashParts;
  const uint8_t* data_ = nullptr;
  size_t bytes_ = 0;
  MinHashInfo info_;
};

}  // namespace redkite
