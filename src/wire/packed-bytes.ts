/** Many byte strings behind one another: value i is bytes[offsets[i], offsets[i + 1]). */
export interface PackedBytes {
  /** count + 1 entries, ascending; the first need not be 0. */
  readonly offsets: Int32Array;
  readonly bytes: Uint8Array;
}

export const NO_PACKED_BYTES: PackedBytes = Object.freeze({
  offsets: new Int32Array(1),
  bytes: new Uint8Array(0),
});

export function packedCount(packed: PackedBytes): number {
  return packed.offsets.length - 1;
}

/** A view of value `index`, which must exist. */
export function packedAt(packed: PackedBytes, index: number): Uint8Array {
  return packed.bytes.subarray(packed.offsets[index], packed.offsets[index + 1]);
}

export function packBytes(values: readonly Uint8Array[]): PackedBytes {
  const offsets = new Int32Array(values.length + 1);
  let total = 0;
  values.forEach((value, i) => {
    total += value.length;
    offsets[i + 1] = total;
  });
  const bytes = new Uint8Array(total);
  values.forEach((value, i) => bytes.set(value, offsets[i]));
  return { offsets, bytes };
}

export function packStrings(values: readonly string[]): PackedBytes {
  const encoder = new TextEncoder();
  return packBytes(values.map((value) => encoder.encode(value)));
}

export function unpackStrings(packed: PackedBytes): string[] {
  const decoder = new TextDecoder();
  return Array.from({ length: packedCount(packed) }, (_, i) => decoder.decode(packedAt(packed, i)));
}
