import { MemoryMetaStorage } from "../adapters/meta/memory.ts";
import type { MetaStorage } from "../adapters/meta/grouped-meta-store.ts";
import type { MetaChange } from "../adapters/meta/key-space.ts";
import type { Prng } from "../base/prng.ts";
import { metaUnavailable, metaUnknownOutcome } from "../errors/storage-errors.ts";
import type {
  LeaseId,
  MetaEntry,
  MetaEvents,
  MetaStore,
  TxnRequest,
  TxnResult,
} from "../ports/meta-store.ts";
import type { Life } from "./life.ts";
import type { SimNet } from "./net.ts";

/** Metadata as the disk has it: outlives processes, whole batches only. Tells the checkers of every change. */
export class SimMetaStorage implements MetaStorage {
  readonly #memory = new MemoryMetaStorage();
  readonly #onCommit: (changes: readonly MetaChange[]) => void;

  constructor(onCommit: (changes: readonly MetaChange[]) => void) {
    this.#onCommit = onCommit;
  }

  load(): ReturnType<MetaStorage["load"]> {
    return this.#memory.load();
  }

  async commit(revision: bigint, changes: readonly MetaChange[]): Promise<void> {
    await this.#memory.commit(revision, changes);
    this.#onCommit(changes);
  }

  close(): Promise<void> {
    return this.#memory.close();
  }

  /** The same storage as one process sees it: commits take time, and a crash in the middle leaves all of one or nothing. */
  of(life: Life, random: Prng): MetaStorage {
    return {
      load: () => this.load(),
      commit: async (revision, changes) => {
        await life.after(0.05 + random.float() * 0.5, "meta commit", () => this.commit(revision, changes));
        await life.after(0.02 + random.float() * 0.1, "meta committed", () => undefined);
      },
      close: async () => undefined,
    };
  }
}

/**
 * A client of the shared metadata store. A request or an answer that is lost leaves the outcome of a transaction unknown; watches break
 * off while the store cannot be reached.
 */
export class SimMetaClient implements MetaStore {
  readonly #server: MetaStore;
  readonly #net: SimNet;
  readonly #life: Life;
  readonly #machine: string;

  constructor(server: MetaStore, net: SimNet, life: Life, machine: string) {
    this.#server = server;
    this.#net = net;
    this.#life = life;
    this.#machine = machine;
  }

  get(key: string): Promise<MetaEntry | undefined> {
    return this.#read("get", () => this.#server.get(key));
  }

  range(prefix: string): Promise<{ readonly revision: bigint; readonly entries: readonly MetaEntry[] }> {
    return this.#read("range", () => this.#server.range(prefix));
  }

  async txn(request: TxnRequest): Promise<TxnResult> {
    const there = this.#net.trip(this.#machine, META);
    if (there === undefined) {
      await this.#life.after(this.#net.noticeMs(), "txn lost", () => undefined);
      throw metaUnknownOutcome("the connection to the metadata store broke");
    }
    // On its way it no longer needs its sender.
    const result = await this.#life.hear(
      this.#life.world.pause(there, "txn").then(() => this.#server.txn(request)),
    );
    const back = this.#net.trip(META, this.#machine);
    if (back === undefined) {
      await this.#life.after(this.#net.noticeMs(), "txn answer lost", () => undefined);
      throw metaUnknownOutcome("the connection to the metadata store broke");
    }
    await this.#life.after(back, "txn answer", () => undefined);
    return result;
  }

  async *watch(prefix: string, fromRevision: bigint, signal: AbortSignal): AsyncGenerator<MetaEvents> {
    const batches = this.#server.watch(prefix, fromRevision, signal)[Symbol.asyncIterator]();
    for (;;) {
      const next = await this.#life.hear(batches.next());
      if (next.done === true) return;
      const trip = this.#net.trip(META, this.#machine);
      await this.#life.after(trip ?? this.#net.noticeMs(), "watch", () => undefined);
      if (trip === undefined) throw metaUnavailable("the watch of the metadata store broke");
      if (signal.aborted) return;
      yield next.value;
    }
  }

  grantLease(ttlMs: number): Promise<LeaseId> {
    return this.#read("grant", () => this.#server.grantLease(ttlMs));
  }

  keepAlive(lease: LeaseId): Promise<number> {
    return this.#read("keep alive", () => this.#server.keepAlive(lease));
  }

  revokeLease(lease: LeaseId): Promise<void> {
    return this.#read("revoke", () => this.#server.revokeLease(lease));
  }

  /** Requests that may be repeated. */
  async #read<T>(label: string, ask: () => Promise<T>): Promise<T> {
    const there = this.#net.trip(this.#machine, META);
    const back = this.#net.trip(META, this.#machine);
    if (there === undefined || back === undefined) {
      await this.#life.after(this.#net.noticeMs(), `${label} lost`, () => undefined);
      throw metaUnavailable("the metadata store does not answer");
    }
    const result = await this.#life.after(there, label, ask);
    await this.#life.after(back, label, () => undefined);
    return result;
  }
}

/** The metadata store as a machine of the network. */
export const META = "meta";
