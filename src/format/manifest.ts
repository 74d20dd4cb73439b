import { ByteFormatError } from "../base/bytes.ts";
import type { CollectionId, PartitionId, SegmentId, VChannel } from "../model/ids.ts";
import { defineMessage, field, nested, optional, repeated } from "./message.ts";

/** docs/internals/manifest.md */
export interface Manifest {
  readonly segmentId: SegmentId;
  readonly collectionId: CollectionId;
  readonly partitionId: PartitionId;
  readonly vchannel: VChannel;
  readonly rows: number;
  readonly schemaVersion: number;
  readonly groups: readonly FileGroup[];
  readonly keyIndex: StoredFile;
  readonly ends: EndsFile | undefined;
  readonly stats: readonly StoredFieldStats[];
}

export interface StoredFile {
  readonly key: string;
  readonly bytes: number;
  readonly crc32c: number;
}

/** An Arrow file with the columns of some fields; field 1 is the begin timestamp. */
export interface FileGroup extends StoredFile {
  readonly fieldIds: readonly number[];
}

export interface EndsFile extends StoredFile {
  readonly count: number;
}

/** Minimum and maximum in the one representation that fits the field's type; undefined when all rows are null. */
export interface StoredFieldStats {
  readonly fieldId: number;
  readonly nulls: number;
  readonly min: StoredScalar | undefined;
  readonly max: StoredScalar | undefined;
}

export interface StoredScalar {
  readonly int: bigint | undefined;
  readonly double: number | undefined;
  readonly text: string | undefined;
  readonly bool: boolean | undefined;
}

export type ScalarStat = bigint | number | string | boolean | undefined;

export function storeScalar(value: ScalarStat): StoredScalar | undefined {
  if (value === undefined) return undefined;
  return {
    int: typeof value === "bigint" ? value : undefined,
    double: typeof value === "number" ? value : undefined,
    text: typeof value === "string" ? value : undefined,
    bool: typeof value === "boolean" ? value : undefined,
  };
}

export function loadScalar(stored: StoredScalar | undefined): ScalarStat {
  return stored?.int ?? stored?.double ?? stored?.text ?? stored?.bool;
}

const MAGIC = 0x464d_4b52; // "RKMF"
const VERSION = 1;
const HEADER_BYTES = 8;

const storedFields = {
  key: field(1, "string"),
  bytes: field(2, "uint64"),
  crc32c: field(3, "uint32"),
} as const;

interface FileOnDisk {
  readonly key: string;
  readonly bytes: bigint;
  readonly crc32c: number;
}
const storedFile = defineMessage<FileOnDisk>("StoredFile", storedFields);
const fileGroup = defineMessage<FileOnDisk & { readonly fieldIds: readonly number[] }>("FileGroup", {
  ...storedFields,
  fieldIds: repeated(4, "uint32"),
});
const endsFile = defineMessage<FileOnDisk & { readonly count: number }>("EndsFile", {
  ...storedFields,
  count: field(4, "uint32"),
});
const storedScalar = defineMessage<StoredScalar>("StoredScalar", {
  int: optional(1, "int64"),
  double: optional(2, "double"),
  text: optional(3, "string"),
  bool: optional(4, "bool"),
});
const fieldStats = defineMessage<StoredFieldStats>("StoredFieldStats", {
  fieldId: field(1, "uint32"),
  nulls: field(2, "uint32"),
  min: optional(3, nested(storedScalar)),
  max: optional(4, nested(storedScalar)),
});

type ManifestOnDisk = Omit<Manifest, "groups" | "keyIndex" | "ends"> & {
  readonly groups: readonly (FileOnDisk & { readonly fieldIds: readonly number[] })[];
  readonly keyIndex: FileOnDisk;
  readonly ends: (FileOnDisk & { readonly count: number }) | undefined;
};
const manifest = defineMessage<ManifestOnDisk>("Manifest", {
  segmentId: field(1, "uint64"),
  collectionId: field(2, "uint64"),
  partitionId: field(3, "uint64"),
  vchannel: field(4, "string"),
  rows: field(5, "uint32"),
  schemaVersion: field(6, "uint32"),
  groups: repeated(7, nested(fileGroup)),
  keyIndex: field(8, nested(storedFile)),
  ends: optional(9, nested(endsFile)),
  stats: repeated(10, nested(fieldStats)),
});

export function encodeManifest(value: Manifest): Uint8Array {
  const body = manifest.encode({
    ...value,
    groups: value.groups.map((group) => ({ ...group, bytes: BigInt(group.bytes) })),
    keyIndex: { ...value.keyIndex, bytes: BigInt(value.keyIndex.bytes) },
    ends: value.ends && { ...value.ends, bytes: BigInt(value.ends.bytes) },
  });
  const out = new Uint8Array(HEADER_BYTES + body.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, VERSION, true);
  out.set(body, HEADER_BYTES);
  return out;
}

/** Throws ByteFormatError on bytes that are no manifest of a known version. */
export function decodeManifest(bytes: Uint8Array): Manifest {
  if (bytes.length < HEADER_BYTES)
    throw new ByteFormatError(`a manifest of ${bytes.length} bytes is too short`, 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC)
    throw new ByteFormatError("this is not a manifest: the magic differs", 0);
  const version = view.getUint16(4, true);
  if (version !== VERSION)
    throw new ByteFormatError(`manifest version ${version} is unknown (known: ${VERSION})`, 4);
  const value = manifest.decode(bytes.subarray(HEADER_BYTES));
  return {
    ...value,
    groups: value.groups.map(fileOf),
    keyIndex: fileOf(value.keyIndex),
    ends: value.ends && fileOf(value.ends),
  };
}

function fileOf<F extends FileOnDisk>(file: F): Omit<F, "bytes"> & { readonly bytes: number } {
  if (file.bytes > BigInt(Number.MAX_SAFE_INTEGER))
    throw new ByteFormatError(`file ${file.key} cannot have ${file.bytes} bytes`, 0);
  return { ...file, bytes: Number(file.bytes) };
}
