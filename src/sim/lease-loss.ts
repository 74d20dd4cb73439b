import { metaUnavailable } from "../errors/storage-errors.ts";
import type {
  LeaseId,
  MetaEntry,
  MetaEvents,
  MetaStore,
  TxnRequest,
  TxnResult,
} from "../ports/meta-store.ts";
import type { World } from "./world.ts";

/**
 * A store that can stop renewing a process's leases while everything else works: they run out at the store, never before the time
 * that the last renewal granted. A store that ended one earlier would break its contract, and nobody could be safe from that.
 */
export class LeaseLoss implements MetaStore {
  readonly #inner: MetaStore;
  readonly #world: World;
  #lostUntilMs = 0;

  constructor(inner: MetaStore, world: World) {
    this.#inner = inner;
    this.#world = world;
  }

  loseRenewals(forMs: number): void {
    this.#lostUntilMs = this.#world.nowMs + forMs;
  }

  get(key: string): Promise<MetaEntry | undefined> {
    return this.#inner.get(key);
  }

  range(prefix: string): Promise<{ readonly revision: bigint; readonly entries: readonly MetaEntry[] }> {
    return this.#inner.range(prefix);
  }

  txn(request: TxnRequest): Promise<TxnResult> {
    return this.#inner.txn(request);
  }

  watch(prefix: string, fromRevision: bigint, signal: AbortSignal): AsyncIterable<MetaEvents> {
    return this.#inner.watch(prefix, fromRevision, signal);
  }

  grantLease(ttlMs: number): Promise<LeaseId> {
    return this.#inner.grantLease(ttlMs);
  }

  keepAlive(lease: LeaseId): Promise<number> {
    if (this.#world.nowMs < this.#lostUntilMs)
      return Promise.reject(metaUnavailable("renewals of leases are lost"));
    return this.#inner.keepAlive(lease);
  }

  revokeLease(lease: LeaseId): Promise<void> {
    return this.#inner.revokeLease(lease);
  }
}
