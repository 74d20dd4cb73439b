import type { KeyValues } from "../model/schema.ts";
import type { KeyValuePair } from "./messages.gen.ts";

/** Pairs in a record, in their order; of a key given twice the last counts, as in Milvus. */
export function fromPairs(pairs: readonly KeyValuePair[]): KeyValues {
  // A key such as __proto__ is a key like any other.
  const record: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const { key, value } of pairs) record[key] = value;
  return record;
}

export function toPairs(record: KeyValues): KeyValuePair[] {
  return Object.entries(record).map(([key, value]) => ({ key, value }));
}
