// Compiler flags of the engine, by folder. Everything runs on any x86-64-v2 machine except the kernel folders, whose code is
// entered only after the processor was asked.

const common = ["-std=c++20", "-O3", "-g1", "-fPIC", "-pthread", "-fvisibility=hidden", "-ffp-contract=off"];
const warnings = ["-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror=return-type"];

const baseline = { x64: ["-march=x86-64-v2", "-mtune=generic"], arm64: ["-march=armv8-a"] };

// What every AVX-512 server has. Bit counting came with VNNI's generation, and the dispatcher asks for it only there.
const avx512 = ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512cd"];
const avx512Vnni = ["-mavx512vnni", "-mavx512vpopcntdq"];
const avx2 = ["-mavx2", "-mfma", "-mf16c", "-mbmi", "-mbmi2", "-mlzcnt", "-mpopcnt"];

/** Folder under engine/src/kernels -> flags on top of the baseline, for the architecture that has them. */
const kernels = {
  x64: {
    avx2,
    avx512: [...avx2, ...avx512],
    avx512vnni: [...avx2, ...avx512, ...avx512Vnni],
    avx512vbmi: [...avx2, ...avx512, ...avx512Vnni, "-mavx512vbmi"],
    avx512bf16: [...avx2, ...avx512, ...avx512Vnni, "-mavx512bf16"],
    avx512fp16: [...avx2, ...avx512, ...avx512Vnni, "-mavx512fp16"],
  },
  arm64: { neon: ["-march=armv8.2-a+fp16+dotprod"] },
};

/** Folder prefix -> extra flags; the first that matches counts. */
const byFolder = [
  ["engine/binding/", ["-DNAPI_VERSION=9", "-DNODE_ADDON_API_DISABLE_DEPRECATED"]],
  ["engine/", []],
];

/** @returns {string[] | undefined} undefined: the file is for another architecture and is left out */
export function compileFlags(file, { arch = process.arch, sanitize = "" } = {}) {
  const flags = [...common, ...warnings, ...(baseline[arch] ?? [])];
  const kernel = /^engine\/src\/kernels\/([^/]+)\//.exec(file)?.[1];
  if (kernel !== undefined && kernel !== "scalar") {
    const extra = kernels[arch]?.[kernel];
    if (extra === undefined) return undefined;
    flags.push(...extra);
  }
  flags.push(...(byFolder.find(([prefix]) => file.startsWith(prefix))?.[1] ?? []));
  if (sanitize !== "") flags.push(...sanitizerFlags(sanitize), "-O1", "-fno-omit-frame-pointer");
  // libFuzzer brings its own main; the programs of engine/fuzz have one that mutates samples by a seed.
  if (sanitize.split(",").includes("fuzzer")) flags.push("-DREDKITE_LIBFUZZER");
  return flags;
}

/** @param {string} sanitize for example `address,undefined` or `thread`; with clang++ `fuzzer,address,undefined` too */
export function sanitizerFlags(sanitize) {
  return [`-fsanitize=${sanitize}`, "-fno-sanitize-recover=all"];
}

export const addonLinkFlags =
  process.platform === "darwin"
    ? ["-bundle", "-undefined", "dynamic_lookup", "-pthread"]
    : ["-shared", "-pthread", "-Wl,--gc-sections", "-Wl,-O1"];
