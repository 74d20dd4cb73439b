import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import type { FieldSchema, KeyValues } from "../../../model/schema.ts";
import { integerParam } from "./integer-param.ts";

/** Checks and completes the parameters of an index for MHJACCARD, with knowhere's bounds and defaults. */
export function minHashParams(indexType: string, field: FieldSchema, given: KeyValues): KeyValues {
  const width = integerParam(given, "mh_element_bit_width", { lower: 8, upper: 256, otherwise: 8 });
  const dim = Number(field.typeParams["dim"] ?? 0);
  if (Number(width) % 8 !== 0)
    throw parameterInvalid(`mh_element_bit_width (${width}) should be a multiple of 8`);
  if (dim % Number(width) !== 0) {
    throw parameterInvalid(
      `The dimension of a vector (dim) should be a multiple of mh_element_bit_width. Dimension:${dim}, mh_element_bit_width:${width}`,
    );
  }
  const bands = integerParam(given, "mh_lsh_band", { lower: -INT_MAX, upper: INT_MAX, otherwise: 1 });
  if (indexType === "MINHASH_LSH") checkIgnored(given);
  return {
    index_type: indexType,
    mh_element_bit_width: width,
    // As Milvus takes them: at least one, at most one for each element.
    mh_lsh_band: String(Math.min(Math.max(Number(bands), 1), dim / Number(width))),
  };
}

/** What changes nothing here: hashes are mapped and found without a bloom filter, and the raw vectors are those of the segment. */
function checkIgnored(given: KeyValues): void {
  integerParam(given, "mh_lsh_aligned_block_size", { lower: 4096, upper: INT_MAX, otherwise: 4096 });
  for (const key of ["with_raw_data", "mh_lsh_code_in_mem", "mh_lsh_shared_bloom_filter"]) {
    const text = given[key];
    // Milvus's Go client sends numbers.
    if (text !== undefined && !/^(?:true|false|\d{1,15})$/i.test(text))
      throw parameterInvalid(`Type conflict in json: param '${key}' ("${text}") should be a boolean`);
  }
  const share = given["mh_lsh_bloom_false_positive_prob"];
  if (share !== undefined && (share.trim() === "" || Number.isNaN(Number(share))))
    throw parameterInvalid(`invalid float value, key: 'mh_lsh_bloom_false_positive_prob', value: '${share}'`);
  if (share !== undefined && !(Number(share) >= 0 && Number(share) <= 1))
    throw parameterInvalid(
      `Out of range in json: param 'mh_lsh_bloom_false_positive_prob' (${share}) should be in range [0.000000, 1.000000]`,
    );
}

const INT_MAX = 2_147_483_647;
