/**
 * Hybrid timestamps: physical milliseconds << 18 | logical counter, 64 bits.
 * Order of timestamps is order of writes on a vchannel.
 */

declare const brand: unique symbol;
export type Timestamp = bigint & { readonly [brand]: "Timestamp" };

export const LOGICAL_BITS = 18n;
export const LOGICAL_MAX = (1n << LOGICAL_BITS) - 1n;
/** Larger than any timestamp handed out; the end of a row version that nothing has ended. */
export const TIMESTAMP_MAX = ((1n << 64n) - 1n) as Timestamp;
export const TIMESTAMP_ZERO = 0n as Timestamp;

export const timestamp = (v: bigint): Timestamp => v as Timestamp;

export function composeTimestamp(physicalMs: bigint, logical: bigint): Timestamp {
  return ((physicalMs << LOGICAL_BITS) | logical) as Timestamp;
}

export function physicalMs(ts: Timestamp): bigint {
  return ts >> LOGICAL_BITS;
}

export function logicalPart(ts: Timestamp): bigint {
  return ts & LOGICAL_MAX;
}

/** The timestamp of so many milliseconds earlier, fractions left out; zero where that would lie before all time. */
export function msBefore(at: Timestamp, ms: number): Timestamp {
  const before = physicalMs(at) - BigInt(Math.floor(ms));
  return before > 0n ? composeTimestamp(before, 0n) : TIMESTAMP_ZERO;
}
