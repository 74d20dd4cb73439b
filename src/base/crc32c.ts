/**
 * CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected), eight bytes a step ("slicing-by-8", Kounavis and Berry 2005).
 * Formats take the function as a parameter, so that the engine's instruction replaces this where it runs hot.
 *
 * @param previous the checksum of the bytes before, to continue over parts
 * @returns an unsigned 32-bit number
 */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = (tables ??= buildTables());
  let crc = ~previous;
  let i = 0;
  // Every index below is masked to 8 bits or bounded by the loop, so `!` cannot be undefined.
  for (const end = bytes.length - 7; i < end; i += 8) {
    const low = crc ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
    crc =
      t7[low & 0xff]! ^
      t6[(low >>> 8) & 0xff]! ^
      t5[(low >>> 16) & 0xff]! ^
      t4[low >>> 24]! ^
      t3[bytes[i + 4]!]! ^
      t2[bytes[i + 5]!]! ^
      t1[bytes[i + 6]!]! ^
      t0[bytes[i + 7]!]!;
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[i]!) & 0xff]!;
  return ~crc >>> 0;
}

/** Checksum of `bytes`, continued from `previous`: what formats accept in place of `crc32c`. */
export type Checksum = (bytes: Uint8Array, previous?: number) => number;

type Table = Int32Array;
type Tables = readonly [Table, Table, Table, Table, Table, Table, Table, Table];

const reflectedPolynomial = 0x82f63b78;
let tables: Tables | undefined;

function buildTables(): Tables {
  const first = new Int32Array(256);
  for (let value = 0; value < 256; value++) {
    let crc = value;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ reflectedPolynomial : crc >>> 1;
    first[value] = crc;
  }
  const next = (table: Table) => table.map((crc) => (crc >>> 8) ^ first[crc & 0xff]!);
  const t1 = next(first);
  const t2 = next(t1);
  const t3 = next(t2);
  const t4 = next(t3);
  const t5 = next(t4);
  const t6 = next(t5);
  return [first, t1, t2, t3, t4, t5, t6, next(t6)];
}
