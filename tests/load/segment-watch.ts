import type { MilvusClient } from "@zilliz/milvus2-sdk-node";
import { must } from "./load-collection.ts";

export interface SegmentEvents {
  seals: number;
  flushes: number;
  compactions: number;
  handOvers: number;
}

/** Counts what happens to the segments of a collection by looking at them again and again from outside. */
export class SegmentWatch {
  readonly events: SegmentEvents = { seals: 0, flushes: 0, compactions: 0, handOvers: 0 };
  readonly #states = new Map<string, string>();
  readonly #queryable = new Map<string, string>();

  /** Looks once. Counts nothing the first time. */
  async look(client: MilvusClient, collection: string): Promise<void> {
    const persistent = must(await client.getPersistentSegmentInfo({ collectionName: collection }));
    this.#stored(persistent.infos.map(({ segmentID, state }) => [String(segmentID), String(state)]));
    const queryable = must(await client.getQuerySegmentInfo({ collectionName: collection }));
    this.#served(queryable.infos.map(({ segmentID, state }) => [String(segmentID), String(state)]));
  }

  #stored(segments: readonly (readonly [id: string, state: string])[]): void {
    const first = this.#states.size === 0;
    for (const [id, state] of segments) {
      const before = this.#states.get(id);
      this.#states.set(id, state);
      if (first || state === before || state === "Growing") continue;
      const wasGrowing = before === undefined || before === "Growing";
      if (wasGrowing) this.events.seals++;
      if (state === "Flushed") this.events.flushes++;
    }
    const present = new Set(segments.map(([id]) => id));
    for (const id of this.#states.keys()) {
      if (present.has(id)) continue;
      this.#states.delete(id);
      this.events.compactions++;
    }
  }

  #served(segments: readonly (readonly [id: string, state: string])[]): void {
    const first = this.#queryable.size === 0;
    for (const [id, state] of segments) {
      const before = this.#queryable.get(id);
      this.#queryable.set(id, state);
      if (!first && state !== before && state !== "Growing") this.events.handOvers++;
    }
    const present = new Set(segments.map(([id]) => id));
    for (const id of this.#queryable.keys()) if (!present.has(id)) this.#queryable.delete(id);
  }
}
