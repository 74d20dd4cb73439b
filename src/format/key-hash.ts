import { assert } from "../base/assert.ts";
import { keyCount, type Keys } from "../model/columns.ts";

/**
 * Which of `targets` (shards by number, or partitions of a partition key by number) each key belongs to: hash modulo count,
 * as Milvus routes primary keys and partition keys alike. Stored with the collection as KEY_HASH_VERSION, because rows are
 * found only where they were routed to.
 */
export function routeKeys(keys: Keys, targets: number): Uint32Array {
  assert(Number.isInteger(targets) && targets > 0, `keys cannot be routed to ${targets} targets`);
  const routes = new Uint32Array(keyCount(keys));
  if (keys.kind === "int64") {
    for (let i = 0; i < routes.length; i++) routes[i] = hashInt64Key(keys.values[i] ?? 0n) % targets;
    return routes;
  }
  for (let i = 0; i < routes.length; i++) {
    const text = keys.bytes.subarray(keys.offsets[i] ?? 0, keys.offsets[i + 1] ?? 0);
    routes[i] = hashTextKey(text) % targets;
  }
  return routes;
}

/** Changes when a hash function here does; older collections keep theirs. */
export const KEY_HASH_VERSION = 1;

/** MurmurHash3 (x86, 32 bits, seed 0; Austin Appleby) of the key's 8 bytes, little-endian, without the sign bit. */
export function hashInt64Key(key: bigint): number {
  let hash = murmurBlock(0, Number(BigInt.asIntN(32, key)));
  hash = murmurBlock(hash, Number(BigInt.asIntN(32, key >> 32n)));
  hash ^= 8;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) & 0x7fff_ffff;
}

/** CRC-32 (IEEE 802.3) of the first 100 bytes of the key's UTF-8, even where they end inside a character. */
export function hashTextKey(text: Uint8Array): number {
  const table = (crcTable ??= buildCrcTable());
  const end = Math.min(text.length, TEXT_BYTES_MAX);
  let crc = -1;
  for (let i = 0; i < end; i++) crc = (crc >>> 8) ^ (table[(crc ^ (text[i] ?? 0)) & 0xff] ?? 0);
  return ~crc >>> 0;
}

const TEXT_BYTES_MAX = 100;

let crcTable: Int32Array | undefined;

function buildCrcTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, value) => {
    let crc = value;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
    return crc;
  });
}

function murmurBlock(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e_2d51);
  k = (k << 15) | (k >>> 17);
  const mixed = hash ^ Math.imul(k, 0x1b87_3593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe654_6b64) | 0;
}
