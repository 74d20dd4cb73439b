import { ClientSession } from "./client-session.ts";
import { DataReads } from "./data-reads.ts";
import { DataWrites } from "./data-writes.ts";
import type { Handle, RunState } from "./run-state.ts";

/** One client that writes and reads; several run at once. Every answer is compared with the model. */
export class DataClient {
  readonly #session: ClientSession;
  readonly #writes: DataWrites;
  readonly #reads: DataReads;

  constructor(run: RunState, name: string) {
    this.#session = new ClientSession(run, name);
    this.#writes = new DataWrites(this.#session);
    this.#reads = new DataReads(this.#session);
  }

  /** One operation on some collection. */
  async step(): Promise<void> {
    const { run, random } = this.#session;
    if (run.handles.length === 0) return run.world.pause(5, "no collection");
    const handle = random.pick(run.handles);
    const kind = random.weighted(OPERATIONS);
    try {
      await this.#perform(kind, handle);
      run.ended(kind);
    } catch (error) {
      run.ended(kind, error);
    }
  }

  /** All rows of a collection, now, by query and by count; must succeed. */
  async verify(handle: Handle): Promise<void> {
    for (const kind of ["query", "count"] as const) {
      try {
        await this.#reads.all(handle, kind);
      } catch (error) {
        this.#session.run.violation(`the last ${kind} of ${handle.name} failed: ${String(error)}`, error);
      }
    }
  }

  async #perform(kind: DataOperation, handle: Handle): Promise<void> {
    switch (kind) {
      case "insert":
      case "upsert":
        return this.#writes.put(kind, handle);
      case "delete by key":
        return this.#writes.deleteKeys(handle);
      case "delete by filter":
        return this.#writes.deleteWhere(handle);
      case "partial upsert":
        return this.#writes.partialUpsert(handle);
      case "query":
      case "get":
      case "count":
        return this.#reads.query(kind, handle);
      case "iterate":
        return this.#reads.iterate(handle);
      case "search":
        return this.#reads.search(handle);
    }
  }
}

const OPERATIONS = [
  [18, "insert"],
  [14, "upsert"],
  [8, "delete by key"],
  [4, "delete by filter"],
  [5, "partial upsert"],
  [12, "query"],
  [8, "get"],
  [8, "count"],
  [3, "iterate"],
  [14, "search"],
] as const;

export type DataOperation = (typeof OPERATIONS)[number][1];
export const DATA_OPERATIONS: readonly DataOperation[] = OPERATIONS.map(([, kind]) => kind);
