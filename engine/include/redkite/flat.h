// Exact search: every visible row is compared.
#pragma once

#include <cstdint>

#include "redkite/types.h"

namespace redkite {

/// Best hits of `nq` dense queries (each rowBytes(view.type, view.dim) bytes, back to back) over the visible rows. Rows are streamed once
/// per block of queries. Polls `cancel` at least every few thousand rows. `stats` may be null.
Status flatSearch(const VectorView& view, Metric metric, const uint8_t* queries, uint32_t nq, const Bitset& visible,
                  const SearchParams& params, CancelToken cancel, const HitBuffer& out, SearchStats* stats);

/// The same over a list of row ids (ascending, each < view.rows) instead of a bitset.
Status flatSearchRows(const VectorView& view, Metric metric, const uint8_t* queries, uint32_t nq, const uint32_t* rows,
                      uint32_t rowCount, const SearchParams& params, CancelToken cancel, const HitBuffer& out,
                      SearchStats* stats);

/// Inner product or BM25 over sparse rows. Only rows whose score is above 0 are hits (as Milvus has it). Queries are sparse rows too;
/// malformed ones (length not a multiple of 8, indices not ascending) are invalidArgument.
Status sparseFlatSearch(const SparseView& view, Metric metric, const SparseRow* queries, uint32_t nq, const Bitset& visible,
                        const SearchParams& params, CancelToken cancel, const HitBuffer& out, SearchStats* stats);

}  // namespace redkite
