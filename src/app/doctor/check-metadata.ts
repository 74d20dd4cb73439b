import { ByteFormatError } from "../../base/bytes.ts";
import type { RecordKind } from "../../core/catalog/catalog.ts";
import { decodeDataVersion } from "../../format/data-version.ts";
import type { CollectionId } from "../../model/ids.ts";
import type { CollectionInfo, IndexInfo } from "../../model/schema.ts";
import type { ChannelMeta, DeltaLogMeta, SegmentIndexMeta, SegmentMeta } from "../../model/segment-meta.ts";
import { CHANNELS, DELTA_LOGS, SEGMENTS } from "../../roles/datacoord/data-records.ts";
import { INDEXES, SEGMENT_INDEXES } from "../../roles/indexcoord/index-records.ts";
import { COLLECTIONS } from "../../roles/rootcoord/root-tables.ts";
import { META_VERSION_KEY } from "../folder-version.ts";
import type { StoredMetadata } from "../stored/read-metadata.ts";
import { decodeRecord, recordsOf } from "../stored/record-kinds.ts";
import { problemOf, type Findings } from "./findings.ts";

/** What metadata says there is. */
export interface Inventory {
  readonly collections: ReadonlyMap<CollectionId, CollectionInfo>;
  readonly channels: readonly ChannelMeta[];
  readonly segments: readonly SegmentMeta[];
  readonly deltaLogs: readonly DeltaLogMeta[];
  readonly indexes: readonly IndexInfo[];
  readonly segmentIndexes: readonly SegmentIndexMeta[];
}

export const METADATA_FILE = "meta/meta.sqlite";
const RESTORE = "restore the data folder from a backup, all parts of the same moment";

/** Decodes every entry and looks for references that lead nowhere. Entries that cannot be decoded are left out of the inventory. */
export function checkMetadata(metadata: StoredMetadata, findings: Findings): Inventory {
  const readable = new Map<string, Uint8Array>();
  for (const [key, value] of metadata.values) if (checkEntry(key, value, findings)) readable.set(key, value);
  const all = <T>(kind: RecordKind<T>) => recordsOf({ revision: metadata.revision, values: readable }, kind);
  const inventory: Inventory = {
    collections: new Map(all(COLLECTIONS).map((info) => [info.id, info])),
    channels: all(CHANNELS),
    segments: all(SEGMENTS),
    deltaLogs: all(DELTA_LOGS),
    indexes: all(INDEXES),
    segmentIndexes: all(SEGMENT_INDEXES),
  };
  checkVersion(readable, findings);
  checkReferences(inventory, findings);
  return inventory;
}

/** `collection default/books`, by name where metadata knows it. */
export function collectionName(inventory: Inventory, id: CollectionId): string {
  const info = inventory.collections.get(id);
  return info === undefined ? `collection ${id}` : `collection ${info.databaseName}/${info.name}`;
}

function checkEntry(key: string, value: Uint8Array, findings: Findings): boolean {
  try {
    if (decodeRecord(key, value) !== undefined) return true;
    findings.note({
      file: METADATA_FILE,
      concerns: undefined,
      problem: `the entry ${key} is unknown to this release`,
      remedy: "nothing: a newer release may have left it",
    });
    return false;
  } catch (error) {
    if (!(error instanceof ByteFormatError)) throw error;
    const problem = `the entry ${key} cannot be read: ${problemOf(error)}`;
    findings.damage({ file: METADATA_FILE, concerns: undefined, problem, remedy: RESTORE });
    return false;
  }
}

function checkVersion(values: ReadonlyMap<string, Uint8Array>, findings: Findings): void {
  const value = values.get(META_VERSION_KEY);
  try {
    decodeDataVersion(value ?? new Uint8Array(0), META_VERSION_KEY);
  } catch (error) {
    const problem = `the version of the metadata: ${value === undefined ? "it is missing" : problemOf(error)}`;
    findings.damage({ file: METADATA_FILE, concerns: undefined, problem, remedy: RESTORE });
  }
}

function checkReferences(inventory: Inventory, findings: Findings): void {
  const { collections, channels, segments, indexes, segmentIndexes } = inventory;
  const dangling = (concerns: string, problem: string): void => {
    findings.damage({ file: METADATA_FILE, concerns, problem, remedy: RESTORE });
  };
  const channelNames = new Set(channels.map(({ vchannel }) => vchannel));
  const segmentIds = new Set(segments.map(({ id }) => id));
  for (const info of collections.values()) {
    if (info.state !== "Created") continue;
    for (const vchannel of info.vchannels) {
      if (!channelNames.has(vchannel))
        dangling(collectionName(inventory, info.id), `its channel ${vchannel} is unknown`);
    }
  }
  for (const { vchannel, collectionId, dropped } of channels) {
    if (!dropped && !collections.has(collectionId))
      dangling(`channel ${vchannel}`, `its collection ${collectionId} is unknown`);
  }
  for (const { id, vchannel, state } of segments) {
    if (state !== "Dropped" && !channelNames.has(vchannel))
      dangling(`segment ${id}`, `its channel ${vchannel} is unknown`);
  }
  for (const { id, name, collectionId, droppedAt } of indexes) {
    if (droppedAt === undefined && !collections.has(collectionId))
      dangling(`index ${name} (${id})`, `its collection ${collectionId} is unknown`);
  }
  for (const { segmentId, indexId, state } of segmentIndexes) {
    if (state === "Finished" && !segmentIds.has(segmentId))
      findings.note({
        file: METADATA_FILE,
        concerns: `index ${indexId}`,
        problem: `its segment ${segmentId} is gone`,
        remedy: "nothing: the record is collected while the server runs",
      });
  }
}
