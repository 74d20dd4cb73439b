import { corrupted } from "../../errors/service-errors.ts";
import { keyCount, type Keys } from "../../model/columns.ts";

/** Numbers of docs/internals/key-index.md. */
const magic = 0x494b_4b52; // "RKKI", little-endian
const version = 1;
const headerBytes = 64;
const mask = (1n << 64n) - 1n;

/** The file of docs/internals/key-index.md over all rows of a segment. */
export function buildKeyIndexFile(keys: Keys): Uint8Array {
  const rows = keyCount(keys);
  const hashes = keyHashes(keys);
  const order = Array.from({ length: rows }, (_, row) => row).sort((a, b) => {
    const [ha = 0n, hb = 0n] = [hashes[a], hashes[b]];
    return ha < hb ? -1 : ha > hb ? 1 : a - b;
  });
  const { rowsAt, total } = layout(rows);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic, true);
  view.setUint16(4, version, true);
  view.setUint8(6, kindCode(keys));
  view.setUint32(8, rows, true);
  view.setBigUint64(16, BigInt(total), true);
  order.forEach((row, i) => {
    view.setBigUint64(headerBytes + i * 8, hashes[row] ?? 0n, true);
    view.setUint32(rowsAt + i * 4, row, true);
  });
  return bytes;
}

/** Throws corrupted unless `bytes` are the key index of exactly these keys. */
export function verifyKeyIndexFile(bytes: Uint8Array, keys: Keys): void {
  const fail = (problem: string): never => {
    throw corrupted({ file: "key index", problem });
  };
  if (bytes.length < headerBytes) fail(`${bytes.length} bytes are less than a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== magic) fail("the magic is not RKKI");
  if (view.getUint16(4, true) !== version) fail(`version ${view.getUint16(4, true)} is not known`);
  if (view.getUint8(6) !== kindCode(keys)) fail(`key kind ${view.getUint8(6)} does not fit the key column`);
  const rows = keyCount(keys);
  if (view.getUint32(8, true) !== rows)
    fail(`it is of ${view.getUint32(8, true)} rows, the segment has ${rows}`);
  const { rowsAt, total } = layout(rows);
  if (view.getBigUint64(16, true) !== BigInt(total) || bytes.length < total) {
    fail(`it has ${bytes.length} bytes and names ${view.getBigUint64(16, true)}, ${rows} rows need ${total}`);
  }
  const hashes = keyHashes(keys);
  const seen = new Uint8Array(rows);
  let previous = -1n;
  for (let i = 0; i < rows; i++) {
    const hash = view.getBigUint64(headerBytes + i * 8, true);
    const row = view.getUint32(rowsAt + i * 4, true);
    if (hash < previous) fail(`hashes fall at entry ${i}`);
    if (row >= rows) fail(`entry ${i} names row ${row} of ${rows}`);
    if (seen[row] === 1) fail(`row ${row} occurs twice`);
    if (hash !== hashes[row]) fail(`entry ${i} does not hold the hash of row ${row}`);
    seen[row] = 1;
    previous = hash;
  }
}

function layout(rows: number): { rowsAt: number; total: number } {
  const up = (offset: number) => Math.ceil(offset / 64) * 64;
  const rowsAt = up(headerBytes + rows * 8);
  return { rowsAt, total: up(rowsAt + rows * 4) };
}

function kindCode(keys: Keys): number {
  return keys.kind === "int64" ? 0 : 1;
}

function keyHashes(keys: Keys): bigint[] {
  if (keys.kind === "int64") return Array.from(keys.values, (key) => mix(BigInt.asUintN(64, key)));
  return Array.from({ length: keyCount(keys) }, (_, i) =>
    hashText(keys.bytes.subarray(keys.offsets[i] ?? 0, keys.offsets[i + 1] ?? 0)),
  );
}

function mix(value: bigint): bigint {
  let z = value ^ (value >> 30n);
  z = (z * 0xbf58476d1ce4e5b9n) & mask;
  z ^= z >> 27n;
  z = (z * 0x94d049bb133111ebn) & mask;
  return z ^ (z >> 31n);
}

function hashText(text: Uint8Array): bigint {
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8);
  padded.set(text);
  const view = new DataView(padded.buffer);
  let h = (BigInt(text.length) * 0x9e3779b97f4a7c15n) & mask;
  for (let at = 0; at < padded.length; at += 8) {
    const word = view.getBigUint64(at, true);
    const product = (h ^ word) * 0xa0761d6478bd642fn;
    const rotated = ((word << 29n) | (word >> 35n)) & mask;
    h = (product & mask) ^ (product >> 64n) ^ rotated;
  }
  return mix(h);
}
