import { crc32c } from "../../base/crc32c.ts";
import { dataTypeName } from "../../model/data-type.ts";
import { describeValue } from "./describe-value.ts";

/** Magics of index files: docs/internals/key-index.md, scalar-index.md, flat-index-file.md, hnsw-index-file.md, minhash-index-file.md. */
export const IndexMagic = {
  key: "RKKI",
  scalar: "RKSI",
  flat: "RKFL",
  hnsw: "RKHN",
  minHash: "RKMH",
} as const;

/** The header of an index file, undefined when the magic is none of an index. Throws RangeError on a file that is too short. */
export function describeIndex(magic: string, bytes: Uint8Array): Iterable<string> | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = () => view.getUint16(4, true);
  switch (magic) {
    case IndexMagic.key:
      return describeValue({
        file: "key index",
        version: version(),
        keys: view.getUint8(6) === 0 ? "int64" : "varchar",
        rows: view.getUint32(8, true),
        totalBytes: view.getBigUint64(16, true),
        firstHashes: hashes(view, Math.min(8, view.getUint32(8, true))),
      });
    case IndexMagic.scalar:
      return describeValue({
        file: "scalar index",
        version: version(),
        kind: view.getUint8(6) === 0 ? "sorted" : "bitmap",
        type: dataTypeName(view.getUint8(7)),
        rows: view.getUint32(8, true),
        entries: view.getUint32(12, true),
        totalBytes: view.getBigUint64(16, true),
      });
    case IndexMagic.flat:
      return describeValue({ file: "FLAT index", version: version(), rows: view.getUint32(8, true) });
    case IndexMagic.hnsw:
      return describeHnsw(view, bytes);
    case IndexMagic.minHash:
      return describeMinHash(view, bytes);
    default:
      return undefined;
  }
}

function describeHnsw(view: DataView, bytes: Uint8Array): Iterable<string> {
  const u32 = (at: number) => view.getUint32(at, true);
  const u64 = (at: number) => view.getBigUint64(at, true);
  const intact = crc32c(bytes.subarray(0, 252)) === u32(252);
  const levels = u32(44);
  return describeValue({
    file: "HNSW index",
    version: view.getUint16(4, true),
    headerChecksum: intact ? "right" : "DAMAGED",
    vectors: VECTOR_TYPES[view.getUint8(6)] ?? view.getUint8(6),
    metric: METRICS[view.getUint8(7)] ?? view.getUint8(7),
    dimension: u32(8),
    rows: u32(12),
    nodes: u32(16),
    m: u32(20),
    efConstruction: u32(24),
    entryRow: u32(28),
    seed: u64(32),
    upperNodes: u32(40),
    levels,
    nodesByLevel: Array.from({ length: Math.min(levels, 31) }, (_, level) => u32(128 + level * 4)),
    linkSlots: u32(48),
    codes: codesText(u32(52)),
    codeStride: u32(56),
    codeScale: view.getFloat32(60, true),
    sections: {
      upperRows: u64(64),
      upperLinks: u64(72),
      center: u64(80),
      biases: u64(88),
      codes: u64(96),
      links: u64(104),
      checksums: u64(112),
    },
    totalBytes: u64(120),
    damagedBlocks: damagedBlocks(bytes, Number(u64(112))),
  });
}

function describeMinHash(view: DataView, bytes: Uint8Array): Iterable<string> {
  const u32 = (at: number) => view.getUint32(at, true);
  const u64 = (at: number) => view.getBigUint64(at, true);
  return describeValue({
    file: "MINHASH_LSH index",
    version: view.getUint16(4, true),
    headerChecksum: crc32c(bytes.subarray(0, 252)) === u32(252) ? "right" : "DAMAGED",
    metric: METRICS[view.getUint8(7)] ?? view.getUint8(7),
    dimension: u32(8),
    rows: u32(12),
    nodes: u32(16),
    elementBytes: u32(20),
    bands: u32(24),
    elementsOfBand: u32(28),
    bucketBits: u32(32),
    sections: { starts: u64(40), entries: u64(48), checksums: u64(56) },
    totalBytes: u64(64),
    damagedBlocks: damagedBlocks(bytes, Number(u64(56))),
  });
}

/** docs/internals/hnsw-index-file.md, code kind. */
function codesText(kind: number): string {
  const raw = (kind & 255) % 2 === 1 ? ", then the raw rows" : "";
  switch (kind & 255) {
    case 0:
      return "none";
    case 1:
    case 2:
      return `unsigned 8-bit${raw}`;
    case 3:
    case 4:
      return `products of ${(kind >> 8) & 255} bits in ${(kind >> 16) & 255} levels${raw}`;
    default:
      return `unknown ${kind}`;
  }
}

/** Numbers of the 1 MiB blocks between the header and `end`, where their checksums lie, whose checksum differs. */
function damagedBlocks(bytes: Uint8Array, end: number): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const damaged: number[] = [];
  for (
    let start = HEADER_BYTES, block = 0;
    start < Math.min(end, bytes.length);
    start += BLOCK_BYTES, block++
  ) {
    const at = end + block * 4;
    const stored = at + 4 <= bytes.length ? view.getUint32(at, true) : undefined;
    if (crc32c(bytes.subarray(start, Math.min(start + BLOCK_BYTES, end))) !== stored) damaged.push(block);
  }
  return damaged;
}

function hashes(view: DataView, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => view.getBigUint64(64 + i * 8, true).toString(16));
}

const HEADER_BYTES = 256;
const BLOCK_BYTES = 1 << 20;
const VECTOR_TYPES: readonly string[] = ["f32", "f16", "bf16", "i8", "binary"];
const METRICS: readonly string[] = [
  "L2",
  "IP",
  "COSINE",
  "HAMMING",
  "JACCARD",
  "SUBSTRUCTURE",
  "SUPERSTRUCTURE",
  "MHJACCARD",
];
