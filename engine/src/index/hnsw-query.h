// A query as the codes of a graph are compared with it.
#pragma once

#include <cstdint>
#include <vector>

#include "hnsw-file.h"
#include "hnsw-walk.h"

namespace redkite {

/// For 8-bit codes. The query's own codes are left in `codes`, which must outlive the space; `wide` is for it to use.
CodeSpace codeSpaceOf(const HnswParts& parts, const uint8_t* query, std::vector<float>& wide, std::vector<int8_t>& codes);

/// For product codes. The query's tables are left in `tables`, which must outlive the space.
TableSpace tableSpaceOf(const HnswParts& parts, const uint8_t* query, std::vector<float>& wide, std::vector<float>& tables);

}  // namespace redkite
