import { NO_TRACE, type CallContext } from "../../model/call-context.ts";
import type { LogFields } from "../../obs/logger.ts";
import { parseTraceparent } from "../../obs/tracing.ts";
import { CallSignal } from "./call-signal.ts";
import type { ClientInfo } from "./client-registry.ts";
import type { ProxyCall, ProxySelf } from "./handler.ts";
import type { IncomingCall } from "./incoming-call.ts";
import type { MetaCache } from "./meta-cache.ts";
import type { ProxyDeps } from "./proxy-deps.ts";
import type { RpcRow } from "./service-table.ts";

/** A call while it is served: what interceptors know and change of it. */
export class ActiveCall implements ProxyCall, Disposable {
  readonly row: RpcRow;
  readonly deps: ProxyDeps;
  readonly metaCache: MetaCache;
  readonly self: ProxySelf;
  readonly arrivedMs: number;
  readonly client: ClientInfo | undefined;
  readonly incoming: IncomingCall;
  readonly ctx: CallContext;
  readonly #context: CallContext;
  #fields: LogFields = {};
  readonly #signal: CallSignal;

  constructor(row: RpcRow, incoming: IncomingCall, proxy: CallHost) {
    const { deps } = proxy;
    this.row = row;
    this.deps = deps;
    this.metaCache = proxy.metaCache;
    this.self = proxy;
    this.incoming = incoming;
    this.arrivedMs = deps.clock.monotonicMs();
    const nowMs = deps.clock.nowMs();
    this.client = proxy.clients.find(incoming.metadata.get("identifier"), nowMs);
    const { ddlTimeoutMs, requestTimeoutMs } = deps.limits;
    const timeoutMs = row.quota === "ddl" ? ddlTimeoutMs : requestTimeoutMs;
    this.#signal = new CallSignal(incoming, deps.clock, timeoutMs);
    this.#context = contextOf(incoming, this.#signal);
    this.ctx = this.#context;
  }

  /** What interceptors find out; nobody behind them has seen the context yet. */
  enter(found: Partial<Pick<CallContext, "database" | "principal" | "trace">>): void {
    Object.assign(this.#context, found);
  }

  get rpc(): string {
    return this.row.name;
  }

  get peer(): string {
    return this.incoming.peer;
  }

  get requestBytes(): number {
    return this.incoming.requestBytes;
  }

  get fields(): LogFields {
    return this.#fields;
  }

  note(fields: LogFields): void {
    this.#fields = { ...this.#fields, ...fields };
  }

  [Symbol.dispose](): void {
    this.#signal[Symbol.dispose]();
  }
}

/** The proxy as its calls need it. */
export interface CallHost extends ProxySelf {
  readonly deps: ProxyDeps;
  readonly metaCache: MetaCache;
}

function contextOf({ metadata }: IncomingCall, signal: CallSignal): CallContext {
  return {
    principal: "",
    database: "default",
    deadlineMs: signal.deadlineMs,
    // An own property, so that a copy of the context keeps it; made when somebody looks.
    get signal() {
      return signal.signal;
    },
    trace: parseTraceparent(metadata.get("traceparent")) ?? NO_TRACE,
    clientRequestId: metadata.get("client-request-id") ?? metadata.get("client_request_id") ?? "",
  };
}
