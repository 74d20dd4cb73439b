#include "ivf-tables.h"

#include <algorithm>
#include <cmath>

namespace redkite {

void IvfTables::make(const IvfParts& parts, const float* values) {
  const IvfHeader& h = parts.header;
  const bool l2 = static_cast<Metric>(h.metric) == Metric::l2;
  const bool bits = static_cast<IvfKind>(h.kind) == IvfKind::rabitq;
  const ListKernels& kernel = kernels().list;
  const uint32_t entries = tableEntries(h.nbits);
  const uint32_t room = (h.subs + 3) / 4 * 4;
  floats_.assign(size_t{room} * entries, 0.0f);
  float signsDotQuery = 0;
  if (bits) {
    for (uint32_t s = 0; s < h.subs; ++s) {
      float* table = floats_.data() + size_t{s} * 16;
      for (uint32_t bit = 0; bit < 4 && s * 4 + bit < h.dim; ++bit) {
        const float value = values[s * 4 + bit];
        signsDotQuery += value;
        for (uint32_t e = 1u << bit; e < 2u << bit; ++e) table[e] = table[e - (1u << bit)] + value;
      }
    }
  } else {
    kernel.products(values, parts.codebooks, h.subs, h.dim / h.subs, entries, floats_.data());
  }
  // One step for all tables: sums of bytes are then sums of products. No sum of the largest entries may leave 16 bits.
  leasts_.resize(room);
  float widest = 0;
  double total = 0;
  double bias = 0;
  for (uint32_t s = 0; s < h.subs; ++s) {
    float greatest = 0;
    kernel.bounds(floats_.data() + size_t{s} * entries, entries, &leasts_[s], &greatest);
    const float range = greatest - leasts_[s];
    widest = std::max(widest, range);
    total += static_cast<double>(range);
    bias += static_cast<double>(leasts_[s]);
  }
  const float step = std::max(widest / 255, static_cast<float>(total / (65000.0 - h.subs)));
  const bool usable = step > 0 && std::isfinite(step) && std::isfinite(1 / step);
  rounded_.assign(size_t{room} * entries, 0);
  for (uint32_t s = 0; usable && s < h.subs; ++s) {
    kernel.quantise(floats_.data() + size_t{s} * entries, entries, leasts_[s], 1 / step, rounded_.data() + size_t{s} * entries);
  }
  const float metric = l2 ? 2.0f : 1.0f;
  const float used = usable ? step : 0;
  if (bits) {
    // signs . query = 2 * (sum of the positive places) - sum of all
    query_ = {0, 2 * metric * used, usable ? (signsDotQuery / 2 - static_cast<float>(bias)) / step : 0, 0, 0, 0};
  } else {
    query_ = {static_cast<float>(-static_cast<double>(metric) * bias), metric * used, 0, 0, 0, 0};
  }
}

float IvfTables::productOf(const IvfHeader& h, const uint8_t* codes, uint32_t r) const {
  const uint32_t entries = tableEntries(h.nbits);
  float product = 0;
  for (uint32_t s = 0; s < h.subs; ++s) {
    const uint32_t code = entries == 256 ? codes[size_t{s} * kBlockRows + r]
                                         : static_cast<uint32_t>(codes[size_t{s} * 16 + r % 16] >> (r < 16 ? 0 : 4)) & 15u;
    product += floats_[size_t{s} * entries + code];
  }
  return product;
}

}  // namespace redkite
