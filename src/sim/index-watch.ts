import type { MetaChange } from "../adapters/meta/key-space.ts";
import type { CollectionId } from "../model/ids.ts";
import type { IndexInfo } from "../model/schema.ts";
import type { SegmentIndexMeta } from "../model/segment-meta.ts";
import { INDEXES, SEGMENT_INDEXES } from "../roles/indexcoord/index-records.ts";
import { FIELD } from "./rows.ts";

/** A file of an index as metadata names it. */
export interface IndexFile {
  readonly key: string;
  /** Of the index, as coverage calls it. */
  readonly type: string;
}

/** Watches metadata for what becomes of indexes: built, replaced by one of another type, and built anew after their file was harmed. */
export class IndexWatch {
  readonly #seen: (event: string) => void;
  readonly #definitions = new Map<string, IndexInfo>();
  readonly #records = new Map<string, SegmentIndexMeta>();
  /** Type of the last index that was dropped from a field. */
  readonly #dropped = new Map<string, string>();
  readonly #harmed = new Set<string>();
  /** Slots of builds that were forgotten after harm. */
  readonly #lost = new Set<string>();

  constructor(seen: (event: string) => void) {
    this.#seen = seen;
  }

  onCommit(changes: readonly MetaChange[]): void {
    for (const change of changes) {
      const key = change.type === "put" ? change.entry.key : change.key;
      const value = change.type === "put" ? change.entry.value : undefined;
      if (key.startsWith(INDEXES.prefix)) this.#onDefinition(key, value && INDEXES.codec.decode(value));
      else if (key.startsWith(SEGMENT_INDEXES.prefix))
        this.#onRecord(key, value && SEGMENT_INDEXES.codec.decode(value));
    }
  }

  files(): readonly IndexFile[] {
    return [...this.#records.values()].flatMap((record) => {
      const definition = this.#definitionOf(record);
      return record.file === undefined || definition === undefined
        ? []
        : [{ key: record.file.key, type: typeOf(definition) }];
    });
  }

  harmed({ key, type }: IndexFile, how: "damaged" | "missing"): void {
    this.#harmed.add(key);
    this.#seen(`${type} ${how}`);
  }

  /** A read was answered, and judged right, that may have used the indexes of these fields. */
  searched(collectionId: CollectionId, fieldIds: readonly number[]): void {
    for (const definition of this.#definitions.values()) {
      if (definition.collectionId !== collectionId || !fieldIds.includes(definition.fieldId)) continue;
      const isScan = definition.params["index_type"] === "FLAT";
      const isBuilt = [...this.#records.values()].some(
        ({ indexId, state }) => indexId === definition.id && state === "Finished",
      );
      if (isScan || isBuilt) this.#seen(`${typeOf(definition)} searched`);
    }
  }

  #onDefinition(key: string, after: IndexInfo | undefined): void {
    const before = this.#definitions.get(key);
    if (after !== undefined) this.#definitions.set(key, after);
    else if (before !== undefined) {
      this.#definitions.delete(key);
      this.#dropped.set(placeOf(before), typeOf(before));
    }
  }

  #onRecord(key: string, after: SegmentIndexMeta | undefined): void {
    const before = this.#records.get(key);
    if (before?.file !== undefined && this.#harmed.has(before.file.key)) this.#lost.add(key);
    if (after === undefined) {
      this.#records.delete(key);
      return;
    }
    this.#records.set(key, after);
    const definition = this.#definitionOf(after);
    if (after.state !== "Finished" || definition === undefined) return;
    const type = typeOf(definition);
    this.#seen(`${type} built`);
    if (this.#lost.delete(key)) this.#seen(`${type} built anew`);
    const replaced = this.#dropped.get(placeOf(definition));
    if (replaced !== undefined && replaced !== type) this.#seen(`${type} swapped`);
  }

  #definitionOf({ indexId }: SegmentIndexMeta): IndexInfo | undefined {
    return this.#definitions.get(INDEXES.prefix + String(indexId));
  }
}

/** As users call it. */
export function indexTypeOf({ isAuto, userParams }: IndexInfo): string {
  return isAuto ? "AUTOINDEX" : (userParams["index_type"] ?? "");
}

/** As coverage calls it. */
function typeOf(info: IndexInfo): string {
  return info.fieldId === FIELD.vector ? indexTypeOf(info) : `${indexTypeOf(info)} on scalars`;
}

const placeOf = ({ collectionId, fieldId }: IndexInfo): string => `${collectionId}/${fieldId}`;
