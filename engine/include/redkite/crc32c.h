// CRC-32C (Castagnoli), the checksum of every stored block.
#pragma once

#include <cstddef>
#include <cstdint>

namespace redkite {

/// Checksum of `bytes` bytes; `seed` is the checksum of what came before (0 at the start), so that
/// crc32c(b, crc32c(a)) == crc32c(a + b). crc32c("123456789") is 0xE3069283.
uint32_t crc32c(const void* data, size_t bytes, uint32_t seed = 0);

}  // namespace redkite
