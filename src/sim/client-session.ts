import type { Prng } from "../base/prng.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import type { CallContext } from "../model/call-context.ts";
import { TIMESTAMP_ZERO, type Timestamp } from "../model/timestamp.ts";
import { randomFilter, type SimFilter } from "./filters.ts";
import type { Handle, RunState } from "./run-state.ts";
import type { ServedProxy } from "./served-proxy.ts";

/** What the writes and the reads of one client have in common. */
export class ClientSession {
  readonly run: RunState;
  readonly random: Prng;
  /** Newest timestamp of an own write, by collection: what Session guarantees. */
  readonly #newest = new Map<bigint, Timestamp>();

  constructor(run: RunState, name: string) {
    this.run = run;
    this.random = run.world.random(`client ${name}`);
  }

  newestWrite({ info }: Handle): Timestamp {
    return this.#newest.get(info.id) ?? TIMESTAMP_ZERO;
  }

  /** By which the client asks this time. */
  nameOf({ name, aliases }: Handle): string {
    return this.random.pick([name, ...aliases]);
  }

  ask<T>(use: (proxy: ServedProxy, ctx: CallContext) => Promise<T>): Promise<T> {
    return this.run.viaProxy(this.random, DEADLINE_MS, use);
  }

  /** How to ask later whether what a request names has been there, and the same, all the time. */
  known(handle: Handle, name: string, partition = ""): () => boolean {
    const { names } = this.run;
    const { version, info } = handle;
    const meaning = names.meaning(name);
    return () =>
      meaning?.collectionId === info.id &&
      names.meaning(name) === meaning &&
      handle.version === version &&
      (partition === "" || handle.partitions.has(partition));
  }

  /** A proxy that has been told of everything does not take for unknown what has been there all the time. */
  judgeRefusal(error: unknown, isThere: () => boolean): void {
    const isUnknown =
      isRedkiteError(error, "collectionNotFound") || isRedkiteError(error, "partitionNotFound");
    if (isUnknown && isThere()) this.run.violation(`refused although it is there: ${error.message}`);
  }

  noteWrite(handle: Handle, at: Timestamp): void {
    if (at > handle.lastWrite && this.run.handles.includes(handle)) handle.lastWrite = at;
    if (at > (this.#newest.get(handle.info.id) ?? 0n)) this.#newest.set(handle.info.id, at);
  }

  filter(handle: Handle): SimFilter {
    return randomFilter(this.random, () => this.run.randomKey(handle, this.random));
  }
}

const DEADLINE_MS = 3_000;

/** Of the fields that were added while it ran. */
export function extraNames({ info }: Handle): readonly string[] {
  return info.schema.fields.map(({ name }) => name).filter((name) => name.startsWith("extra"));
}
