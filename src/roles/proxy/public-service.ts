import { notServed } from "../../errors/service-errors.ts";
import type { SlowLog } from "../../obs/slow-log.ts";
import { decode, encode } from "../../wire/codec.ts";
import { encodeFailure } from "../../wire/status-wire.ts";
import { ActiveCall, type CallHost } from "./active-call.ts";
import type { IncomingCall } from "./incoming-call.ts";
import {
  authenticate,
  checkHealth,
  enqueue,
  limitRate,
  resolveDatabase,
  type AnyRequest,
  type Interceptor,
  type TaskQueues,
} from "./interceptors.ts";
import { observe } from "./observe.ts";
import type { ProxyMetrics } from "./proxy-metrics.ts";
import { serviceTable, type AnyHandler, type RpcRow } from "./service-table.ts";

/** One unary method of the public service, for whatever transport serves it. */
export interface PublicMethod {
  /** `/milvus.proto.milvus.MilvusService/Search`. */
  readonly path: string;
  decode(bytes: Uint8Array): AnyRequest;
  /** Rows are copied into batches: their requests' bytes are used again. */
  readonly requestBytes?: "borrowed";
  encode(answer: Answer, headroom: number): Uint8Array;
  /** Rejects only where the response has no status to put an error in. */
  handle(call: IncomingCall, request: AnyRequest): Promise<Answer>;
}

/** A response message, or the error that goes into its status. */
export type Answer =
  | { readonly kind: "message"; readonly message: object }
  | { readonly kind: "failure"; readonly error: unknown };

/**
 * Every unary RPC of MilvusService on its way through the interceptors, in the order of R110. RPCs that this version does not
 * serve take the same way and answer with a status that names them: a gRPC UNIMPLEMENTED would reach some clients as an empty success.
 * Those whose response has no status are left to the transport's UNIMPLEMENTED, on which clients fall back to older RPCs
 * (AlterCollectionSchema to AddCollectionField).
 */
export function publicMethods(
  host: CallHost,
  parts: { readonly queues: TaskQueues; readonly metrics: ProxyMetrics; readonly slowLog: SlowLog },
): PublicMethod[] {
  const interceptors: readonly Interceptor[] = [
    observe(parts.metrics, parts.slowLog),
    checkHealth,
    resolveDatabase,
    authenticate,
    limitRate(parts.metrics),
    enqueue(parts.queues),
  ];
  return serviceTable()
    .filter(({ rpc }) => !rpc.requestStream && !rpc.responseStream)
    .filter(({ handler, rpc }) => handler !== undefined || rpc.status !== "none")
    .map((row) => publicMethod(row, host, interceptors));
}

function publicMethod(row: RpcRow, host: CallHost, interceptors: readonly Interceptor[]): PublicMethod {
  const handler = row.handler ?? refuse;
  return {
    path: row.rpc.path,
    decode: (bytes) => decode(row.request, bytes),
    ...(row.queue === "dml" && { requestBytes: "borrowed" as const }),
    encode: (answer, headroom) => encodeAnswer(row, answer, headroom),
    async handle(incoming, request) {
      using call = new ActiveCall(row, incoming, request, host);
      try {
        const message = await runThrough(interceptors, call, request, handler);
        return { kind: "message", message: withStatus(row, message) };
      } catch (error) {
        if (row.rpc.status === "none") throw error;
        return { kind: "failure", error };
      }
    },
  };
}

function runThrough(
  interceptors: readonly Interceptor[],
  call: ActiveCall,
  request: AnyRequest,
  handler: AnyHandler,
): Promise<unknown> {
  const step = (index: number): Promise<unknown> => {
    const interceptor = interceptors[index];
    if (interceptor === undefined) return handler(call, request);
    return interceptor(call, request, () => step(index + 1));
  };
  return step(0);
}

const refuse: AnyHandler = (call) => Promise.reject(notServed(call.rpc));

/** Success is said, too: some clients read the status without looking whether it is there. */
function withStatus(row: RpcRow, message: unknown): object {
  const fields = message as { readonly status?: object };
  if (row.rpc.status !== "status" || fields.status !== undefined) return fields;
  return { ...fields, status: {} };
}

function encodeAnswer(row: RpcRow, answer: Answer, headroom: number): Uint8Array {
  if (answer.kind === "message") return encode(row.response, answer.message, headroom);
  const bytes = encodeFailure(row.rpc, answer.error, headroom);
  if (bytes === undefined) throw answer.error;
  return bytes;
}
