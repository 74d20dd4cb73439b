import type { BufferPool } from "../../base/buffer-pool.ts";
import type { ComponentStateCode } from "../../api/component.ts";
import type { FilterCache } from "../../core/search/filter-cache.ts";
import type { CallContext } from "../../model/call-context.ts";
import type { LogFields } from "../../obs/logger.ts";
import type { ClientInfo, ClientRegistry } from "./client-registry.ts";
import type { MetaCache } from "./meta-cache.ts";
import type { ProxyDeps } from "./proxy-deps.ts";
import type { SearchParamsCache } from "./read/search-params-cache.ts";

/**
 * Serves one RPC. It throws errors instead of packing them into the answer: the way out encodes them for every RPC alike. An
 * answer that carries a status of its own (a write of which parts are in) is sent as it is.
 */
export type Handler<Req, Res> = (call: ProxyCall, request: Req) => Promise<Res>;

/** One call on its way through the proxy. */
export interface ProxyCall {
  /** For example `Search`. */
  readonly rpc: string;
  /** The database is resolved, the principal known; the signal aborts at the deadline, too. */
  readonly ctx: CallContext;
  readonly deps: ProxyDeps;
  readonly metaCache: MetaCache;
  readonly self: ProxySelf;
  /** On the monotonic clock. */
  readonly arrivedMs: number;
  /** Who connected, as sent with Connect. */
  readonly client: ClientInfo | undefined;
  /** `address:port` of the client. */
  readonly peer: string;
  readonly requestBytes: number;
  /** Adds fields to the call's log lines and to its slow log entry: collection, rows, nq, filter. */
  note(fields: LogFields): void;
}

/** What handlers see of the proxy that they run in. */
export interface ProxySelf {
  readonly state: ComponentStateCode;
  readonly clients: ClientRegistry;
  readonly filters: FilterCache;
  readonly searchParams: SearchParamsCache;
  readonly batchMemory: BufferPool;
}
