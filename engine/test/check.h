// The smallest test harness: named tests, checks that say where they failed, a seeded generator.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                                \
  do {                                                                                  \
    if (!(condition)) {                                                                 \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);      \
      std::abort();                                                                     \
    }                                                                                   \
  } while (0)

#define CHECK_OK(expression)                                                                            \
  do {                                                                                                  \
    const auto status_ = (expression);                                                                  \
    if (!status_.ok()) {                                                                                \
      std::fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #expression, status_.message.c_str()); \
      std::abort();                                                                                     \
    }                                                                                                   \
  } while (0)

namespace redkite::test {

/** splitmix64. */
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(next() % bound); }
  bool chance(uint32_t oneIn) { return below(oneIn) == 0; }

 private:
  uint64_t state_;
};

inline void run(const char* name, void (*test)()) {
  std::printf("%s\n", name);
  std::fflush(stdout);
  test();
}

}  // namespace redkite::test
