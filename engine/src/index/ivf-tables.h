// What one query adds up for product codes and bits, entry by entry.
#pragma once

#include <cstdint>
#include <vector>

#include "ivf-file.h"

namespace redkite {

class IvfTables {
 public:
  /// For the query whose prepared values these are.
  void make(const IvfParts& parts, const float* values);

  /// Rounded to bytes: sums of them are sums of products, which `query` turns into distances.
  const uint8_t* rounded() const { return rounded_.data(); }
  const ListQuery& query() const { return query_; }

  /// Sum of the unrounded entries of the code in place r of a block.
  float productOf(const IvfHeader& h, const uint8_t* codes, uint32_t r) const;

 private:
  std::vector<float> floats_;
  std::vector<float> leasts_;
  std::vector<uint8_t> rounded_;
  ListQuery query_{};
};

}  // namespace redkite
