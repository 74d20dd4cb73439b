import type { Prng } from "../base/prng.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import type { CallContext } from "../model/call-context.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { physicalMs, timestamp, type Timestamp } from "../model/timestamp.ts";
import { encode } from "../wire/codec.ts";
import type { MessageTypes } from "../wire/messages.gen.ts";
import { extraNames, type ClientSession } from "./client-session.ts";
import { EVERYTHING, type SimFilter } from "./filters.ts";
import { WIDEST } from "./index-types.ts";
import { checkQuery, checkSearch, type AskedQuery, type SimQueryAnswer } from "./read-check.ts";
import { freshnessOf, type Freshness, type ReadLevel } from "./read-level.ts";
import { FIELD, literal, seenHits, seenRows, type SeenRow, type SimKey } from "./rows.ts";
import type { Handle, RunState } from "./run-state.ts";
import type { ServedProxy } from "./served-proxy.ts";
import { VECTORS, wireQuery } from "./vectors.ts";

/** Queries and searches of one client at every level of consistency; every answer is compared with the model. */
export class DataReads {
  readonly #session: ClientSession;
  readonly #run: RunState;
  readonly #random: Prng;

  constructor(session: ClientSession) {
    this.#session = session;
    this.#run = session.run;
    this.#random = session.random;
  }

  async all(handle: Handle, kind: "query" | "count"): Promise<void> {
    const asked: AskedQuery = { filter: EVERYTHING, countOnly: kind === "count" };
    await this.#checked(handle, undefined, this.#queryOf(asked), { level: "Strong" });
  }

  async query(kind: "query" | "get" | "count", handle: Handle): Promise<void> {
    const filter = kind === "get" || this.#random.chance(0.3) ? EVERYTHING : this.#session.filter(handle);
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

  async search(handle: Handle): Promise<void> {
    const filter = this.#random.chance(0.4) ? EVERYTHING : this.#session.filter(handle);
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
  async iterate(handle: Handle): Promise<void> {
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
    const name = this.#session.nameOf(handle);
    const meaning = this.#run.names.meaning(name);
    // A name that changes its meaning may be answered by either; one that has a meaning has no other on any proxy.
    const meansIt = (): boolean =>
      meaning?.collectionId === info.id && this.#run.names.meaning(name) === meaning;
    const known = { info, loaded: loadedPartitions, extras: extraNames(handle) };
    let leastMs = 0;
    const isThere = this.#session.known(handle, name, partition);
    const asked = this.#session.ask(async (proxy, ctx) => {
      leastMs = proxy.process.clock.nowMs() - this.#run.deployment.tuning.gracefulTimeMs;
      return read(proxy, ctx, name, freshnessOf(at), known);
    });
    const judged = await asked.catch((error: unknown) => {
      this.#session.judgeRefusal(error, isThere);
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
        return { level: "Session", timestamp: this.#session.newestWrite(handle) };
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
}

const INDEXED = ["age", "tag", "vector"] as const;

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

const QUERY = ["milvus.QueryRequest", "milvus.QueryResults"] as const;
const SEARCH = ["milvus.SearchRequest", "milvus.SearchResults"] as const;
/** More rows than any collection of a run has. */
const RESULTS_MAX = 10_000;

function pairs(values: Readonly<Record<string, string | number>>): MessageTypes["common.KeyValuePair"][] {
  return Object.entries(values).map(([key, value]) => ({ key, value: String(value) }));
}
