import type { Prng } from "../base/prng.ts";
import { STATUS, UNCERTAIN_MS, type AdminCalls } from "./admin-calls.ts";
import { SCALAR_INDEXES, type SimIndexType } from "./index-types.ts";
import { indexTypeOf } from "./index-watch.ts";
import type { Handle, RunState } from "./run-state.ts";

/** Creates and drops indexes of every type. */
export class AdminIndexes {
  readonly #run: RunState;
  readonly #random: Prng;
  readonly #calls: AdminCalls;

  constructor(run: RunState, random: Prng, calls: AdminCalls) {
    this.#run = run;
    this.#random = random;
    this.#calls = calls;
  }

  async ensureVectorIndex(handle: Handle): Promise<void> {
    if (!(await this.indexed(handle, "vector"))) await this.createIndexOn(handle, "vector");
  }

  async createIndex(handle: Handle): Promise<void> {
    if (!(await this.indexed(handle, "vector"))) return this.createIndexOn(handle, "vector");
    const fieldName = this.#random.pick(SCALAR_FIELDS);
    if (!(await this.indexed(handle, fieldName))) await this.createIndexOn(handle, fieldName);
  }

  /** Of any type that the field may have, but for one. */
  async createIndexOn(
    handle: Handle,
    fieldName: keyof typeof SCALAR_INDEXES | "vector",
    but?: string,
  ): Promise<void> {
    const types: readonly SimIndexType[] =
      fieldName === "vector" ? handle.vectorIndexes : SCALAR_INDEXES[fieldName];
    const type = this.#random.pick(types.length > 1 ? types.filter(({ name }) => name !== but) : types);
    const metric = fieldName === "vector" ? { metric_type: handle.metric } : {};
    const chosen = { index_type: type.name, ...metric, ...type.params };
    const created = this.#calls.call((proxy, ctx) =>
      proxy.call(ctx, "CreateIndex", ["milvus.CreateIndexRequest", STATUS], {
        collectionName: handle.name,
        fieldName,
        indexName: `i_${fieldName}`,
        extraParams: Object.entries(chosen).map(([key, value]) => ({ key, value })),
      }),
    );
    await created.catch(async (error: unknown) => {
      // It may come yet, and where nobody sees it another one is made.
      await this.#run.world.pause(UNCERTAIN_MS, "outcome unknown");
      throw error;
    });
  }

  /** Of a loaded collection only indexes of scalars can go. */
  async dropIndex(handle: Handle): Promise<void> {
    const fieldName = this.#random.pick([...SCALAR_FIELDS, "vector"] as const);
    if (fieldName !== "vector" || !handle.loaded) await this.dropIndexOn(handle, fieldName);
  }

  async dropIndexOn(handle: Handle, fieldName: string): Promise<void> {
    await this.#calls.change(handle, (proxy, ctx) =>
      proxy.call(ctx, "DropIndex", ["milvus.DropIndexRequest", STATUS], {
        collectionName: handle.name,
        fieldName,
        indexName: `i_${fieldName}`,
      }),
    );
  }

  async indexed(handle: Handle, fieldName: string): Promise<boolean> {
    return (await this.indexType(handle, fieldName)) !== undefined;
  }

  async indexType(handle: Handle, fieldName: string): Promise<string | undefined> {
    const indexes = await this.#calls.call((proxy, ctx) =>
      proxy.coordinators.indexCoord.listIndexes(ctx, { collectionId: handle.info.id }),
    );
    const index = indexes.find(({ name }) => name === `i_${fieldName}`);
    return index && indexTypeOf(index);
  }
}

export const SCALAR_FIELDS = ["age", "tag"] as const;
