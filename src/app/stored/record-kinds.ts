import { utf8Decode } from "../../base/bytes.ts";
import { CHANNEL_EPOCHS } from "../../core/catalog/channel-epoch.ts";
import type { RecordKind } from "../../core/catalog/catalog.ts";
import { SESSION_PREFIX, sessionCodec } from "../../core/session/sessions.ts";
import { CHANNELS, DELTA_LOGS, SEGMENTS } from "../../roles/datacoord/data-records.ts";
import { INDEXES, SEGMENT_INDEXES } from "../../roles/indexcoord/index-records.ts";
import { LOADS } from "../../roles/querycoord/query-coord.ts";
import { COLLECTIONS, DATABASES, INTENTS } from "../../roles/rootcoord/root-tables.ts";
import type { StoredMetadata } from "./read-metadata.ts";

/** All records that metadata holds, by the prefix of their keys (docs/internals/metadata.md). */
const MESSAGES: readonly RecordKind<unknown>[] = [
  erase(DATABASES),
  erase(COLLECTIONS),
  erase(INTENTS),
  erase(CHANNEL_EPOCHS),
  erase(SEGMENTS),
  erase(CHANNELS),
  erase(DELTA_LOGS),
  erase(INDEXES),
  erase(SEGMENT_INDEXES),
  erase(LOADS),
  erase({ prefix: SESSION_PREFIX, codec: sessionCodec }),
];

/** Keys whose value is a number of 8 bytes, little-endian. */
const NUMBERS: readonly string[] = ["root/id", "root/tso"];
/** Keys, or prefixes of them, whose value is text. */
const TEXTS: readonly string[] = ["leader/", "app/"];

/** The value of an entry, decoded; undefined when the key is none that this release writes. Throws ByteFormatError. */
export function decodeRecord(key: string, value: Uint8Array): unknown {
  const message = MESSAGES.find(({ prefix }) => key.startsWith(prefix));
  if (message !== undefined) return message.codec.decode(value);
  if (NUMBERS.includes(key) && value.length === 8) {
    return new DataView(value.buffer, value.byteOffset, 8).getBigUint64(0, true);
  }
  if (TEXTS.some((prefix) => key.startsWith(prefix))) return utf8Decode(value);
  return undefined;
}

/** All records of one kind. Throws ByteFormatError at the first that is malformed. */
export function recordsOf<T>(metadata: StoredMetadata, kind: RecordKind<T>): readonly T[] {
  return [...metadata.values].flatMap(([key, value]) =>
    key.startsWith(kind.prefix) ? [kind.codec.decode(value)] : [],
  );
}

/** A codec of one kind reads what it wrote; here nothing is written. */
function erase<T>({ prefix, codec }: RecordKind<T>): RecordKind<unknown> {
  const { name } = codec;
  const refuse = (): never => {
    throw new TypeError(`${name} is only read here`);
  };
  return { prefix, codec: { name, decode: (bytes) => codec.decode(bytes), encode: refuse } };
}
