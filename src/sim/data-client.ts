import type { Prng } from "../base/prng.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import { serviceUnavailable } from "../errors/service-errors.ts";
import type { CallContext } from "../model/call-context.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { physicalMs, timestamp, TIMESTAMP_ZERO, type Timestamp } from "../model/timestamp.ts";
import { encode, type Init } from "../wire/codec.ts";
import type { MessageTypes } from "../wire/messages.gen.ts";
import { fromWireStatus } from "../wire/status-wire.ts";
import { AGE_MAX, EVERYTHING, randomFilter, TAGS, type SimFilter } from "./filters.ts";
import { WIDEST } from "./index-types.ts";
import type { IssuedWrite } from "./model.ts";
import { checkQuery, checkSearch, type AskedQuery, type SimQueryAnswer } from "./read-check.ts";
import {
  FIELD,
  literal,
  seenHits,
  seenRows,
  wireFields,
  type SeenRow,
  type SimKey,
  type SimRow,
} from "./rows.ts";
import type { Handle, RunState } from "./run-state.ts";
import type { ServedProxy } from "./served-proxy.ts";
import { VECTORS, wireQuery } from "./vectors.ts";

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
    const asked: AskedQuery = { filter: EVERYTHING, countOnly: kind === "count" };
    await this.#checked(handle, undefined, this.#queryOf(asked), { level: "Strong" });
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
    const write = this.#run.model.issue({
      kind,
      collectionId: handle.info.id,
      rows,
      mayDelete: (row) => kind === "upsert" && keys.has(row.key),
    });
    const fields = ["id", "stamp", "age", "tag", "vector", ...extraNames(handle)];
    await this.#writeRows(handle, write, {
      partialUpdate: false,
      partitionName: this.#random.pick([...handle.partitions]),
      fieldsData: wireFields(rows, fields, handle.vectorKind),
    });
  }

  /** Some columns of rows: what it does not name must stay as it is at the record, not as it was when somebody read it. */
  async #partialUpsert(handle: Handle): Promise<void> {
    if (!handle.loaded || handle.loadedPartitions !== undefined) return;
    const keys = new Set<SimKey>();
    for (let left = this.#random.between(1, 3); left > 0; left--)
      keys.add(this.#run.randomKey(handle, this.#random));
    const rows = [...keys].map((key) => this.#randomRow(handle, key));
    // Without tag and vector only rows that exist can be changed.
    const keepsTag = this.#random.chance(0.3);
    const keepsAge = !keepsTag || this.#random.chance(0.3);
    const write = this.#run.model.issue({
      kind: "partial upsert",
      collectionId: handle.info.id,
      rows,
      mayDelete: (row) => keys.has(row.key),
      merge: (row, before) => ({
        ...row,
        age: keepsAge ? before?.age : row.age,
        tag: keepsTag ? (before?.tag ?? "") : row.tag,
        vector: keepsTag ? (before?.vector ?? []) : row.vector,
        extras: before?.extras ?? {},
      }),
    });
    const fields = ["id", "stamp", ...(keepsAge ? [] : ["age"]), ...(keepsTag ? [] : ["tag", "vector"])];
    /** Stamps of the rows as they are now; undefined while one is not there. */
    const present = (): string | undefined => {
      const stamps = rows.map(
        ({ key }) =>
          handle.info.vchannels.flatMap((v) => this.#run.model.channel(v).now(key)?.stamp ?? [])[0],
      );
      return stamps.includes(undefined) ? undefined : stamps.join();
    };
    const werePresent = present();
    try {
      await this.#writeRows(handle, write, {
        partialUpdate: true,
        partitionName: this.#random.pick([...handle.partitions]),
        fieldsData: wireFields(rows, fields, handle.vectorKind),
      });
    } catch (error) {
      // A row that is not there needs all of its fields.
      const mayLack = keepsTag && (werePresent === undefined || present() !== werePresent);
      if (!mayLack || !isRedkiteError(error, "parameterInvalid")) throw error;
    }
  }

  async #writeRows(
    handle: Handle,
    issued: IssuedWrite,
    request: Pick<
      Init<MessageTypes["milvus.UpsertRequest"]>,
      "partialUpdate" | "partitionName" | "fieldsData"
    >,
  ): Promise<void> {
    const { info } = handle;
    const numRows = issued.rows.length;
    const answer = await this.#write(
      handle,
      request.partitionName ?? "",
      async (proxy, ctx, collectionName) =>
        issued.kind === "insert"
          ? proxy.call(ctx, "Insert", INSERT, { collectionName, numRows, ...request })
          : proxy.call(ctx, "Upsert", UPSERT, { collectionName, numRows, ...request }),
    );
    const inIt = [...answer.succIndex].flatMap((i) => issued.rows[i]?.stamp ?? []);
    const what = `${issued.kind} ${issued.id}`;
    this.#run.model.acknowledgedRows(info.vchannels, inIt, answer.timestamp, what);
    this.#noteWrite(handle, timestamp(answer.timestamp));
    failIn(answer.status);
    if (inIt.length !== numRows)
      this.#run.violation(`${what} succeeded with ${inIt.length} of ${numRows} rows`);
    this.#run.model.close(issued);
  }

  async #deleteKeys(handle: Handle): Promise<void> {
    const keys = [
      ...new Set(
        Array.from({ length: this.#random.between(1, 4) }, () => this.#run.randomKey(handle, this.#random)),
      ),
    ];
    const partitionName = this.#random.chance(0.3) ? this.#random.pick([...handle.partitions]) : "";
    const heads = this.#run.model.heads(handle.info.vchannels);
    const write = this.#run.model.issue({
      kind: "delete by key",
      collectionId: handle.info.id,
      rows: [],
      mayDelete: (row) => keys.includes(row.key),
    });
    const answer = await this.#delete(handle, `id in [${keys.map(literal).join(", ")}]`, partitionName);
    const what = `${write.kind} ${write.id}`;
    this.#run.model.acknowledgedDeletes(heads, keys, answer.timestamp, what);
    this.#run.model.close(write);
  }

  async #deleteWhere(handle: Handle): Promise<void> {
    if (!handle.loaded) return;
    const filter = this.#filter(handle);
    const { version, loadedPartitions } = handle;
    const { model } = this.#run;
    const heads = model.heads(handle.info.vchannels);
    const write = model.issue({
      kind: "delete by filter",
      collectionId: handle.info.id,
      rows: [],
      mayDelete: (row) => filter.matches(row) === true,
    });
    try {
      await this.#delete(handle, filter.text, "");
    } catch (error) {
      // A filter that can be seen to be true of every row is refused, as in Milvus.
      if (!isRedkiteError(error, "parameterInvalid") || !/always true/.test(error.message)) throw error;
      return model.close(write);
    }
    model.close(write);
    if (loadedPartitions !== undefined || handle.version !== version) return;
    const left = model.leftBehind(heads, (row) => filter.matches(row) === true);
    if (left !== undefined)
      this.#run.violation(
        `${write.kind} ${write.id} left row ${left.key} (stamp ${left.stamp}): ${filter.text}`,
      );
  }

  async #delete(
    handle: Handle,
    expr: string,
    partitionName: string,
  ): Promise<MessageTypes["milvus.MutationResult"]> {
    const answer = await this.#write(handle, partitionName, async (proxy, ctx, collectionName) =>
      proxy.call(ctx, "Delete", DELETE, { collectionName, expr, partitionName }),
    );
    this.#noteWrite(handle, timestamp(answer.timestamp));
    failIn(answer.status);
    return answer;
  }

  /** By a name that is in use until the proxy has ended the request, which may be long after the client has given up. */
  async #write<T>(
    handle: Handle,
    partition: string,
    use: (proxy: ServedProxy, ctx: CallContext, collectionName: string) => Promise<T>,
  ): Promise<T> {
    const name = this.#random.pick([handle.name, ...handle.aliases]);
    const isThere = this.#known(handle, name, partition);
    const asked = this.#run.viaProxy(this.#random, DEADLINE_MS, async (proxy, ctx) => {
      const end = this.#run.names.beginWrite(name);
      const forget = proxy.process.life.onDeath(end);
      try {
        return await use(proxy, ctx, name);
      } finally {
        forget();
        end();
      }
    });
    return asked.catch((error: unknown) => {
      this.#judgeRefusal(error, isThere);
      throw error;
    });
  }

  /** How to ask later whether what a request names has been there, and the same, all the time. */
  #known(handle: Handle, name: string, partition = ""): () => boolean {
    const { names } = this.#run;
    const { version, info } = handle;
    const meaning = names.meaning(name);
    return () =>
      meaning?.collectionId === info.id &&
      names.meaning(name) === meaning &&
      handle.version === version &&
      (partition === "" || handle.partitions.has(partition));
  }

  /** A proxy that has been told of everything does not take for unknown what has been there all the time. */
  #judgeRefusal(error: unknown, isThere: () => boolean): void {
    const isUnknown =
      isRedkiteError(error, "collectionNotFound") || isRedkiteError(error, "partitionNotFound");
    if (isUnknown && isThere()) this.#run.violation(`refused although it is there: ${error.message}`);
  }

  async #query(kind: "query" | "get" | "count", handle: Handle): Promise<void> {
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
    const asked: AskedQuery = {
      filter,
      partition,
      countOnly: kind === "count",
      ...(keys && { keys }),
      ...(limit !== undefined && { limit }),
    };
    await this.#checked(handle, partition, this.#queryOf(asked));
  }

  async #search(handle: Handle): Promise<void> {
    const filter = this.#random.chance(0.4) ? EVERYTHING : this.#filter(handle);
    const partition = this.#random.chance(0.15) ? this.#random.pick([...handle.partitions]) : undefined;
    const { vectorKind: kind, vectorIndexes, metric } = handle;
    const vector = VECTORS[kind].random(this.#random);
    const isWide = this.#random.chance(0.7);
    const search = { vector, metric, kind, k: this.#random.between(1, 12) };
    const isExact = vectorIndexes.every(
      ({ finds, file }) => file === undefined || (isWide && finds === "nearest"),
    );
    const scoreErrorMax = Math.max(...vectorIndexes.map((index) => index.scoreErrorMax));
    await this.#checked(
      handle,
      partition,
      async (proxy, ctx, collectionName, freshness, { info, loaded }) => {
        const { results, sessionTs } = await proxy.call(ctx, "Search", SEARCH, {
          collectionName,
          dsl: filter.text,
          dslType: 1,
          placeholderGroup: encode("common.PlaceholderGroup", wireQuery(kind, vector)),
          nq: 1n,
          partitionNames: partition === undefined ? [] : [partition],
          outputFields: ["stamp"],
          searchParams: pairs({
            anns_field: "vector",
            topk: search.k,
            metric_type: search.metric,
            params: JSON.stringify({ ...VECTORS[kind].searchParams, ...(isWide && WIDEST) }),
            ...(freshness.iterator && { iterator: "True" }),
          }),
          ...freshness,
        });
        const answer = { info, readAt: sessionTs, hits: results === undefined ? [] : seenHits(results) };
        const finds = isExact ? ("nearest" as const) : ("some" as const);
        const asked = { ...search, filter, partition, loaded, finds, scoreErrorMax };
        return {
          readAt: sessionTs,
          uses: ["vector", filter.text],
          problem: () => checkSearch(this.#run.model, asked, answer),
        };
      },
    );
  }

  /** All pages at the timestamp of the first. */
  async #iterate(handle: Handle): Promise<void> {
    let at: ReadLevel = { level: "Strong" };
    let last: SimKey | undefined;
    const limit = this.#random.between(3, 15);
    for (let page = 0; page < 20; page++) {
      const after = last;
      const filter: SimFilter =
        after === undefined
          ? EVERYTHING
          : { text: `id > ${literal(after)}`, matches: (row) => row.key > after };
      let rows: readonly SeenRow[] = [];
      const read = this.#queryOf({ filter, limit }, (answer) => {
        rows = answer.rows;
        at = { level: "Explicit", timestamp: timestamp(answer.readAt) };
      });
      await this.#checked(handle, undefined, read, at);
      last = rows.at(-1)?.key;
      if (rows.length < limit) return;
      await this.#run.world.pause(this.#random.between(1, 30), "between pages");
    }
  }

  /** A query as the clients send it; without a filter it needs a limit. */
  #queryOf(asked: AskedQuery, seen: (answer: SimQueryAnswer) => void = () => undefined): Read {
    const vector = this.#random.chance(0.3) ? ["vector"] : [];
    return async (proxy, ctx, collectionName, freshness, { info, loaded, extras }) => {
      const { filter, keys, limit, partition, countOnly } = asked;
      const expr = keys === undefined ? filter.text : `id in [${keys.map(literal).join(", ")}]`;
      // A filter that can be seen to be true of every row counts as none.
      const limitOf = limit ?? (keys === undefined ? RESULTS_MAX : undefined);
      const { fieldsData, sessionTs } = await proxy.call(ctx, "Query", QUERY, {
        collectionName,
        expr,
        outputFields: countOnly === true ? ["count(*)"] : ["stamp", "age", "tag", ...vector, ...extras],
        partitionNames: partition === undefined ? [] : [partition],
        queryParams: pairs({
          ...(limitOf !== undefined && countOnly !== true && { limit: limitOf }),
          ...(freshness.iterator && { iterator: "True" }),
        }),
        ...freshness,
      });
      const count = countOnly === true ? (fieldsData[0]?.scalars?.longData?.data[0] ?? -1n) : 0n;
      const rows = countOnly === true ? [] : seenRows(fieldsData);
      const answer = { info, readAt: sessionTs, count, rows };
      seen(answer);
      return {
        readAt: sessionTs,
        uses: [expr],
        problem: () => checkQuery(this.#run.model, { ...asked, loaded }, answer),
      };
    };
  }

  /** Reads what is loaded, and judges the answer unless what could be seen changed meanwhile. */
  async #checked(
    handle: Handle,
    partition: string | undefined,
    read: Read,
    at: ReadLevel = this.#level(handle),
  ): Promise<void> {
    // While it is being loaded or released, a read may see some partitions and others not.
    if (!handle.loaded) return;
    const { version, lastWrite, info, loadedPartitions } = handle;
    const name = this.#random.pick([handle.name, ...handle.aliases]);
    const meaning = this.#run.names.meaning(name);
    // A name that changes its meaning may be answered by either; one that has a meaning has no other on any proxy.
    const meansIt = (): boolean =>
      meaning?.collectionId === info.id && this.#run.names.meaning(name) === meaning;
    const known = { info, loaded: loadedPartitions, extras: extraNames(handle) };
    let leastMs = 0;
    const isThere = this.#known(handle, name, partition);
    const asked = this.#run.viaProxy(this.#random, DEADLINE_MS, async (proxy, ctx) => {
      leastMs = proxy.process.clock.nowMs() - this.#run.deployment.tuning.gracefulTimeMs;
      return read(proxy, ctx, name, freshnessOf(at), known);
    });
    const judged = await asked.catch((error: unknown) => {
      this.#judgeRefusal(error, isThere);
      // Reads name only what there is, so that a field or filter that cannot be is one the proxy has an old definition of.
      const isInvalid = isRedkiteError(error, "fieldNotFound") || isRedkiteError(error, "parameterInvalid");
      if (isInvalid && isThere()) this.#run.violation(`a valid read was refused: ${error.message}`);
      const isGone = partition !== undefined && !handle.partitions.has(partition);
      // Neither has another collection the same fields.
      if ((isGone || !meansIt()) && isRedkiteError(error, "parameterInvalid")) return undefined;
      if (at.level !== "Explicit" && isRedkiteError(error, "staleRead"))
        this.#run.violation(`a ${at.level} read was refused: ${error.message}`);
      throw error;
    });
    if (judged === undefined) return;
    const { readAt, problem, uses } = judged;
    if (!meansIt()) return;
    if (at.level === "Strong" && readAt <= lastWrite)
      this.#run.violation(`a Strong read at ${readAt} began after a write at ${lastWrite} was acknowledged`);
    if (at.level === "Bounded" && physicalMs(timestamp(readAt)) < BigInt(Math.floor(leastMs)))
      this.#run.violation(`a Bounded read at ${readAt} is older than ${leastMs} ms`);
    if ((at.level === "Session" || at.level === "Customized") && readAt < at.timestamp)
      this.#run.violation(`a ${at.level} read at ${readAt} was to be at ${at.timestamp} or later`);
    if (at.level === "Explicit" && readAt !== at.timestamp)
      this.#run.violation(`a read at ${at.timestamp} was answered as of ${readAt}`);
    if (handle.version !== version || !this.#run.handles.includes(handle)) return;
    if (partition !== undefined && !handle.partitions.has(partition)) return;
    const wrong = problem();
    if (wrong !== undefined) this.#run.violation(`${at.level} read of ${name} at ${readAt}: ${wrong}`);
    const fieldIds = INDEXED.filter((field) => uses.some((text) => text.includes(field)));
    this.#run.indexes.searched(
      info.id,
      fieldIds.map((field) => FIELD[field]),
    );
  }

  #noteWrite(handle: Handle, at: Timestamp): void {
    if (at > handle.lastWrite && this.#run.handles.includes(handle)) handle.lastWrite = at;
    if (at > (this.#session.get(handle.info.id) ?? 0n)) this.#session.set(handle.info.id, at);
  }

  #level(handle: Handle): ReadLevel {
    const ago = (): Timestamp => {
      const { retentionMs } = this.#run.deployment.tuning;
      const agoMs = BigInt(this.#random.int(Math.ceil(retentionMs * 1.2)));
      return timestamp(this.#run.approximateNow() - (agoMs << 18n));
    };
    switch (this.#random.int(12)) {
      case 0:
        return { level: "Bounded" };
      case 1:
        return { level: "Eventually" };
      case 2:
        return { level: "Session", timestamp: this.#session.get(handle.info.id) ?? TIMESTAMP_ZERO };
      case 3:
        return { level: "Customized", timestamp: ago() };
      case 4:
        return { level: "Explicit", timestamp: ago() };
      case 5:
        return { level: "Default" };
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
      vector: VECTORS[handle.vectorKind].random(this.#random),
      extras,
    };
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
const INDEXED = ["age", "tag", "vector"] as const;

/** How new the rows of a read must be; `Default` is the collection's own level. */
type ReadLevel =
  | { readonly level: "Strong" | "Bounded" | "Eventually" | "Default" }
  | { readonly level: "Session" | "Customized" | "Explicit"; readonly timestamp: Timestamp };

/** The same in a request, as clients send it. */
interface Freshness {
  readonly consistencyLevel: number;
  readonly guaranteeTimestamp: bigint;
  readonly useDefaultConsistency: boolean;
  readonly iterator: boolean;
}

function freshnessOf(at: ReadLevel): Freshness {
  const common = { useDefaultConsistency: false, iterator: false };
  switch (at.level) {
    case "Strong":
      return { ...common, consistencyLevel: 0, guaranteeTimestamp: 0n };
    case "Session":
      return { ...common, consistencyLevel: 1, guaranteeTimestamp: at.timestamp };
    case "Bounded":
      return { ...common, consistencyLevel: 2, guaranteeTimestamp: 2n };
    case "Eventually":
      return { ...common, consistencyLevel: 3, guaranteeTimestamp: 1n };
    case "Customized":
      return { ...common, consistencyLevel: 4, guaranteeTimestamp: at.timestamp };
    case "Explicit":
      return { ...common, consistencyLevel: 0, guaranteeTimestamp: at.timestamp, iterator: true };
    case "Default":
      return { ...common, consistencyLevel: 0, guaranteeTimestamp: 0n, useDefaultConsistency: true };
  }
}

/** What a client knows of the collection when it asks. */
interface Known {
  readonly info: CollectionInfo;
  readonly loaded: ReadonlySet<string> | undefined;
  readonly extras: readonly string[];
}

type Read = (
  proxy: ServedProxy,
  ctx: CallContext,
  collectionName: string,
  freshness: Freshness,
  known: Known,
) => Promise<Judged>;

/** An answer, and what is wrong with it. */
interface Judged {
  readonly readAt: bigint;
  /** What names the fields whose indexes it may have used. */
  readonly uses: readonly string[];
  readonly problem: () => string | undefined;
}

const INSERT = ["milvus.InsertRequest", "milvus.MutationResult"] as const;
const UPSERT = ["milvus.UpsertRequest", "milvus.MutationResult"] as const;
const DELETE = ["milvus.DeleteRequest", "milvus.MutationResult"] as const;
const QUERY = ["milvus.QueryRequest", "milvus.QueryResults"] as const;
const SEARCH = ["milvus.SearchRequest", "milvus.SearchResults"] as const;
/** More rows than any collection of a run has. */
const RESULTS_MAX = 10_000;

function extraNames({ info }: Handle): readonly string[] {
  return info.schema.fields.map(({ name }) => name).filter((name) => name.startsWith("extra"));
}

function pairs(values: Readonly<Record<string, string | number>>): MessageTypes["common.KeyValuePair"][] {
  return Object.entries(values).map(([key, value]) => ({ key, value: String(value) }));
}

/** Throws what the status of an answer that came as a message says. */
function failIn(status: MessageTypes["common.Status"] | undefined): void {
  const { code, reason } = fromWireStatus(status);
  if (code !== 0) throw serviceUnavailable(reason);
}
