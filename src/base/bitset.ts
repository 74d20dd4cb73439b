/**
 * Bitmaps as bytes, least significant bit first (row i is bit i % 8 of byte i / 8), as Arrow and the engine lay them out.
 * Bits behind the last row are always 0 in what these functions produce.
 */

/** Bytes that hold `bitCount` bits. */
export function bitsetBytes(bitCount: number): number {
  return (bitCount + 7) >>> 3;
}

export function newBitset(bitCount: number, fill: 0 | 1 = 0): Uint8Array<ArrayBuffer> {
  const bits = new Uint8Array(bitsetBytes(bitCount));
  if (fill === 1) {
    bits.fill(0xff);
    clearTail(bits, bitCount);
  }
  return bits;
}

export function getBit(bits: Uint8Array, index: number): boolean {
  return (((bits[index >>> 3] ?? 0) >>> (index & 7)) & 1) === 1;
}

export function setBit(bits: Uint8Array, index: number): void {
  bits[index >>> 3] = (bits[index >>> 3] ?? 0) | (1 << (index & 7));
}

export function clearBit(bits: Uint8Array, index: number): void {
  bits[index >>> 3] = (bits[index >>> 3] ?? 0) & ~(1 << (index & 7));
}

/** Sets the bits from `start` up to, not including, `end`. */
export function setBitRange(bits: Uint8Array, start: number, end: number): void {
  let index = start;
  while (index < end && (index & 7) !== 0) setBit(bits, index++);
  const wholeBytesEnd = Math.max(index, end & ~7);
  bits.fill(0xff, index >>> 3, wholeBytesEnd >>> 3);
  for (index = wholeBytesEnd; index < end; index++) setBit(bits, index);
}

/** How many of the first `bitCount` bits are set. */
export function popcount(bits: Uint8Array, bitCount = bits.length * 8): number {
  const wholeBytes = bitCount >>> 3;
  let count = 0;
  let byte = 0;
  if (bits.byteOffset % 4 === 0) {
    const words = new Uint32Array(bits.buffer, bits.byteOffset, wholeBytes >>> 2);
    for (const word of words) count += popcount32(word);
    byte = words.length * 4;
  }
  for (; byte < wholeBytes; byte++) count += popcount32(bits[byte] ?? 0);
  const tail = bitCount & 7;
  if (tail !== 0) count += popcount32((bits[wholeBytes] ?? 0) & ((1 << tail) - 1));
  return count;
}

/** Number of set bits of a 32-bit word. */
export function popcount32(word: number): number {
  let v = word - ((word >>> 1) & 0x5555_5555);
  v = (v & 0x3333_3333) + ((v >>> 2) & 0x3333_3333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

/** `target &= other`. Both have the same length. */
export function andInto(target: Uint8Array, other: Uint8Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] ?? 0) & (other[i] ?? 0);
}

/** `target |= other`. */
export function orInto(target: Uint8Array, other: Uint8Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] ?? 0) | (other[i] ?? 0);
}

/** `target &= ~other`. */
export function andNotInto(target: Uint8Array, other: Uint8Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] ?? 0) & ~(other[i] ?? 0);
}

/** Flips the first `bitCount` bits and clears those behind. */
export function notInPlace(target: Uint8Array, bitCount: number): void {
  for (let i = 0; i < target.length; i++) target[i] = ~(target[i] ?? 0);
  clearTail(target, bitCount);
}

/** The first set bit at or after `from`, or -1. */
export function nextSetBit(bits: Uint8Array, from: number, bitCount: number): number {
  let index = from;
  while (index < bitCount) {
    const rest = (bits[index >>> 3] ?? 0) >>> (index & 7);
    if (rest !== 0) {
      index += 31 - Math.clz32(rest & -rest);
      return index < bitCount ? index : -1;
    }
    index = (index | 7) + 1;
  }
  return -1;
}

/** Positions of the set bits, ascending. */
export function* setBits(bits: Uint8Array, bitCount: number): IterableIterator<number> {
  for (let index = nextSetBit(bits, 0, bitCount); index >= 0; index = nextSetBit(bits, index + 1, bitCount))
    yield index;
}

/** Clears every bit from `bitCount` on. */
export function clearTail(bits: Uint8Array, bitCount: number): void {
  const wholeBytes = bitCount >>> 3;
  const tail = bitCount & 7;
  if (tail !== 0 && wholeBytes < bits.length) bits[wholeBytes] = (bits[wholeBytes] ?? 0) & ((1 << tail) - 1);
  bits.fill(0, bitsetBytes(bitCount));
}
