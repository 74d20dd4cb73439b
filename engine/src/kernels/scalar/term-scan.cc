#include "../tables.h"

namespace redkite {
namespace {

void addCodes(const uint8_t* codes, uint32_t n, uint16_t factor, uint16_t* sums) {
  for (uint32_t i = 0; i < n; ++i) {
    const uint32_t sum = sums[i] + ((uint32_t{codes[i]} * factor) >> 8);
    sums[i] = static_cast<uint16_t>(sum < 65535 ? sum : 65535);
  }
}

void above(const uint16_t* sums, uint32_t n, uint16_t bar, uint64_t* out) {
  for (uint32_t first = 0; first < n; first += 64) {
    uint64_t word = 0;
    for (uint32_t i = 0; i < 64; ++i) word |= static_cast<uint64_t>(sums[first + i] > bar) << i;
    out[first / 64] = word;
  }
}

}  // namespace

TermKernels scalarTerms() { return {addCodes, above}; }

}  // namespace redkite
