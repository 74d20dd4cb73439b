import type { Prng } from "../base/prng.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import type { CallContext } from "../model/call-context.ts";
import { keyCount, type Keys } from "../model/columns.ts";
import { timestamp, TIMESTAMP_ZERO, type Timestamp } from "../model/timestamp.ts";
import { AGE_MAX, EVERYTHING, randomFilter, TAGS, type SimFilter } from "./filters.ts";
import type { IssuedWrite } from "./model.ts";
import type { ReadLevel, SeenRow, ShardOutcome, SimProxy, SimWrite } from "./proxy.ts";
import { checkQuery, checkSearch } from "./read-check.ts";
import { DIM, keyList, type SimKey, type SimRow } from "./rows.ts";
import type { Handle, RunState } from "./run-state.ts";

/** One client that writes and reads; several run at once. Every answer is compared with the model. */
export class DataClient {
  readonly #run: RunState;
  readonly #random: Prng;
  /** Newest timestamp of an own write, by collection: what Session guarantees. */
  readonly #session = new Map<bigint, Timestamp>();

  constructor(run: RunState, name: string) {
    this.#run = run;
    this.#random = run.world.random(`client ${name}`);
  }

  /** One operation on some collection. */
  async step(): Promise<void> {
    const live = this.#run.handles;
    if (live.length === 0) return this.#run.world.pause(5, "no collection");
    const handle = this.#random.pick(live);
    const kind = this.#random.weighted(OPERATIONS);
    try {
      await this.#perform(kind, handle);
      this.#run.ended(kind);
    } catch (error) {
      this.#run.ended(kind, error);
    }
  }

  /** All rows of a collection, now, by query and by count; must succeed. */
  async verify(handle: Handle): Promise<void> {
    for (const kind of ["query", "count"] as const) {
      try {
        await this.#all(handle, kind);
      } catch (error) {
        this.#run.violation(`the last ${kind} of ${handle.name} failed: ${String(error)}`, error);
      }
    }
  }

  async #all(handle: Handle, kind: "query" | "count"): Promise<void> {
    const asked = { filter: EVERYTHING, countOnly: kind === "count" };
    const read = async (
      proxy: SimProxy,
      ctx: CallContext,
      name: string,
      at: ReadLevel,
      loaded: ReadonlySet<string> | undefined,
    ): Promise<Judged> => {
      const answer = await proxy.query(ctx, name, { ...asked, filter: "", at });
      return { answer, problem: () => checkQuery(this.#run.model, { ...asked, loaded }, answer) };
    };
    await this.#checked(handle, undefined, read, { level: "Strong" });
  }

  async #perform(kind: DataOperation, handle: Handle): Promise<void> {
    switch (kind) {
      case "insert":
      case "upsert":
        return this.#put(kind, handle);
      case "delete by key":
        return this.#deleteKeys(handle);
      case "delete by filter":
        return this.#deleteWhere(handle);
      case "partial upsert":
        return this.#partialUpsert(handle);
      case "query":
      case "get":
      case "count":
        return this.#query(kind, handle);
      case "iterate":
        return this.#iterate(handle);
      case "search":
        return this.#search(handle);
    }
  }

  async #put(kind: "insert" | "upsert", handle: Handle): Promise<void> {
    const keys = new Set<SimKey>();
    for (let left = this.#random.between(1, this.#random.chance(0.1) ? 30 : 5); left > 0; left--)
      keys.add(this.#run.randomKey(handle, this.#random));
    const rows = [...keys].map((key) => this.#randomRow(handle, key));
    const partition = this.#random.pick([...handle.partitions]);
    const deletes = kind === "upsert" ? rows.map((row) => row.key) : [];
    const write = this.#run.model.issue({
      kind,
      collectionId: handle.info.id,
      rows,
      mayDelete: (row) => deletes.includes(row.key),
    });
    await this.#write(handle, write, { rows, deletes, partition, deleteIn: undefined, condition: undefined });
  }

  async #deleteKeys(handle: Handle): Promise<void> {
    const deletes = [
      ...new Set(
        Array.from({ length: this.#random.between(1, 4) }, () => this.#run.randomKey(handle, this.#random)),
      ),
    ];
    const deleteIn = this.#random.chance(0.3) ? this.#random.pick([...handle.partitions]) : undefined;
    const write = this.#run.model.issue({
      kind: "delete by key",
      collectionId: handle.info.id,
      rows: [],
      mayDelete: (row) => handle.info.vchannels.length > 0 && deletes.includes(row.key),
    });
    await this.#write(handle, write, {
      rows: [],
      deletes,
      partition: undefined,
      deleteIn,
      condition: undefined,
    });
  }

  async #deleteWhere(handle: Handle): Promise<void> {
    if (!handle.loaded) return;
    const filter = this.#filter(handle);
    const write = this.#run.model.issue({
      kind: "delete by filter",
      collectionId: handle.info.id,
      rows: [],
      mayDelete: (row) => filter.matches(row) === true,
    });
    await this.#run.viaProxy(this.#random, DEADLINE_MS, async (proxy, ctx) => {
      let only: readonly SimKey[] | undefined;
      for (let round = 0; round < 10; round++) {
        const name = handle.name;
        const { rows, readAt } = await proxy.query(ctx, name, {
          filter: filter.text,
          at: { level: "Strong" },
          ...(only && { keys: only }),
        });
        if (rows.length === 0) break;
        const outcomes = await proxy.write(ctx, name, {
          rows: [],
          deletes: rows.map((row) => row.key),
          partition: undefined,
          deleteIn: undefined,
          condition: { readAt, onConflict: "skip" },
        });
        this.#failed(outcomes);
        only = outcomes.flatMap(({ deletes, result }) => {
          const keys = deletes === undefined ? [] : keyList(deletes);
          return (result?.skipped ?? []).flatMap((i) => keys[i] ?? []);
        });
        if (only.length === 0) break;
      }
    });
    this.#run.model.close(write);
  }

  async #partialUpsert(handle: Handle): Promise<void> {
    if (!handle.loaded || handle.loadedPartitions !== undefined) return;
    const key = this.#run.randomKey(handle, this.#random);
    const age = BigInt(this.#random.int(AGE_MAX));
    await this.#run.viaProxy(this.#random, DEADLINE_MS, async (proxy, ctx) => {
      for (let round = 0; round < 10; round++) {
        const { rows, readAt, info } = await proxy.query(ctx, handle.name, {
          filter: "",
          keys: [key],
          at: { level: "Strong" },
        });
        const before = rows[0];
        const known = this.#run.model.issued.get(before?.stamp ?? -1n)?.row;
        const row: SimRow =
          known === undefined
            ? this.#randomRow(handle, key)
            : { ...known, age, stamp: this.#run.nextStamp() };
        const write = this.#run.model.issue({
          kind: "partial upsert",
          collectionId: info.id,
          rows: [row],
          mayDelete: (other) => other.key === key,
          mayReplace: (replaced) => (replaced?.stamp ?? 0n) === (before?.stamp ?? 0n),
        });
        const outcomes = await proxy.write(ctx, handle.name, {
          rows: [row],
          deletes: [key],
          partition: this.#partitionOf(info.partitions, known),
          deleteIn: undefined,
          condition: { readAt, onConflict: "refuse" },
        });
        if (outcomes.some(({ error }) => isRedkiteError(error, "writeConflict"))) continue;
        this.#acknowledge(outcomes, write);
        return;
      }
    });
  }

  #partitionOf(partitions: Handle["info"]["partitions"], row: SimRow | undefined): string | undefined {
    return row === undefined ? undefined : partitions.find((part) => part.state === "Created")?.name;
  }

  async #query(kind: "query" | "get" | "count", handle: Handle): Promise<void> {
    if (!handle.loaded) return;
    const filter = kind === "get" || this.#random.chance(0.3) ? EVERYTHING : this.#filter(handle);
    const keys =
      kind === "get"
        ? [
            ...new Set(
              Array.from({ length: this.#random.between(1, 6) }, () =>
                this.#run.randomKey(handle, this.#random),
              ),
            ),
          ]
        : undefined;
    const limit = kind === "query" && this.#random.chance(0.3) ? this.#random.between(1, 12) : undefined;
    const partition = this.#random.chance(0.15) ? this.#random.pick([...handle.partitions]) : undefined;
    const asked = {
      filter,
      partition,
      countOnly: kind === "count",
      ...(keys && { keys }),
      ...(limit !== undefined && { limit }),
    };
    await this.#checked(handle, partition, async (proxy, ctx, name, at, loaded) => {
      const answer = await proxy.query(ctx, name, { ...asked, filter: filter.text, at });
      return { answer, problem: () => checkQuery(this.#run.model, { ...asked, loaded }, answer) };
    });
  }

  async #search(handle: Handle): Promise<void> {
    if (!handle.loaded) return;
    const filter = this.#random.chance(0.4) ? EVERYTHING : this.#filter(handle);
    const partition = this.#random.chance(0.15) ? this.#random.pick([...handle.partitions]) : undefined;
    const search = { vector: this.#randomVector(), metric: handle.metric, k: this.#random.between(1, 12) };
    await this.#checked(handle, partition, async (proxy, ctx, name, at, loaded) => {
      const answer = await proxy.search(ctx, name, { ...search, filter: filter.text, at, partition });
      const asked = { ...search, filter, partition, loaded, approximate: handle.approximate };
      return { answer, problem: () => checkSearch(this.#run.model, asked, answer) };
    });
  }

  /** All pages at the timestamp of the first. */
  async #iterate(handle: Handle): Promise<void> {
    if (!handle.loaded) return;
    let at: ReadLevel = { level: "Strong" };
    let last: SimKey | undefined;
    const limit = this.#random.between(3, 15);
    for (let page = 0; page < 20; page++) {
      const after = last;
      const filter: SimFilter =
        after === undefined
          ? EVERYTHING
          : {
              text: `id > ${typeof after === "string" ? `"${after}"` : after}`,
              matches: (row) => row.key > after,
            };
      let rows: readonly SeenRow[] = [];
      const fixed = at;
      await this.#checked(
        handle,
        undefined,
        async (proxy, ctx, name, _level, loaded) => {
          const answer = await proxy.query(ctx, name, { filter: filter.text, limit, at: fixed });
          rows = answer.rows;
          at = { level: "Explicit", timestamp: answer.readAt };
          return { answer, problem: () => checkQuery(this.#run.model, { filter, limit, loaded }, answer) };
        },
        fixed,
      );
      last = rows.at(-1)?.key;
      if (rows.length < limit) return;
      await this.#run.world.pause(this.#random.between(1, 30), "between pages");
    }
  }

  /** Reads, and judges the answer unless what could be seen changed meanwhile. */
  async #checked(
    handle: Handle,
    partition: string | undefined,
    read: (
      proxy: SimProxy,
      ctx: CallContext,
      name: string,
      at: ReadLevel,
      loaded: ReadonlySet<string> | undefined,
    ) => Promise<Judged>,
    at: ReadLevel = this.#level(handle),
  ): Promise<void> {
    const { version, lastWrite } = handle;
    const name = this.#random.pick([handle.name, ...handle.aliases]);
    const meaning = this.#run.names.get(name);
    const { answer, problem } = await this.#run.viaProxy(this.#random, DEADLINE_MS, async (proxy, ctx) =>
      read(proxy, ctx, name, at, handle.loadedPartitions),
    );
    const still = this.#run.names.get(name);
    if (meaning !== undefined && meaning === still && meaning !== answer.info.id)
      this.#run.violation(`${name} means collection ${String(meaning)}, but ${answer.info.id} answered`);
    if (at.level === "Strong" && answer.readAt <= lastWrite && answer.info.id === handle.info.id)
      this.#run.violation(
        `a Strong read at ${answer.readAt} began after a write at ${lastWrite} was acknowledged`,
      );
    if (answer.info.id !== handle.info.id || handle.version !== version) return;
    if (partition !== undefined && !handle.partitions.has(partition)) return;
    const wrong = problem();
    if (wrong !== undefined) this.#run.violation(`${at.level} read of ${name} at ${answer.readAt}: ${wrong}`);
  }

  async #write(handle: Handle, issued: IssuedWrite, write: SimWrite): Promise<void> {
    const name = this.#random.pick([handle.name, ...handle.aliases]);
    await this.#run.viaProxy(this.#random, DEADLINE_MS, async (proxy, ctx) => {
      this.#acknowledge(await proxy.write(ctx, name, write), issued, handle);
    });
  }

  #acknowledge(outcomes: readonly ShardOutcome[], issued: IssuedWrite, handle?: Handle): void {
    let newest: Timestamp = TIMESTAMP_ZERO;
    for (const { vchannel, result, rows, deletes } of outcomes) {
      if (result === undefined) continue;
      if (result.timestamp > newest) newest = result.timestamp;
      const keys = deletes === undefined ? [] : withoutSkipped(deletes, result.skipped);
      this.#run.model.acknowledged(
        vchannel,
        { at: result.timestamp, stamps: rows.map((row) => row.stamp), keys },
        `${issued.kind} ${issued.id}`,
      );
    }
    if (handle !== undefined && newest > handle.lastWrite && this.#run.handles.includes(handle))
      handle.lastWrite = newest;
    if (newest > (this.#session.get(issued.collectionId) ?? 0n))
      this.#session.set(issued.collectionId, newest);
    this.#failed(outcomes);
    this.#run.model.close(issued);
  }

  #failed(outcomes: readonly ShardOutcome[]): void {
    const failed = outcomes.find(({ error }) => error !== undefined);
    if (failed !== undefined) throw failed.error;
  }

  #level(handle: Handle): ReadLevel {
    const now = this.#run.approximateNow();
    const { retentionMs } = this.#run.deployment.tuning;
    switch (this.#random.int(8)) {
      case 0:
        return { level: "Bounded", graceMs: 100 + this.#random.int(100) };
      case 1:
        return { level: "Eventually" };
      case 2:
        return { level: "Session", last: this.#session.get(handle.info.id) ?? TIMESTAMP_ZERO };
      case 3:
        return {
          level: "Explicit",
          timestamp: timestamp(now - (BigInt(this.#random.int(Math.ceil(retentionMs * 1.2))) << 18n)),
        };
      default:
        return { level: "Strong" };
    }
  }

  #filter(handle: Handle): SimFilter {
    return randomFilter(this.#random, () => this.#run.randomKey(handle, this.#random));
  }

  #randomRow(handle: Handle, key: SimKey): SimRow {
    const extras: Record<string, bigint | undefined> = {};
    for (const field of handle.info.schema.fields) {
      if (field.name.startsWith("extra") && this.#random.chance(0.6))
        extras[field.name] = this.#random.chance(0.2) ? undefined : BigInt(this.#random.int(100));
    }
    return {
      key,
      stamp: this.#run.nextStamp(),
      age: this.#random.chance(0.15) ? undefined : BigInt(this.#random.int(AGE_MAX)),
      tag: this.#random.pick(TAGS),
      vector: this.#randomVector(),
      extras,
    };
  }

  #randomVector(): readonly number[] {
    return Array.from({ length: DIM }, () => this.#random.between(-8, 8));
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

const DEADLINE_MS = 3_000;

/** An answer, and what is wrong with it. */
interface Judged {
  readonly answer: { readonly info: Handle["info"]; readonly readAt: Timestamp };
  readonly problem: () => string | undefined;
}

function withoutSkipped(keys: Keys, skipped: readonly number[]): readonly SimKey[] {
  const gone = new Set(skipped);
  return gone.size === 0
    ? keyList(keys)
    : keyList(keys)
        .slice(0, keyCount(keys))
        .filter((_, i) => !gone.has(i));
}
