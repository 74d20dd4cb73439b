#include "redkite/kernels.h"

#include "tables.h"

namespace redkite {
namespace {

struct Tables {
  KernelTable table[kIsaCount] = {};
  bool present[kIsaCount] = {};
  Isa best = Isa::scalar;

  KernelTable& add(Isa isa) {
    present[static_cast<uint32_t>(isa)] = true;
    best = isa;
    return table[static_cast<uint32_t>(isa)];
  }

  Tables() {
    fillScalar(add(Isa::scalar));
#if defined(__x86_64__)
    // These also ask the operating system whether it saves the registers.
    __builtin_cpu_init();
    // Everything that scripts/engine-flags.mjs lets the compiler use in a folder is asked for here.
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c") ||
        !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("lzcnt")) {
      return;
    }
    fillAvx2(add(Isa::avx2));
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl") ||
        !__builtin_cpu_supports("avx512cd")) {
      return;
    }
    fillAvx512(add(Isa::avx512));
    if (!__builtin_cpu_supports("avx512vnni") || !__builtin_cpu_supports("avx512vpopcntdq")) return;
    KernelTable& vnni = add(Isa::avx512vnni);
    fillAvx512(vnni);
    improveByAvx512Vnni(vnni);
    if (__builtin_cpu_supports("avx512vbmi")) improveByAvx512Vbmi(vnni);
#endif
  }
};

// Built at the first call, not when the library is loaded.
const Tables& tables() {
  static const Tables built;
  return built;
}

}  // namespace

const KernelTable& kernels() {
  const Tables& all = tables();
  return all.table[static_cast<uint32_t>(all.best)];
}

const KernelTable* kernelsOf(Isa isa) {
  const uint32_t index = static_cast<uint32_t>(isa);
  return index < kIsaCount && tables().present[index] ? &tables().table[index] : nullptr;
}

}  // namespace redkite
