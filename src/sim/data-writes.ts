import type { Prng } from "../base/prng.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import { serviceUnavailable } from "../errors/service-errors.ts";
import type { CallContext } from "../model/call-context.ts";
import { timestamp } from "../model/timestamp.ts";
import type { Init } from "../wire/codec.ts";
import type { MessageTypes } from "../wire/messages.gen.ts";
import { fromWireStatus } from "../wire/status-wire.ts";
import { extraNames, type ClientSession } from "./client-session.ts";
import { AGE_MAX, TAGS } from "./filters.ts";
import type { IssuedWrite } from "./model.ts";
import { literal, wireFields, type SimKey, type SimRow } from "./rows.ts";
import type { Handle, RunState } from "./run-state.ts";
import type { ServedProxy } from "./served-proxy.ts";
import { VECTORS } from "./vectors.ts";

/** Inserts, upserts and deletes of one client; the model learns what was sent and what was acknowledged. */
export class DataWrites {
  readonly #session: ClientSession;
  readonly #run: RunState;
  readonly #random: Prng;

  constructor(session: ClientSession) {
    this.#session = session;
    this.#run = session.run;
    this.#random = session.random;
  }

  async put(kind: "insert" | "upsert", handle: Handle): Promise<void> {
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
  async partialUpsert(handle: Handle): Promise<void> {
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
    this.#session.noteWrite(handle, timestamp(answer.timestamp));
    failIn(answer.status);
    if (inIt.length !== numRows)
      this.#run.violation(`${what} succeeded with ${inIt.length} of ${numRows} rows`);
    this.#run.model.close(issued);
  }

  async deleteKeys(handle: Handle): Promise<void> {
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

  async deleteWhere(handle: Handle): Promise<void> {
    if (!handle.loaded) return;
    const filter = this.#session.filter(handle);
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
    this.#session.noteWrite(handle, timestamp(answer.timestamp));
    failIn(answer.status);
    return answer;
  }

  /** By a name that is in use until the proxy has ended the request, which may be long after the client has given up. */
  async #write<T>(
    handle: Handle,
    partition: string,
    use: (proxy: ServedProxy, ctx: CallContext, collectionName: string) => Promise<T>,
  ): Promise<T> {
    const name = this.#session.nameOf(handle);
    const isThere = this.#session.known(handle, name, partition);
    const asked = this.#session.ask(async (proxy, ctx) => {
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
      this.#session.judgeRefusal(error, isThere);
      throw error;
    });
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

const INSERT = ["milvus.InsertRequest", "milvus.MutationResult"] as const;
const UPSERT = ["milvus.UpsertRequest", "milvus.MutationResult"] as const;
const DELETE = ["milvus.DeleteRequest", "milvus.MutationResult"] as const;

/** Throws what the status of an answer that came as a message says. */
function failIn(status: MessageTypes["common.Status"] | undefined): void {
  const { code, reason } = fromWireStatus(status);
  if (code !== 0) throw serviceUnavailable(reason);
}
