import { crc32c } from "../../base/crc32c.ts";
import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { corrupted } from "../../errors/service-errors.ts";
import type { FieldSchema } from "../../model/schema.ts";
import type { VectorIndexSpec } from "../../ports/engine.ts";

/**
 * The index files of the reference engine: what was built, over what, and nothing else, since every search is exact anyway.
 * 64 bytes, little-endian: magic "RKRX" at 0, version 1 (u16) at 4, kind (u16) at 6, field id (u32) at 8, data type (u32) at 12,
 * dimension (u32) at 16, rows (u32) at 20, two parameters (u32) at 24 and 28, zeros, CRC-32C of the first 60 bytes at 60.
 */
export interface IndexFile {
  readonly kind: IndexFileKind;
  readonly fieldId: number;
  readonly type: number;
  readonly dim: number;
  readonly rows: number;
  /** Graphs: M and efConstruction (on disk max_degree and search_list_size); lists: nlist and m; signatures: bytes of an element and bands; else 0. */
  readonly parameters: readonly [number, number];
}

export type IndexFileKind = VectorIndexSpec["index"]["kind"] | "sorted" | "bitmap";

const magic = 0x5852_4b52; // "RKRX", little-endian
const version = 1;
const fileBytes = 64;
const kinds: readonly IndexFileKind[] = [
  "HNSW",
  "FLAT",
  "sorted",
  "bitmap",
  "SPARSE_INVERTED_INDEX",
  "IVF_FLAT",
  "IVF_SQ8",
  "IVF_PQ",
  "SCANN",
  "IVF_RABITQ",
  "BIN_IVF_FLAT",
  "HNSW_SQ",
  "HNSW_PQ",
  "HNSW_PRQ",
  "DISKANN",
  "MINHASH_LSH",
];

export function writeIndexFile(index: IndexFile): Uint8Array {
  const bytes = new Uint8Array(fileBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic, true);
  view.setUint16(4, version, true);
  view.setUint16(6, kinds.indexOf(index.kind), true);
  view.setUint32(8, index.fieldId, true);
  view.setUint32(12, index.type, true);
  view.setUint32(16, index.dim, true);
  view.setUint32(20, index.rows, true);
  view.setUint32(24, index.parameters[0], true);
  view.setUint32(28, index.parameters[1], true);
  view.setUint32(60, crc32c(bytes.subarray(0, 60)), true);
  return bytes;
}

/** Throws corrupted for other bytes, parameterInvalid for an index over another field or over more rows than there are. */
export function readIndexFile(bytes: Uint8Array, field: FieldSchema, rows: number): IndexFile {
  const fail = (problem: string): never => {
    throw corrupted({ file: "index", problem });
  };
  if (bytes.length < fileBytes) fail(`${bytes.length} bytes are less than ${fileBytes}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, fileBytes);
  if (view.getUint32(0, true) !== magic) fail("the magic is not RKRX");
  if (view.getUint16(4, true) !== version) fail(`version ${view.getUint16(4, true)} is not known`);
  if (view.getUint32(60, true) !== crc32c(bytes.subarray(0, 60))) fail("its checksum does not fit");
  const kind = kinds[view.getUint16(6, true)] ?? fail(`kind ${view.getUint16(6, true)} is not known`);
  const index: IndexFile = {
    kind,
    fieldId: view.getUint32(8, true),
    type: view.getUint32(12, true),
    dim: view.getUint32(16, true),
    rows: view.getUint32(20, true),
    parameters: [view.getUint32(24, true), view.getUint32(28, true)],
  };
  if (index.fieldId !== field.id || index.type !== field.type || index.dim !== field.dim) {
    throw parameterInvalid(`the index is over field ${index.fieldId}, not ${field.id} (${field.name})`);
  }
  if (index.rows > rows) throw parameterInvalid("rows of the index", { expected: rows, actual: index.rows });
  return index;
}
