import assert from "node:assert/strict";
import { ConsistencyLevelEnum, type MilvusClient, type RowData } from "@zilliz/milvus2-sdk-node";
import type { Prng } from "../../src/base/prng.ts";
import { checkRow, loadRow, must, partitions } from "./load-collection.ts";

/** What one write does to one key; `undefined` deletes it. */
export interface Change {
  readonly id: number;
  readonly value: number | undefined;
}

export type OperationKind =
  "insert" | "upsert" | "delete by key" | "delete by filter" | "read" | "flush" | "compact";

const batchRows = 60;

/**
 * A client that writes to keys of its own, one operation after the other, and knows what must be stored. A write that got no
 * answer stays in `unsettled` until somebody has looked.
 */
export class Writer {
  readonly number: number;
  /** What acknowledged writes left: value by key. */
  readonly settled = new Map<number, number>();
  unsettled: readonly Change[] = [];
  readonly counts = new Map<OperationKind, number>();
  readonly #client: () => MilvusClient;
  readonly #collection: string;
  readonly #random: Prng;
  readonly #keysMax: number;
  #value = 0;

  constructor(options: {
    readonly number: number;
    /** Asked for each operation: after a restart it is another one. */
    readonly client: () => MilvusClient;
    readonly collection: string;
    readonly random: Prng;
    /** The writer stays within this many keys. */
    readonly keysMax: number;
  }) {
    this.number = options.number;
    this.#client = options.client;
    this.#collection = options.collection;
    this.#random = options.random;
    this.#keysMax = options.keysMax;
  }

  /** One operation. Rejects when it got no good answer; what it may have changed is then unsettled. */
  async step(): Promise<OperationKind> {
    assert.equal(this.unsettled.length, 0, "the last write is not settled");
    const kind = this.#random.weighted<OperationKind>([
      [30, "insert"],
      [35, "upsert"],
      [10, "delete by key"],
      [7, "delete by filter"],
      [12, "read"],
      [4, "flush"],
      [0.5, "compact"],
    ]);
    await this.#run(kind);
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    return kind;
  }

  settle(changes: readonly Change[]): void {
    for (const { id, value } of changes) {
      if (value === undefined) this.settled.delete(id);
      else this.settled.set(id, value);
    }
  }

  async #run(kind: OperationKind): Promise<void> {
    const collection_name = this.#collection;
    switch (kind) {
      case "insert":
        return this.#put(this.#anyKeys(), (data, partition_name) =>
          this.#client().insert({ collection_name, partition_name, data }),
        );
      case "upsert":
        return this.#put(this.#knownKeys(), (data, partition_name) =>
          this.#client().upsert({ collection_name, partition_name, data }),
        );
      case "delete by key": {
        const ids = this.#knownKeys().slice(0, 20);
        return this.#write(
          ids.map((id) => ({ id, value: undefined })),
          () => this.#client().delete({ collection_name, ids }),
        );
      }
      case "delete by filter": {
        const from = this.#firstKey() + this.#random.between(0, this.#keysMax - 1);
        const gone = [...this.settled.keys()].filter((id) => id >= from && id < from + 30);
        const filter = `owner == ${this.number} and id >= ${from} and id < ${from + 30}`;
        return this.#write(
          gone.map((id) => ({ id, value: undefined })),
          () => this.#client().delete({ collection_name, filter }),
        );
      }
      case "read":
        return this.#readBack();
      case "flush":
        must(await this.#client().flush({ collection_names: [collection_name] }));
        return;
      case "compact":
        must(await this.#client().compact({ collection_name }));
        return;
    }
  }

  async #put(
    ids: readonly number[],
    send: (rows: RowData[], partition: string) => Promise<{ status: object }>,
  ): Promise<void> {
    const value = ++this.#value;
    const rows = ids.map((id): RowData => ({ ...loadRow(id, this.number, value) }));
    const partition = this.#random.pick(partitions);
    await this.#write(
      ids.map((id) => ({ id, value })),
      () => send(rows, partition),
    );
  }

  async #write(changes: readonly Change[], send: () => Promise<{ status: object }>): Promise<void> {
    this.unsettled = changes;
    must(await send());
    this.settle(changes);
    this.unsettled = [];
  }

  /** A strong read of some keys, there or not, must give exactly what was acknowledged. */
  async #readBack(): Promise<void> {
    const ids = this.#anyKeys();
    const read = must(
      await this.#client().query({
        collection_name: this.#collection,
        filter: `id in [${ids.join(",")}]`,
        output_fields: ["id", "value", "note"],
        consistency_level: ConsistencyLevelEnum.Strong,
      }),
    );
    const got = new Map(read.data.map((row) => [Number(row["id"]), Number(row["value"])]));
    assert.equal(got.size, read.data.length, "a key came back twice");
    for (const row of read.data) checkRow(row);
    for (const id of ids) {
      assert.equal(got.get(id), this.settled.get(id), `key ${id} of writer ${this.number}`);
    }
  }

  #firstKey(): number {
    return this.number * 1_000_000;
  }

  /** Distinct keys in a row, so that filters can name ranges; some are stored, some not. */
  #anyKeys(): readonly number[] {
    const count = this.#random.between(1, batchRows);
    const from = this.#firstKey() + this.#random.between(0, this.#keysMax - count - 1);
    return Array.from({ length: count }, (_, i) => from + i);
  }

  #knownKeys(): readonly number[] {
    const known = [...this.settled.keys()];
    if (known.length === 0) return this.#anyKeys();
    const from = this.#random.between(0, known.length - 1);
    return known.slice(from, from + this.#random.between(1, batchRows));
  }
}
