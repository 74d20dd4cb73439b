import type { MessagePort, Transferable } from "node:worker_threads";
import type { ServiceTable } from "../api/service-table.ts";
import { decodeError, encodeError, type EncodedError } from "../errors/error-codec.ts";
import { isRedkiteError, type RedkiteError } from "../errors/redkite-error.ts";
import {
  abortReason,
  deadlineExceeded,
  serviceInternal,
  serviceTooManyRequests,
  serviceUnavailable,
} from "../errors/service-errors.ts";
import type { CallContext, TraceContext } from "../model/call-context.ts";

/**
 * Contracts between threads of one process. A call is one message there and one back; requests and answers are plain
 * data by structured clone, SharedArrayBuffers go by reference, and buffers move without a copy when the wiring names
 * them. Calls are not ordered among each other and never repeated. What runs at once is bounded on both sides. When the
 * other thread ends, calls without an answer fail with a retriable error: whether they took effect is unknown.
 */
export function connectWorker<C extends object>(
  port: MessagePort,
  table: ServiceTable<C>,
  options: WorkerClientOptions<C> = {},
): WorkerClient<C> {
  const caller = new Caller(port, table.name, options);
  const entries = methodNames(table).map((method) => [
    method,
    (ctx: CallContext, request: unknown): Promise<unknown> => caller.call(method, ctx, request),
  ]);
  return {
    client: Object.fromEntries(entries) as C,
    inflight: () => caller.inflight,
    close: () => caller.close(),
  };
}

/** Answers the calls that come through `port` with `implementation`, until the port closes. */
export function serveWorker<C extends object>(
  port: MessagePort,
  table: ServiceTable<C>,
  implementation: C,
  options: WorkerServerOptions<C> = {},
): WorkerServer {
  const callee = new Callee(port, table, implementation as Implementation, options);
  return { inflight: () => callee.inflight, close: () => callee.close() };
}

export interface WorkerClient<C> {
  readonly client: C;
  /** Calls without an answer. */
  inflight(): number;
  /** Fails those, and closes the port. */
  close(): void;
}

export interface WorkerServer {
  /** Calls whose handler has not settled. */
  inflight(): number;
  /** Aborts those, and closes the port. */
  close(): void;
}

/** What of a request or answer moves to the other thread instead of being copied; unusable here from then on. */
export type TransferLists<C> = { readonly [M in keyof C]?: (value: never) => readonly Transferable[] };

export interface WorkerClientOptions<C> {
  /** Calls without an answer; more are refused with a retriable error. Default 4096. */
  readonly inflightMax?: number;
  readonly transfer?: TransferLists<C>;
}

export interface WorkerServerOptions<C> extends WorkerClientOptions<C> {
  /** Told of errors that nobody expected, with their stack, which does not cross. Must not throw. */
  readonly onUnexpected?: (error: unknown, method: string) => void;
}

class Caller {
  readonly #port: MessagePort;
  readonly #service: string;
  readonly #inflightMax: number;
  readonly #transfer: Readonly<Record<string, TransferList | undefined>>;
  readonly #pending = new Map<number, PendingCall>();
  #nextId = 1;
  #closed = false;

  constructor(port: MessagePort, service: string, options: WorkerClientOptions<object>) {
    this.#port = port;
    this.#service = service;
    this.#inflightMax = options.inflightMax ?? INFLIGHT_MAX;
    this.#transfer = (options.transfer ?? {}) as Record<string, TransferList | undefined>;
    port.on("message", (message: ResultMessage | FailureMessage) => this.#onAnswer(message));
    port.on("messageerror", () => this.close());
    port.on("close", () => this.#onClose());
  }

  get inflight(): number {
    return this.#pending.size;
  }

  call(method: string, ctx: CallContext, request: unknown): Promise<unknown> {
    const { signal } = ctx;
    if (signal.aborted) return Promise.reject(abortReason(signal));
    if (this.#closed) return Promise.reject(this.#ended());
    if (this.#pending.size >= this.#inflightMax) {
      return Promise.reject(serviceTooManyRequests(this.#inflightMax, `${this.#service}.${method}`));
    }
    const id = this.#nextId++;
    try {
      this.#post(method, [REQUEST, id, method, request, contextToData(ctx)], request);
    } catch (error) {
      return Promise.reject(
        serviceInternal(`the request of ${this.#service}.${method} cannot be sent`, error),
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const onAbort = (): void => {
      const reason = abortReason(signal);
      this.#pending.delete(id);
      this.#port.postMessage([CANCEL, id, encodeError(reason)] satisfies CancelMessage);
      reject(reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    this.#pending.set(id, { resolve, reject, forget: () => signal.removeEventListener("abort", onAbort) });
    return promise;
  }

  close(): void {
    this.#port.close();
    this.#onClose();
  }

  #post(method: string, message: RequestMessage, request: unknown): void {
    const transfer = this.#transfer[method];
    if (transfer === undefined) this.#port.postMessage(message);
    else this.#port.postMessage(message, [...transfer(request)]);
  }

  #onAnswer(message: ResultMessage | FailureMessage): void {
    const id = message[1];
    const call = this.#pending.get(id);
    // Cancelled before the answer came.
    if (call === undefined) return;
    this.#pending.delete(id);
    call.forget();
    if (message[0] === RESULT) call.resolve(message[2]);
    else call.reject(decodeError(message[2]));
  }

  #onClose(): void {
    this.#closed = true;
    const calls = [...this.#pending.values()];
    this.#pending.clear();
    for (const call of calls) {
      call.forget();
      call.reject(this.#ended());
    }
  }

  #ended(): RedkiteError {
    return serviceUnavailable(`the thread that serves ${this.#service} has ended`);
  }
}

class Callee {
  readonly #port: MessagePort;
  readonly #service: string;
  readonly #methods: ReadonlySet<string>;
  readonly #implementation: Implementation;
  readonly #inflightMax: number;
  readonly #transfer: Readonly<Record<string, TransferList | undefined>>;
  readonly #onUnexpected: ((error: unknown, method: string) => void) | undefined;
  readonly #running = new Map<number, ReceivedContext>();
  #closed = false;

  constructor(
    port: MessagePort,
    table: ServiceTable<object>,
    implementation: Implementation,
    options: WorkerServerOptions<object>,
  ) {
    this.#port = port;
    this.#service = table.name;
    this.#methods = new Set(methodNames(table));
    this.#implementation = implementation;
    this.#inflightMax = options.inflightMax ?? INFLIGHT_MAX;
    this.#transfer = (options.transfer ?? {}) as Record<string, TransferList | undefined>;
    this.#onUnexpected = options.onUnexpected;
    port.on("message", (message: RequestMessage | CancelMessage) => {
      if (message[0] === CANCEL) this.#running.get(message[1])?.abort(decodeError(message[2]));
      else void this.#onRequest(message);
    });
    port.on("close", () => this.#onClose());
  }

  get inflight(): number {
    return this.#running.size;
  }

  close(): void {
    this.#port.close();
    this.#onClose();
  }

  async #onRequest([, id, method, request, contextData]: RequestMessage): Promise<void> {
    const context = new ReceivedContext(contextData);
    try {
      this.#admit(method, context);
      this.#running.set(id, context);
      const answer = await this.#implementation[method]?.(context, request);
      const transfer = this.#transfer[method];
      if (this.#closed) return;
      const message: ResultMessage = [RESULT, id, answer];
      if (transfer === undefined) this.#port.postMessage(message);
      else this.#port.postMessage(message, [...transfer(answer)]);
    } catch (error) {
      if (!isRedkiteError(error)) this.#onUnexpected?.(error, method);
      if (!this.#closed) this.#port.postMessage([FAILURE, id, encodeError(error)] satisfies FailureMessage);
    } finally {
      this.#running.delete(id);
    }
  }

  #admit(method: string, context: ReceivedContext): void {
    const name = `${this.#service}.${method}`;
    if (!this.#methods.has(method)) throw serviceInternal(`${name} does not exist`);
    if (this.#running.size >= this.#inflightMax) throw serviceTooManyRequests(this.#inflightMax, name);
    const { deadlineMs } = context;
    if (deadlineMs !== undefined && deadlineMs <= Date.now()) throw deadlineExceeded(name);
  }

  #onClose(): void {
    this.#closed = true;
    const gone = serviceUnavailable(`the thread that called ${this.#service} has ended`);
    for (const context of this.#running.values()) context.abort(gone);
  }
}

/** A call's context on the other side. Its signal is created on first use. */
class ReceivedContext implements CallContext {
  readonly principal: string;
  readonly database: string;
  readonly deadlineMs: number | undefined;
  readonly trace: TraceContext;
  readonly clientRequestId: string;
  declare readonly signal: AbortSignal;
  #controller: AbortController | undefined;
  #reason: Error | undefined;

  constructor(data: ContextData) {
    this.principal = data.principal;
    this.database = data.database;
    this.deadlineMs = data.deadlineMs;
    this.trace = data.trace;
    this.clientRequestId = data.clientRequestId;
    // An own property, so that a copy of the context (with another trace, say) keeps it.
    Object.defineProperty(this, "signal", { enumerable: true, get: () => this.#madeSignal() });
  }

  #madeSignal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }
}

type Implementation = Readonly<Record<string, (ctx: CallContext, request: unknown) => Promise<unknown>>>;
type TransferList = (value: unknown) => readonly Transferable[];
type ContextData = Omit<CallContext, "signal">;

interface PendingCall {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  /** Takes the listener off the caller's signal. */
  readonly forget: () => void;
}

const REQUEST = 0;
const CANCEL = 1;
const RESULT = 2;
const FAILURE = 3;

/** Tuples, which clone faster than objects with names. */
type RequestMessage = [
  kind: typeof REQUEST,
  id: number,
  method: string,
  request: unknown,
  context: ContextData,
];
type CancelMessage = [kind: typeof CANCEL, id: number, reason: EncodedError];
type ResultMessage = [kind: typeof RESULT, id: number, answer: unknown];
type FailureMessage = [kind: typeof FAILURE, id: number, error: EncodedError];

function methodNames(table: ServiceTable<object>): string[] {
  return Object.keys(table.methods);
}

function contextToData(ctx: CallContext): ContextData {
  const { principal, database, deadlineMs, trace, clientRequestId } = ctx;
  return { principal, database, deadlineMs, trace, clientRequestId };
}

const INFLIGHT_MAX = 4096;
