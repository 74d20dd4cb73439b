import { NO_TRACE, type CallContext, type TraceContext } from "../../model/call-context.ts";
import type { LogFields } from "../../obs/logger.ts";
import { parseTraceparent } from "../../obs/tracing.ts";
import { CallSignal } from "./call-signal.ts";
import type { ClientInfo } from "./client-registry.ts";
import type { ProxyCall, ProxySelf } from "./handler.ts";
import type { IncomingCall } from "./incoming-call.ts";
import type { MetaCache } from "./meta-cache.ts";
import type { ProxyDeps } from "./proxy-deps.ts";
import { requestTarget, type RequestTarget } from "./request-target.ts";
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
  readonly target: RequestTarget;
  readonly ctx: CallContext;
  readonly #context: ServedContext;
  readonly #notes: LogFields[] = [];
  readonly #signal: CallSignal;

  constructor(row: RpcRow, incoming: IncomingCall, request: object, proxy: CallHost) {
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
    this.#context = new ServedContext(incoming, this.#signal);
    this.ctx = this.#context;
    this.target = requestTarget(request);
  }

  /** What interceptors find out; nobody behind them has seen the context yet. */
  enter({
    database,
    principal,
    trace,
  }: Partial<Pick<CallContext, "database" | "principal" | "trace">>): void {
    if (database !== undefined) this.#context.database = database;
    if (principal !== undefined) this.#context.principal = principal;
    if (trace !== undefined) this.#context.trace = trace;
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
    return Object.assign({}, ...this.#notes) as LogFields;
  }

  note(fields: LogFields): void {
    this.#notes.push(fields);
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

/** Its signal is made when somebody looks. */
class ServedContext implements CallContext {
  principal = "";
  database = "default";
  trace: TraceContext;
  readonly deadlineMs: number;
  readonly clientRequestId: string;
  readonly #signal: CallSignal;

  constructor({ metadata }: IncomingCall, signal: CallSignal) {
    this.#signal = signal;
    this.deadlineMs = signal.deadlineMs;
    this.trace = parseTraceparent(metadata.get("traceparent")) ?? NO_TRACE;
    this.clientRequestId = metadata.get("client-request-id") ?? metadata.get("client_request_id") ?? "";
  }

  get signal(): AbortSignal {
    return this.#signal.signal;
  }
}
