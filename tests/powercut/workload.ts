import { DataType, MilvusClient } from "@zilliz/milvus2-sdk-node";
import type { Prng } from "../../src/base/prng.ts";
import type { Operation, WorkNote } from "./expectation.ts";

/** Inserts, upserts, deletes, flushes and DDL from several clients at once; every request and answer is noted. */
export class Workload {
  readonly #note: (note: WorkNote) => void;
  readonly #rng: Prng;
  #ids = 0;
  #phase = 0;
  #temporary = 0;

  constructor(rng: Prng, note: (note: WorkNote) => void) {
    this.#rng = rng;
    this.#note = note;
  }

  /** Makes what all clients write to. */
  async prepare(address: string): Promise<void> {
    const client = new MilvusClient({ address });
    for (const [name, shards] of COLLECTIONS) await this.#create(client, name, shards);
    await client.closeConnection();
  }

  /** Runs until `until` resolves; where the server dies then, requests may fail from then on, else none may. */
  async run(address: string, until: Promise<void>, end: "server dies" | "server lives"): Promise<void> {
    const phase = this.#phase++;
    const state = { ended: false };
    void until.then(() => (state.ended = true));
    const clients: MilvusClient[] = [];
    const client = (): MilvusClient => {
      const made = new MilvusClient({ address, maxRetries: 0, timeout: 120_000 });
      clients.push(made);
      return made;
    };
    try {
      const jobs = [
        ...Array.from({ length: WRITERS }, async (_, i) => this.#write(client(), phase * WRITERS + i, state)),
        this.#flush(client(), state),
        this.#define(client(), state),
      ];
      const results = await Promise.allSettled(jobs);
      const failed = results.find((result) => result.status === "rejected");
      if (failed !== undefined && !(end === "server dies" && state.ended)) throw failed.reason;
    } finally {
      await Promise.allSettled(clients.map(async (made) => made.closeConnection()));
    }
  }

  /** One client with keys of its own. */
  async #write(client: MilvusClient, writer: number, state: { readonly ended: boolean }): Promise<void> {
    const rng = this.#rng.fork(`writer ${writer}`);
    const alive = new Map<string, number[]>(COLLECTIONS.map(([name]) => [name, []]));
    let next = writer * KEYS_PER_WRITER;
    await client.connectPromise;
    while (!state.ended) {
      const [collection] = rng.pick(COLLECTIONS);
      const keys = alive.get(collection) ?? [];
      const dice = rng.int(100);
      if (dice < 50 || keys.length < 10) {
        const fresh = Array.from({ length: 1 + rng.int(20) }, () => next++);
        await this.#put(client, collection, fresh, "insert");
        keys.push(...fresh);
      } else if (dice < 80) {
        await this.#put(client, collection, sample(rng, keys, 10), "upsert");
      } else {
        const gone = sample(rng, keys, 5);
        const operation = this.#send({ kind: "delete", collection, keys: gone });
        succeeded(await client.delete({ collection_name: collection, filter: `id in [${gone.join(",")}]` }));
        this.#note({ acknowledged: operation.id });
        alive.set(
          collection,
          keys.filter((key) => !gone.includes(key)),
        );
      }
      await pause(5 + rng.int(20));
    }
  }

  async #put(
    client: MilvusClient,
    collection: string,
    keys: readonly number[],
    how: "insert" | "upsert",
  ): Promise<void> {
    const operation = this.#send({ kind: "put", collection, keys });
    const data = keys.map((id) => ({
      id,
      version: operation.id,
      text: `${operation.id} `.repeat(id % 40),
      vector: vectorOf(id),
    }));
    succeeded(await client[how]({ collection_name: collection, data }));
    this.#note({ acknowledged: operation.id });
  }

  async #flush(client: MilvusClient, state: { readonly ended: boolean }): Promise<void> {
    await client.connectPromise;
    while (!state.ended) {
      for (const [name] of COLLECTIONS) {
        await pause(150);
        if (!state.ended) succeeded((await client.flush({ collection_names: [name] })).status);
      }
    }
  }

  /** Collections that come and go. */
  async #define(client: MilvusClient, state: { readonly ended: boolean }): Promise<void> {
    await client.connectPromise;
    while (!state.ended) {
      const name = `temporary_${this.#temporary++}`;
      await this.#create(client, name, 1);
      await this.#put(client, name, [1, 2, 3], "insert");
      if (this.#temporary % 2 === 0) {
        const operation = this.#send({ kind: "drop", collection: name });
        succeeded(await client.dropCollection({ collection_name: name }));
        this.#note({ acknowledged: operation.id });
      }
      await pause(300);
    }
  }

  async #create(client: MilvusClient, collection: string, shards: number): Promise<void> {
    const operation = this.#send({ kind: "create", collection, shards });
    const fields = [
      { name: "id", data_type: DataType.Int64, is_primary_key: true },
      { name: "version", data_type: DataType.Int64 },
      { name: "text", data_type: DataType.VarChar, max_length: 1000 },
      { name: "vector", data_type: DataType.FloatVector, dim: DIM },
    ];
    succeeded(await client.createCollection({ collection_name: collection, fields, shards_num: shards }));
    this.#note({ acknowledged: operation.id });
    succeeded(await client.createIndex({ collection_name: collection, ...INDEX }));
    succeeded(await client.loadCollection({ collection_name: collection }));
  }

  #send(operation: WithoutId<Operation>): Operation {
    const sent = { id: ++this.#ids, ...operation } as Operation;
    this.#note({ sent });
    return sent;
  }
}

type WithoutId<O> = O extends Operation ? Omit<O, "id"> : never;

/** Name and shards. */
const COLLECTIONS: readonly (readonly [string, number])[] = [
  ["one", 1],
  ["two", 2],
];
const WRITERS = 4;
const DIM = 4;
/** Of every collection. */
export const INDEX = {
  field_name: "vector",
  index_name: "near",
  index_type: "HNSW",
  metric_type: "L2",
  params: { M: 4, efConstruction: 16 },
};
const KEYS_PER_WRITER = 1_000_000;

interface Status {
  readonly code?: number;
  readonly reason?: string;
}

/** The SDK hands statuses over instead of throwing. */
export function succeeded(answer: Status | { readonly status: Status }): void {
  const status = "status" in answer ? answer.status : answer;
  if ((status.code ?? 0) !== 0) throw new Error(`the server answered: ${status.reason ?? "no reason"}`);
}

function sample(rng: Prng, keys: readonly number[], max: number): number[] {
  const from = rng.int(keys.length);
  return keys.slice(from, from + 1 + rng.int(max));
}

function vectorOf(id: number): number[] {
  return Array.from({ length: DIM }, (_, i) => Math.fround(Math.cos(id + i)));
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
