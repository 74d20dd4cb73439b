import type { Prng } from "../../src/base/prng.ts";

/** Numbers at which parsers go wrong. */
const EDGES = [
  0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];

/**
 * A damaged copy of a valid sample: bytes and whole numbers changed, parts moved, zeroed, cut out, doubled or taken from another sample.
 *
 * @param hot ranges that are hit more often than their size earns: heads and tables
 */
export function mutate(
  random: Prng,
  sample: Uint8Array,
  options: {
    readonly hot?: readonly (readonly [from: number, to: number])[];
    readonly other?: Uint8Array;
  } = {},
): Uint8Array {
  let bytes: Uint8Array = sample.slice();
  for (let changes = random.between(1, 4); changes > 0 && bytes.length > 0; changes--) {
    bytes = change(random, bytes, place(random, bytes.length, options.hot ?? []), options.other);
  }
  return bytes;
}

function place(random: Prng, length: number, hot: readonly (readonly [number, number])[]): number {
  if (hot.length === 0 || random.chance(0.3)) return random.int(length);
  const [from, to] = random.pick(hot);
  return Math.min(length - 1, random.between(from, Math.max(from, to - 1)));
}

function change(random: Prng, bytes: Uint8Array, at: number, other: Uint8Array | undefined): Uint8Array {
  switch (random.int(12)) {
    case 0:
    case 1:
      bytes[at] = random.int(256);
      return bytes;
    case 2:
    case 3:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8));
      return bytes;
    case 4:
    case 5:
      return number(random, bytes, at);
    case 6:
      return nearby(random, bytes, at);
    case 7:
      bytes.fill(random.pick([0, 0xff, 0x80]), at, at + random.between(1, 16));
      return bytes;
    case 8:
      bytes.copyWithin(at, random.int(bytes.length), random.int(bytes.length) + 1);
      return bytes;
    case 9:
      return bytes.slice(0, at);
    case 10: {
      const end = Math.min(bytes.length, at + random.between(1, 64));
      const part = bytes.subarray(at, end);
      // Doubled or left out.
      return random.chance(0.5)
        ? joined(bytes.subarray(0, end), part, bytes.subarray(end))
        : joined(bytes.subarray(0, at), bytes.subarray(end));
    }
    default: {
      const source = other ?? bytes;
      if (source.length === 0) return bytes;
      const from = random.int(source.length);
      const part = source.subarray(from, from + random.between(1, 64)).slice();
      bytes.set(part.subarray(0, bytes.length - at), at);
      return bytes;
    }
  }
}

/** A number of 1, 2, 4 or 8 bytes, aligned most of the time, becomes one at an edge. */
function number(random: Prng, bytes: Uint8Array, at: number): Uint8Array {
  const width = random.pick([1, 2, 4, 4, 8]);
  const start = random.chance(0.8) ? at - (at % width) : at;
  let value = BigInt(random.pick(EDGES));
  if (random.chance(0.2)) value = BigInt(bytes.length + random.between(-8, 8));
  if (width === 8 && random.chance(0.3)) value <<= 32n;
  for (let i = 0; i < width && start + i < bytes.length; i++)
    bytes[start + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return bytes;
}

/** Adds a little to a 32-bit number: off by one, off by a row, off by an alignment. */
function nearby(random: Prng, bytes: Uint8Array, at: number): Uint8Array {
  const start = at - (at % 4);
  if (start + 4 > bytes.length) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const by = random.pick([-64, -8, -4, -1, 1, 4, 8, 64]);
  view.setUint32(start, (view.getUint32(start, true) + by) >>> 0, true);
  return bytes;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
