/**
 * An etcd-shaped key space: one total order of revisions, compare-and-set transactions, prefix watches, leases. Durable on
 * return. Keys are UTF-8 text, values bytes. A transaction is all or nothing; when its outcome is unknown (connection lost)
 * it rejects with `metaUnknownOutcome` and the caller reads before it repeats. Other errors: metaUnavailable
 * (retriable), diskFull (retriable).
 */
export interface MetaStore {
  get(key: string): Promise<MetaEntry | undefined>;
  /** Entries whose key starts with the prefix, in key order, from one revision. */
  range(prefix: string): Promise<{ readonly revision: bigint; readonly entries: readonly MetaEntry[] }>;
  txn(request: TxnRequest): Promise<TxnResult>;
  /** All changes after `fromRevision`, in order, one batch per revision. Ends when the signal aborts; throws metaCompacted when it fell too far behind. */
  watch(prefix: string, fromRevision: bigint, signal: AbortSignal): AsyncIterable<MetaEvents>;
  grantLease(ttlMs: number): Promise<LeaseId>;
  /** Rejects with leaseExpired when it is gone. Returns the time to live granted. */
  keepAlive(lease: LeaseId): Promise<number>;
  /** Deletes its keys at once. */
  revokeLease(lease: LeaseId): Promise<void>;
}

export type LeaseId = bigint & { readonly __lease?: never };

export interface MetaEntry {
  readonly key: string;
  readonly value: Uint8Array;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  readonly lease: LeaseId | undefined;
}

export type Compare =
  | { readonly key: string; readonly target: "exists" | "absent" }
  | { readonly key: string; readonly target: "modRevision" | "createRevision"; readonly equals: bigint }
  | { readonly key: string; readonly target: "value"; readonly equals: Uint8Array };

export type MetaOp =
  | { readonly op: "put"; readonly key: string; readonly value: Uint8Array; readonly lease?: LeaseId }
  | { readonly op: "delete"; readonly key: string }
  | { readonly op: "deletePrefix"; readonly prefix: string };

export interface TxnRequest {
  /** All must hold. */
  readonly compare: readonly Compare[];
  /** Applied when they do; nothing otherwise. At most `META_TXN_OPS_MAX`. */
  readonly ops: readonly MetaOp[];
}

export interface TxnResult {
  readonly succeeded: boolean;
  readonly revision: bigint;
}

export interface MetaEvents {
  readonly revision: bigint;
  readonly events: readonly (
    { readonly type: "put"; readonly entry: MetaEntry } | { readonly type: "delete"; readonly key: string }
  )[];
}

export const META_TXN_OPS_MAX = 128;
