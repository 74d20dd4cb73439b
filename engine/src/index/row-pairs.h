// Distances between two rows of a column, by their codes or by their raw vectors: what a build compares.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "hnsw-walk.h"

namespace redkite {

/// What codes of rows are made of; shared by all threads of a build.
struct CodeSet {
  const KernelTable* table;
  const uint8_t* codes;
  size_t stride;
  const float* biases;  ///< null unless l2
  float scale;
  /// [rows]: what a distance from each row adds to every product, so that turning a row into a query is a copy.
  const float* constants;
};

/// Distances between two rows, both by their codes.
class CodePairs {
 public:
  using Space = CodeSpace;
  explicit CodePairs(const CodeSet& set) : set_(&set), query_(set.stride) {
    space_.codes = set.codes;
    space_.stride = set.stride;
    space_.dot = set.table->code.dotWide;
    space_.biases = set.biases;
    space_.factor = set.scale * set.scale * (set.biases == nullptr ? 1.0f : 2.0f);
  }
  void setRow(uint32_t row) {
    // By words, since byte by byte the compiler must expect each store to change the pointers. Strides are multiples of 64.
    const uint8_t* code = set_->codes + row * set_->stride;
    int8_t* query = query_.data();
    const size_t stride = set_->stride;
    for (size_t d = 0; d < stride; d += 8) {
      uint64_t word;
      std::memcpy(&word, code + d, 8);
      word ^= 0x8080808080808080u;
      std::memcpy(query + d, &word, 8);
    }
    space_.query = query_.data();
    space_.constant = set_->constants[row];
  }
  const CodeSpace& space() const { return space_; }

 private:
  const CodeSet* set_;
  std::vector<int8_t> query_;
  CodeSpace space_;
};

/// Distances between two rows by their raw vectors.
class RawPairs {
 public:
  using Space = RawSpace;
  RawPairs(const VectorView& view, Metric metric) : view_(&view), scorer_(view.type, metric, view.dim) {}
  void setRow(uint32_t row) { scorer_.setQuery(view_->row(row)); }
  RawSpace space() const { return {view_, &scorer_}; }

 private:
  const VectorView* view_;
  Scorer scorer_;
};

}  // namespace redkite
