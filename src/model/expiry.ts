import type { KeyValues } from "./schema.ts";
import { msBefore, TIMESTAMP_ZERO, type Timestamp } from "./timestamp.ts";

/** Property: rows of a collection expire so many seconds after they began. */
export const TTL_KEY = "collection.ttl.seconds";
/** Property: the field that says until when each row of a collection lives. */
export const TTL_FIELD_KEY = "ttl_field";

/** Rows that began at or below it have expired by `at`; zero where rows do not expire by their age. */
export function expiredUpTo(properties: KeyValues, at: Timestamp): Timestamp {
  const ttlSeconds = Number(properties[TTL_KEY] ?? 0);
  return ttlSeconds > 0 ? msBefore(at, ttlSeconds * 1000) : TIMESTAMP_ZERO;
}
