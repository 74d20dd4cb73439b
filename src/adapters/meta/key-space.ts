import { assert } from "../../base/assert.ts";
import { equalBytes } from "../../base/bytes.ts";
import { parameterInvalid } from "../../errors/parameter-errors.ts";
import { leaseExpired } from "../../errors/storage-errors.ts";
import {
  META_TXN_OPS_MAX,
  type Compare,
  type LeaseId,
  type MetaEntry,
  type MetaEvents,
  type MetaOp,
  type TxnRequest,
} from "../../ports/meta-store.ts";
import { SortedKeys } from "./sorted-keys.ts";

/**
 * The logic of the key space, without storage, time or concurrency: what transactions do to entries and revisions.
 * A transaction is first staged (evaluated against everything staged before it, visible to nobody) and later either published
 * with all that was staged before it, or rolled back with everything else that is staged. So a store can make many transactions
 * durable at once without showing one that is not durable yet.
 */
export class KeySpace {
  readonly #entries = new Map<string, MetaEntry>();
  readonly #keys = new SortedKeys();
  readonly #leaseKeys = new Map<LeaseId, Set<string>>();
  /** Staged state by key; `undefined` where it is deleted. */
  #staged = new Map<string, MetaEntry | undefined>();
  #revision: bigint;
  #stagedRevision: bigint;

  /** @param entries what a store read from disk, at `revision` */
  constructor(revision: bigint, entries: Iterable<MetaEntry> = []) {
    this.#revision = revision;
    this.#stagedRevision = revision;
    for (const entry of entries) this.#show(entry.key, entry);
  }

  /** Of the newest published transaction that changed something. */
  get revision(): bigint {
    return this.#revision;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): MetaEntry | undefined {
    return this.#entries.get(key);
  }

  range(prefix: string): MetaEntry[] {
    return this.#keys.withPrefix(prefix).map((key) => this.#published(key));
  }

  /** Leases that have keys. */
  leases(): readonly LeaseId[] {
    return [...this.#leaseKeys.keys()];
  }

  /**
   * Evaluates a transaction on top of what is staged.
   *
   * @param leaseLives whether a lease may still take keys; throws leaseExpired for one that may not
   */
  stage(request: TxnRequest, leaseLives: (lease: LeaseId) => boolean): StagedTxn {
    checkRequest(request);
    for (const op of request.ops) {
      if (op.op === "put" && op.lease !== undefined && !leaseLives(op.lease)) throw leaseExpired(op.lease);
    }
    if (!request.compare.every((compare) => this.#holds(compare))) {
      return { succeeded: false, revision: this.#stagedRevision, changes: [] };
    }
    const revision = this.#stagedRevision + 1n;
    return this.#staging(request.ops.flatMap((op) => this.#apply(op, revision)));
  }

  /** Deletes all keys that hang on a lease, however many. */
  stageLeaseEnd(lease: LeaseId): StagedTxn {
    const keys = new Set(this.#leaseKeys.get(lease));
    for (const [key, entry] of this.#staged) if (entry?.lease === lease) keys.add(key);
    const bound = [...keys].sort().filter((key) => this.#current(key)?.lease === lease);
    return this.#staging(bound.map((key) => this.#delete(key)));
  }

  /** Shows everything staged to readers. */
  publish(): void {
    for (const [key, entry] of this.#staged) this.#show(key, entry);
    this.#staged = new Map();
    this.#revision = this.#stagedRevision;
  }

  /** Forgets everything staged. */
  rollBack(): void {
    this.#staged = new Map();
    this.#stagedRevision = this.#revision;
  }

  #staging(changes: readonly MetaChange[]): StagedTxn {
    if (changes.length > 0) this.#stagedRevision += 1n;
    return { succeeded: true, revision: this.#stagedRevision, changes };
  }

  #holds(compare: Compare): boolean {
    const entry = this.#current(compare.key);
    switch (compare.target) {
      case "exists":
        return entry !== undefined;
      case "absent":
        return entry === undefined;
      // As in etcd, the revisions of an absent key are 0.
      case "modRevision":
        return (entry?.modRevision ?? 0n) === compare.equals;
      case "createRevision":
        return (entry?.createRevision ?? 0n) === compare.equals;
      case "value":
        return entry !== undefined && equalBytes(entry.value, compare.equals);
    }
  }

  #apply(op: MetaOp, revision: bigint): MetaChange[] {
    switch (op.op) {
      case "put": {
        const entry: MetaEntry = {
          key: op.key,
          // The caller may reuse its buffer.
          value: op.value.slice(),
          createRevision: this.#current(op.key)?.createRevision ?? revision,
          modRevision: revision,
          lease: op.lease,
        };
        this.#staged.set(op.key, entry);
        return [{ type: "put", entry }];
      }
      case "delete":
        return this.#current(op.key) === undefined ? [] : [this.#delete(op.key)];
      case "deletePrefix":
        return this.#currentKeys(op.prefix).map((key) => this.#delete(key));
    }
  }

  #delete(key: string): MetaChange {
    this.#staged.set(key, undefined);
    return { type: "delete", key };
  }

  #current(key: string): MetaEntry | undefined {
    return this.#staged.has(key) ? this.#staged.get(key) : this.#entries.get(key);
  }

  #currentKeys(prefix: string): string[] {
    const keys = new Set(this.#keys.withPrefix(prefix));
    for (const [key, entry] of this.#staged) {
      if (!key.startsWith(prefix)) continue;
      if (entry === undefined) keys.delete(key);
      else keys.add(key);
    }
    return [...keys].sort();
  }

  #show(key: string, entry: MetaEntry | undefined): void {
    const before = this.#entries.get(key);
    if (before?.lease !== undefined) this.#unbind(before.lease, key);
    if (entry === undefined) {
      this.#entries.delete(key);
      this.#keys.remove(key);
      return;
    }
    this.#entries.set(key, entry);
    if (before === undefined) this.#keys.add(key);
    if (entry.lease !== undefined) this.#bind(entry.lease, key);
  }

  #bind(lease: LeaseId, key: string): void {
    const keys = this.#leaseKeys.get(lease);
    if (keys === undefined) this.#leaseKeys.set(lease, new Set([key]));
    else keys.add(key);
  }

  #unbind(lease: LeaseId, key: string): void {
    const keys = this.#leaseKeys.get(lease);
    keys?.delete(key);
    if (keys?.size === 0) this.#leaseKeys.delete(lease);
  }

  #published(key: string): MetaEntry {
    const entry = this.#entries.get(key);
    assert(entry !== undefined, `the sorted keys hold ${key}, the entries do not`);
    return entry;
  }
}

export type MetaChange = MetaEvents["events"][number];

export interface StagedTxn {
  readonly succeeded: boolean;
  /** Of this transaction, or the newest before it when it changes nothing. */
  readonly revision: bigint;
  readonly changes: readonly MetaChange[];
}

/** As etcd refuses larger requests. */
export const META_TXN_BYTES_MAX = 1_572_864;
export const META_KEY_LENGTH_MAX = 1_024;

function checkRequest(request: TxnRequest): void {
  const { ops, compare } = request;
  if (ops.length > META_TXN_OPS_MAX || compare.length > META_TXN_OPS_MAX) {
    throw parameterInvalid("a metadata transaction has too many operations or comparisons", {
      expected: META_TXN_OPS_MAX,
      actual: Math.max(ops.length, compare.length),
    });
  }
  let bytes = 0;
  const touched = new Set<string>();
  for (const op of ops) {
    if (op.op === "deletePrefix") continue;
    checkKey(op.key);
    if (op.op === "put") bytes += op.value.length;
    // As in etcd: one transaction has one revision, and a key one change at it.
    if (touched.has(op.key)) throw parameterInvalid(`a metadata transaction changes the key ${op.key} twice`);
    touched.add(op.key);
  }
  for (const { key } of compare) checkKey(key);
  if (bytes > META_TXN_BYTES_MAX) {
    throw parameterInvalid("the values of a metadata transaction are too large", {
      expected: META_TXN_BYTES_MAX,
      actual: bytes,
    });
  }
}

function checkKey(key: string): void {
  if (key.length === 0 || key.length > META_KEY_LENGTH_MAX || key.includes("\0")) {
    throw parameterInvalid(
      `the metadata key ${JSON.stringify(key.slice(0, 100))} is empty, too long or holds a NUL`,
      { expected: META_KEY_LENGTH_MAX, actual: key.length },
    );
  }
}
