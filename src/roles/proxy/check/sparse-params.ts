import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import type { KeyValues } from "../../../model/schema.ts";

/**
 * Checks the parameters of an index over sparse vectors, with knowhere's bounds. The lists are exact, so that nothing is left out of them
 * (`drop_ratio_build`, which Milvus ignores too), one walk serves all algorithms, and the numbers of BM25 are looked at for no other metric.
 */
export function sparseParams(indexType: string, given: KeyValues): KeyValues {
  const algorithm = given["inverted_index_algo"];
  if (algorithm !== undefined && !algorithms.includes(algorithm)) {
    throw parameterInvalid(
      `sparse inverted index algo ${algorithm} not found or not supported, supported: [${algorithms.join(" ")}]`,
    );
  }
  for (const name of ["drop_ratio_build", ...BM25_NUMBERS] as const) {
    const value = given[name];
    if (value !== undefined) checkSparseNumber(name, Number(value), value);
  }
  return { index_type: indexType };
}

export const BM25_NUMBERS = ["bm25_k1", "bm25_b", "bm25_avgdl"] as const;
type SparseNumber = (typeof BM25_NUMBERS)[number] | "drop_ratio_build" | "drop_ratio_search";

/** Refuses a number out of knowhere's bounds, in its words. */
export function checkSparseNumber(name: SparseNumber, value: number, text = String(value)): void {
  const [most, range] = bounds[name];
  const isShare = range.endsWith(")");
  if (value >= 0 && (isShare ? value < most : value <= most)) return;
  throw parameterInvalid(`Out of range in json: param '${name}' (${text}) should be in range ${range}`);
}

const share = [1, "[0.000000, 1.000000)"] as const;
const FLOAT_MAX = 2 ** 128 - 2 ** 104;

const bounds: Readonly<Record<SparseNumber, readonly [most: number, range: string]>> = {
  drop_ratio_build: share,
  drop_ratio_search: share,
  bm25_k1: [3, "[0.000000, 3.000000]"],
  bm25_b: [1, "[0.000000, 1.000000]"],
  bm25_avgdl: [FLOAT_MAX, `[0.000000, ${BigInt(FLOAT_MAX)}.000000]`],
};

const algorithms: readonly string[] = [
  "TAAT_NAIVE",
  "DAAT_WAND",
  "DAAT_MAXSCORE",
  "BLOCK_MAX_MAXSCORE",
  "BLOCK_MAX_WAND",
  "SINDI",
];
