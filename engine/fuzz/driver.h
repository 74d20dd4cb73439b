// What runs a fuzz target where there is no libFuzzer: mutates valid samples by a seed. Compiled with -DREDKITE_LIBFUZZER
// -fsanitize=fuzzer,address a target has libFuzzer's main instead.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../test/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace redkite::fuzz {

using Samples = std::vector<std::vector<uint8_t>>;

/** One change of an input behind its first byte, which chooses what the others are for. */
inline void mutate(test::Random& random, std::vector<uint8_t>& input, uint32_t hotBytes) {
  const auto size = static_cast<uint32_t>(input.size());
  // Heads decide more than what lies behind them.
  const uint32_t most = random.chance(2) ? std::min(size, std::max(hotBytes, 2u)) : size;
  const uint32_t at = 1 + random.below(most - 1);
  switch (random.below(5)) {
    case 0:
      input[at] = static_cast<uint8_t>(random.next());
      break;
    case 1:
      input[at] = static_cast<uint8_t>(input[at] ^ (1u << random.below(8)));
      break;
    case 2: {
      // A small or an extreme number where a length or an offset may be.
      static constexpr uint32_t numbers[] = {0, 1, 2, 7, 8, 64, 0x7f800000, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff8};
      const uint32_t value = numbers[random.below(11)];
      if (at + 4 <= size) std::memcpy(input.data() + at, &value, 4);
      break;
    }
    case 3:
      // Seldom: most targets refuse what is too short at once.
      if (random.chance(4)) input.resize(std::max(2u, 1 + random.below(size)));
      break;
    default: {
      const uint32_t from = 1 + random.below(size - 1);
      const size_t length = std::min<size_t>({random.below(33), size - at, size - from});
      std::memmove(input.data() + at, input.data() + from, length);
    }
  }
}

/** NAME [inputs] [seed]; changes half of the time among the first `hotBytes`. */
inline int drive(int argc, char** argv, const Samples& samples, uint32_t hotBytes) {
  const uint64_t inputs = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20000;
  test::Random random(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
  for (const auto& sample : samples) LLVMFuzzerTestOneInput(sample.data(), sample.size());
  for (uint64_t i = 0; i < inputs; i++) {
    std::vector<uint8_t> input = samples[random.below(static_cast<uint32_t>(samples.size()))];
    for (uint32_t change = 1 + random.below(4); change > 0; change--) mutate(random, input, hotBytes);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%llu inputs from %zu samples\n", static_cast<unsigned long long>(inputs), samples.size());
  return 0;
}

}  // namespace redkite::fuzz
