import type { BufferPool } from "../base/buffer-pool.ts";
import type { GrpcCode } from "./grpc-status.ts";
import type { InflightBytes } from "./inflight-bytes.ts";
import type { TimeoutWheel } from "./timeout-wheel.ts";

/** What the calls of one server share. */
export interface GrpcServerCore {
  readonly limits: GrpcLimits;
  readonly wheel: TimeoutWheel;
  readonly inflight: InflightBytes;
  /** For large requests whose method borrows their bytes. */
  readonly requestMemory: BufferPool;
  /** Open streams that carry a call. */
  readonly calls: Set<RunningCall>;
  /** Handlers that have not settled, those of calls that ended before included. */
  handlersRunning: number;
  readonly onCallEnd: ((end: CallEnd) => void) | undefined;
}

export interface RunningCall {
  readonly longLived: boolean;
  /** Ends the call from the server's side. */
  terminate(reason: string): void;
}

export interface CallEnd {
  readonly path: string;
  readonly code: GrpcCode;
  readonly requestBytes: number;
}

export interface GrpcLimits {
  /** Bytes of one request message, compressed and not. */
  readonly receiveBytesMax: number;
  /** Bytes of one response message before compression. */
  readonly sendBytesMax: number;
  /** Bytes of one message of a streaming method. */
  readonly streamMessageBytesMax: number;
  /** Bytes of messages in flight over all connections. */
  readonly inflightBytesMax: number;
  /** Requests that wait for room among them. */
  readonly inflightWaitersMax: number;
  /** Handlers that run at once over all connections. */
  readonly handlersMax: number;
  readonly concurrentStreamsMax: number;
  readonly connectionsMax: number;
  readonly headerListBytesMax: number;
  /** Flow control: what one stream and one connection may send ahead of us. */
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  /** A message has to be received or sent within this time plus its bytes by the lowest speed. */
  readonly transferBaseMs: number;
  readonly transferBytesPerSecondMin: number;
  /** How much and how long is still read of a request that was refused already, before its stream is reset. */
  readonly discardedBytesMax: number;
  readonly discardMs: number;
  /** Cancelled streams per connection: a burst, and how many a second after it; more ends the connection. */
  readonly streamResetBurst: number;
  readonly streamResetsPerSecond: number;
  /** A silent connection gets a ping after this time, and is closed when no answer comes. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
}

const MIB = 1024 * 1024;

/** Message sizes and keepalive are Milvus's defaults. */
export const DEFAULT_GRPC_LIMITS: GrpcLimits = {
  receiveBytesMax: 256 * MIB,
  sendBytesMax: 256 * MIB,
  streamMessageBytesMax: MIB,
  inflightBytesMax: 512 * MIB,
  inflightWaitersMax: 256,
  handlersMax: 16_384,
  concurrentStreamsMax: 1024,
  connectionsMax: 8192,
  headerListBytesMax: 64 * 1024,
  streamWindowBytes: 512 * 1024,
  connectionWindowBytes: 16 * MIB,
  transferBaseMs: 30_000,
  transferBytesPerSecondMin: 64 * 1024,
  discardedBytesMax: 4 * MIB,
  discardMs: 2000,
  streamResetBurst: 10_000,
  streamResetsPerSecond: 1000,
  keepaliveMs: 60_000,
  keepaliveTimeoutMs: 10_000,
};
