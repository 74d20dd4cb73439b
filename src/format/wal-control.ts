import { ByteReader, ByteWriter } from "../base/bytes.ts";

/** What the head of a log file says (docs/internals/wal.md): the state of the log before the file. */
export interface WalHead {
  /** Where the valid contents of the file before end; 0 when this is the first. */
  readonly predecessorEnd: bigint;
  readonly nextTopic: number;
  readonly topics: readonly WalHeadTopic[];
}

export interface WalHeadTopic {
  readonly number: number;
  readonly name: string;
  readonly truncated: bigint;
  /** Of its last record, 0 when it has none. */
  readonly last: bigint;
}

export const WAL_VERSION = 1;

export function encodeWalHead(head: WalHead): Uint8Array {
  const writer = new ByteWriter();
  writer.u32(WAL_VERSION).u64(head.predecessorEnd).u32(head.nextTopic).u32(head.topics.length);
  for (const topic of head.topics) {
    writer.u32(topic.number).u64(topic.truncated).u64(topic.last).string(topic.name);
  }
  return writer.finish();
}

/** @returns the version alone when it is newer than this release knows. Throws ByteFormatError on anything malformed. */
export function decodeWalHead(bytes: Uint8Array): WalHead | { readonly newerVersion: number } {
  const reader = new ByteReader(bytes);
  const version = reader.u32();
  if (version > WAL_VERSION) return { newerVersion: version };
  const predecessorEnd = reader.u64();
  const nextTopic = reader.u32();
  const topics: WalHeadTopic[] = [];
  for (let left = reader.u32(); left > 0; left--) {
    topics.push({ number: reader.u32(), truncated: reader.u64(), last: reader.u64(), name: reader.string() });
  }
  reader.end();
  return { predecessorEnd, nextTopic, topics };
}

export function encodeWalTruncate(upTo: bigint): Uint8Array {
  return new ByteWriter({ capacity: 8 }).u64(upTo).finish();
}

/** Throws ByteFormatError on anything malformed. */
export function decodeWalTruncate(bytes: Uint8Array): bigint {
  const reader = new ByteReader(bytes);
  const upTo = reader.u64();
  reader.end();
  return upTo;
}
