import { assertNever } from "../../base/assert.ts";
import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { DataType, dataTypeName, isDenseVector } from "../../model/data-type.ts";
import { isRelation } from "../../model/read.ts";
import type { VectorIndexSpec } from "../../ports/engine.ts";

/** Throws parameterInvalid when an index of this kind and parameters cannot be built over the spec's type and dimension. */
export function checkIndexKind({ index, fieldId, type, dim, metric }: VectorIndexSpec): void {
  if (isRelation(metric) && index.kind !== "FLAT")
    throw parameterInvalid(`metric of ${index.kind}`, { expected: "no relation", actual: metric });
  if (index.kind === "MINHASH_LSH" ? metric !== "MHJACCARD" : metric === "MHJACCARD" && index.kind !== "FLAT")
    throw parameterInvalid(`metric of ${index.kind} over field ${fieldId} is ${metric}`);
  if (!suits(index.kind, type))
    throw parameterInvalid(`${index.kind} over field ${fieldId} of type ${dataTypeName(type)}`);
  if ("nlist" in index) checkRange("nlist", index.nlist, 65_536);
  if (index.kind === "IVF_PQ") {
    checkRange("nbits", index.nbits, 8);
    checkRange("m", index.m, dim);
    if (dim % index.m !== 0)
      throw parameterInvalid("m", { expected: `a divisor of ${dim}`, actual: index.m });
  }
  if ("subs" in index) {
    checkRange("nbits", index.nbits, 8);
    checkRange("nrq", index.levels, 16);
    checkRange("m", index.subs, dim);
    if (dim % index.subs !== 0)
      throw parameterInvalid("m", { expected: `a divisor of ${dim}`, actual: index.subs });
  }
  if (index.kind === "DISKANN") {
    checkRange("max_degree", index.maxDegree, 2048);
    checkRange("search_list_size", index.searchList, 65_536);
    checkShare("pq_code_budget_gb_ratio", index.codesPerRow);
    checkShare("search_cache_budget_gb_ratio", index.cachedPerRow);
  }
  if (index.kind === "MINHASH_LSH") {
    checkRange("mh_lsh_band", index.bands, 0xffff_ffff);
    checkRange("bytes of mh_element_bit_width", index.elementBytes, MIN_HASH_ELEMENT_MAX);
    if (dim % (index.elementBytes * 8) !== 0)
      throw parameterInvalid("mh_element_bit_width", {
        expected: `a divisor of ${dim}`,
        actual: index.elementBytes * 8,
      });
  }
  if (index.kind === "SPARSE_INVERTED_INDEX" && metric === "BM25") {
    checkWithin("bm25_k1", index.bm25?.k1, 3);
    checkWithin("bm25_b", index.bm25?.b, 1);
  }
  if (index.kind === "SCANN" && dim % 2 !== 0)
    throw parameterInvalid("dimension for SCANN", { expected: "an even number", actual: dim });
}

/** Bytes. */
export const MIN_HASH_ELEMENT_MAX = 32;

function checkRange(name: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw parameterInvalid(name, { expected: `1 to ${most}`, actual: value });
}

function checkWithin(name: string, value: number | undefined, most: number): void {
  if (value === undefined || !(value >= 0 && value <= most))
    throw parameterInvalid(name, { expected: `0 to ${most}`, actual: value ?? "none" });
}

function checkShare(name: string, value: number): void {
  if (!Number.isFinite(value) || value < 0)
    throw parameterInvalid(name, { expected: "0 or more", actual: value });
}

function suits(kind: VectorIndexSpec["index"]["kind"], type: DataType): boolean {
  switch (kind) {
    case "FLAT":
      return true;
    case "HNSW":
      return isDenseVector(type);
    case "HNSW_SQ":
    case "HNSW_PQ":
    case "HNSW_PRQ":
    case "IVF_FLAT":
    case "IVF_SQ8":
    case "IVF_PQ":
    case "SCANN":
    case "IVF_RABITQ":
    case "DISKANN":
      return isDenseVector(type) && type !== DataType.BinaryVector;
    case "BIN_IVF_FLAT":
    case "MINHASH_LSH":
      return type === DataType.BinaryVector;
    case "SPARSE_INVERTED_INDEX":
      return type === DataType.SparseFloatVector;
    default:
      return assertNever(kind);
  }
}
