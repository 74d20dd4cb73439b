import { Ring } from "../../base/ring.ts";
import { isRedkiteError } from "../../errors/redkite-error.ts";
import { serviceTooManyRequests } from "../../errors/service-errors.ts";
import { metaUnavailable } from "../../errors/storage-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type {
  LeaseId,
  MetaEntry,
  MetaEvents,
  MetaStore,
  TxnRequest,
  TxnResult,
} from "../../ports/meta-store.ts";
import { History, HISTORY_BOUNDS, type HistoryBounds } from "./history.ts";
import { KeySpace, META_TXN_BYTES_MAX, type MetaChange, type StagedTxn } from "./key-space.ts";
import { Leases } from "./leases.ts";

/**
 * The metadata store over any storage that commits batches of changes atomically. It holds the whole key space in memory, so
 * reads touch no disk. One loop takes all transactions that wait, stages them in order, has the storage commit them together, and only then
 * shows them to readers and watchers. Invariant: what anybody sees is durable.
 *
 * A commit with an unknown outcome ends the service of this instance: what memory holds may not be what the storage holds. The next
 * `open` reads the truth.
 *
 * Leases live in memory only: the store has one process, so after a start nobody can hold one, and keys bound to leases
 * of the process before are deleted by the first transaction (`open`).
 */
export class GroupedMetaStore implements MetaStore {
  readonly #storage: MetaStorage;
  readonly #space: KeySpace;
  readonly #history: History;
  readonly #leases: Leases;
  readonly #waiting = new Ring<Waiting>();
  #running: Promise<void> | undefined;
  #closed = false;
  /** Why nothing is served any more: memory and storage may differ. */
  #failure: unknown;

  private constructor(storage: MetaStorage, space: KeySpace, clock: Clock, bounds: HistoryBounds) {
    this.#storage = storage;
    this.#space = space;
    this.#history = new History(space.revision, bounds);
    const usedLeases = space.leases().reduce((max, lease) => (lease > max ? lease : max), 0n);
    this.#leases = new Leases(clock, usedLeases + 1n, (lease) => this.#deleteKeysOf(lease));
  }

  static async open(storage: MetaStorage, clock: Clock, bounds = HISTORY_BOUNDS): Promise<GroupedMetaStore> {
    const { revision, entries } = await storage.load();
    const store = new GroupedMetaStore(storage, new KeySpace(revision, entries), clock, bounds);
    await Promise.all(store.#space.leases().map((lease) => store.#enqueue({ kind: "endLease", lease })));
    return store;
  }

  async get(key: string): Promise<MetaEntry | undefined> {
    this.#checkOpen();
    return this.#space.get(key);
  }

  async range(
    prefix: string,
  ): Promise<{ readonly revision: bigint; readonly entries: readonly MetaEntry[] }> {
    this.#checkOpen();
    return { revision: this.#space.revision, entries: this.#space.range(prefix) };
  }

  async txn(request: TxnRequest): Promise<TxnResult> {
    const { succeeded, revision } = await this.#enqueue({ kind: "txn", request });
    return { succeeded, revision };
  }

  watch(prefix: string, fromRevision: bigint, signal: AbortSignal): AsyncIterable<MetaEvents> {
    this.#checkOpen();
    return this.#history.watch(prefix, fromRevision, signal);
  }

  async grantLease(ttlMs: number): Promise<LeaseId> {
    this.#checkOpen();
    return this.#leases.grant(ttlMs);
  }

  async keepAlive(lease: LeaseId): Promise<number> {
    this.#checkOpen();
    return this.#leases.keepAlive(lease);
  }

  async revokeLease(lease: LeaseId): Promise<void> {
    this.#checkOpen();
    this.#leases.revoke(lease);
    await this.#enqueue({ kind: "endLease", lease });
    this.#leases.forget(lease);
  }

  /** Waits for what was asked before, then refuses everything. Watches end by their signals. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#leases.close();
    await this.#running;
    await this.#storage.close();
  }

  #enqueue(work: Work): Promise<StagedTxn> {
    this.#checkOpen();
    if (this.#waiting.size >= WAITING_MAX) throw serviceTooManyRequests(WAITING_MAX, "metadata transactions");
    const { promise, resolve, reject } = Promise.withResolvers<StagedTxn>();
    this.#waiting.push({ work, resolve, reject });
    this.#running ??= this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    // Begins when `#running` is set, and ends in the turn in which nothing waits any more: work that came in between the
    // last look and a later reset would wait for ever.
    await Promise.resolve();
    try {
      while (this.#waiting.size > 0) await this.#commitBatch();
    } finally {
      this.#running = undefined;
    }
  }

  async #commitBatch(): Promise<void> {
    const batch = this.#stageBatch();
    try {
      const changes = batch.flatMap(({ staged }) => staged.changes);
      if (changes.length > 0) await this.#storage.commit(batch.at(-1)?.staged.revision ?? 0n, changes);
    } catch (error) {
      this.#space.rollBack();
      if (isRedkiteError(error, "metaUnknownOutcome")) this.#failure = error;
      for (const { waiting } of batch) waiting.reject(error);
      return;
    }
    this.#space.publish();
    for (const { staged } of batch) {
      if (staged.changes.length > 0) this.#history.add(staged.revision, staged.changes);
    }
    for (const { waiting, staged } of batch) waiting.resolve(staged);
  }

  #stageBatch(): { readonly waiting: Waiting; readonly staged: StagedTxn }[] {
    const batch: { readonly waiting: Waiting; readonly staged: StagedTxn }[] = [];
    let bytes = 0;
    while (batch.length < BATCH_TXNS_MAX && bytes < BATCH_BYTES_MAX) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) break;
      try {
        const staged = this.#stage(waiting.work);
        batch.push({ waiting, staged });
        for (const change of staged.changes) bytes += change.type === "put" ? change.entry.value.length : 0;
      } catch (error) {
        waiting.reject(error);
      }
    }
    return batch;
  }

  #stage(work: Work): StagedTxn {
    if (this.#failure !== undefined) throw this.#unavailable();
    if (work.kind === "endLease") return this.#space.stageLeaseEnd(work.lease);
    return this.#space.stage(work.request, (lease) => this.#leases.lives(lease));
  }

  #deleteKeysOf(lease: LeaseId): void {
    if (this.#closed) return;
    // When it fails (a full disk), the lease stays dead and is reported again.
    this.revokeLease(lease).catch(() => undefined);
  }

  #checkOpen(): void {
    if (this.#closed) throw metaUnavailable("the metadata store is closed");
    if (this.#failure !== undefined) throw this.#unavailable();
  }

  #unavailable(): Error {
    return metaUnavailable(
      "an earlier transaction failed with unknown outcome; restart to recover",
      this.#failure,
    );
  }
}

/** Where a GroupedMetaStore keeps its entries. */
export interface MetaStorage {
  /** Everything that was committed. Called once. */
  load(): Promise<{ readonly revision: bigint; readonly entries: Iterable<MetaEntry> }>;
  /** All changes and the revision, or nothing; durable on return. One call at a time. Throws the errors of MetaStore.txn. */
  commit(revision: bigint, changes: readonly MetaChange[]): Promise<void>;
  close(): Promise<void>;
}

type Work =
  | { readonly kind: "txn"; readonly request: TxnRequest }
  | { readonly kind: "endLease"; readonly lease: LeaseId };

interface Waiting {
  readonly work: Work;
  readonly resolve: (staged: StagedTxn) => void;
  readonly reject: (error: unknown) => void;
}

const WAITING_MAX = 65_536;
const BATCH_TXNS_MAX = 1_024;
const BATCH_BYTES_MAX = 8 * META_TXN_BYTES_MAX;
