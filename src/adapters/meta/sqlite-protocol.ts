/** Messages between SqliteMetaStorage and its thread. One request at a time; each gets one reply. */
export interface SqliteWorkerData {
  /** Of the database file. */
  readonly path: string;
  /** Size of the file that is given up when the disk is full. */
  readonly reserveBytes: number;
  /** `existing`: a missing or empty database is an error. */
  readonly mode: "create" | "existing";
}

export type SqliteRequest = { readonly kind: "load" } | CommitRequest | { readonly kind: "close" };

export interface CommitRequest {
  readonly kind: "commit";
  readonly revision: bigint;
  readonly puts: readonly SqliteEntry[];
  readonly deletes: readonly string[];
}

/** key, value, create revision, mod revision, lease. */
export type SqliteEntry = readonly [
  key: string,
  value: Uint8Array,
  createRevision: bigint,
  modRevision: bigint,
  lease: bigint | null,
];

export type SqliteReply =
  | { readonly kind: "loaded"; readonly revision: bigint; readonly entries: readonly SqliteEntry[] }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly failure: SqliteFailure; readonly message: string };

/** `other`: for a commit, its outcome is unknown. */
export type SqliteFailure = "full" | "corrupted" | "busy" | "other";
