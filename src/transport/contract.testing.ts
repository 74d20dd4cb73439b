import { isMainThread, workerData, type MessagePort } from "node:worker_threads";
import type { ServiceTable } from "../api/service-table.ts";
import { collectionNotFound } from "../errors/meta-errors.ts";
import type { CallContext } from "../model/call-context.ts";
import { NO_TRACE } from "../model/call-context.ts";
import { serveWorker } from "./worker-channel.ts";

/** A contract that exists for the channels' tests. As the main module of a worker it serves itself on the port given. */
export interface TestContract {
  echo(ctx: CallContext, request: TestValue): Promise<TestValue>;
  whoami(ctx: CallContext, request: Record<string, never>): Promise<Omit<CallContext, "signal">>;
  fail(
    ctx: CallContext,
    request: { readonly how: "expected" | "unexpected" | "uncloneable" },
  ): Promise<unknown>;
  /** Adds one to a shared counter when it starts; ends when its signal aborts, and adds one more. */
  hang(ctx: CallContext, request: { readonly counter: SharedArrayBuffer }): Promise<never>;
  fill(
    ctx: CallContext,
    request: { readonly shared: SharedArrayBuffer; readonly value: number },
  ): Promise<void>;
  swallow(ctx: CallContext, request: { readonly buffer: ArrayBuffer }): Promise<ArrayBuffer>;
  exit(ctx: CallContext, request: Record<string, never>): Promise<never>;
}

export interface TestValue {
  readonly [name: string]: unknown;
}

export const testTable: ServiceTable<TestContract> = {
  name: "TestContract",
  methods: {
    echo: { idempotent: true },
    whoami: { idempotent: true },
    fail: { idempotent: false },
    hang: { idempotent: false },
    fill: { idempotent: true },
    swallow: { idempotent: true },
    exit: { idempotent: false },
  },
};

export const testImplementation: TestContract = {
  echo: async (_ctx, request) => request,
  whoami: async ({ principal, database, deadlineMs, trace, clientRequestId }) => ({
    principal,
    database,
    deadlineMs,
    trace,
    clientRequestId,
  }),
  fail: async (_ctx, { how }) => {
    if (how === "expected") throw collectionNotFound({ db: "default", collection: "books" });
    if (how === "unexpected") throw new TypeError("boom");
    return () => "functions do not cross";
  },
  hang: async (ctx, { counter }) => {
    const count = new Int32Array(counter);
    const { signal } = ctx;
    Atomics.add(count, 0, 1);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    Atomics.add(count, 0, 1);
    throw signal.reason;
  },
  fill: async (_ctx, { shared, value }) => {
    new Uint8Array(shared).fill(value);
  },
  swallow: async (_ctx, { buffer }) => buffer,
  exit: async () => process.exit(0),
};

export function testContext(changes: Partial<CallContext> = {}): CallContext {
  return {
    principal: "root",
    database: "default",
    deadlineMs: undefined,
    signal: new AbortController().signal,
    trace: NO_TRACE,
    clientRequestId: "",
    ...changes,
  };
}

interface WorkerSetUp {
  readonly testContractPort?: MessagePort;
  readonly inflightMax: number;
}

const setUp = workerData as WorkerSetUp | null;
if (!isMainThread && setUp?.testContractPort !== undefined) {
  serveWorker(setUp.testContractPort, testTable, testImplementation, {
    inflightMax: setUp.inflightMax,
    transfer: { swallow: (buffer: ArrayBuffer) => [buffer] },
  });
}
