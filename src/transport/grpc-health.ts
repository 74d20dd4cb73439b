import { Reader, Writer } from "protobufjs/minimal.js";
import { Deferred } from "../base/deferred.ts";
import type { GrpcMethod, ServerCall, StreamMethod, UnaryMethod } from "./grpc-method.ts";
import { withHeadroom } from "./grpc-frames.ts";
import { GrpcCode, GrpcError } from "./grpc-status.ts";

/**
 * `grpc.health.v1.Health` (the gRPC health checking protocol): what load balancers, Kubernetes and clients probe.
 * Names nobody has set are unknown; the empty name stands for the whole server and is there from the start.
 */
export class GrpcHealth {
  readonly #statuses = new Map<string, HealthStatus>([["", "SERVING"]]);
  #changed = new Deferred();

  set(service: string, status: HealthStatus): void {
    if (this.#statuses.get(service) === status) return;
    this.#statuses.set(service, status);
    this.#notify();
  }

  /** All services at once, for a drain. */
  setAll(status: HealthStatus): void {
    for (const service of this.#statuses.keys()) this.#statuses.set(service, status);
    this.#notify();
  }

  /** By path, to be served beside others. Probes pass when the bytes in flight are used up. */
  methods(): Map<string, GrpcMethod> {
    const check: UnaryMethod<string, HealthStatus> = {
      decode: decodeService,
      encode: encodeStatus,
      handle: async (_call, service) => this.#check(service),
      inflightBytesCost: () => 0,
    };
    const watch: StreamMethod<string, HealthStatus> = {
      kind: "stream",
      decode: decodeService,
      encode: encodeStatus,
      handle: (call, requests, send) => this.#watch(call, requests, send),
    };
    return new Map<string, GrpcMethod>([
      [`/${HEALTH_SERVICE}/Check`, check],
      [`/${HEALTH_SERVICE}/Watch`, watch],
    ]);
  }

  #check(service: string): HealthStatus {
    const status = this.#statuses.get(service);
    if (status === undefined)
      throw new GrpcError(GrpcCode.NOT_FOUND, `unknown service ${JSON.stringify(service)}`);
    return status;
  }

  /** The present status at once, later ones when they change; a client that reads slowly misses those between. */
  async #watch(
    call: ServerCall,
    requests: AsyncIterable<string>,
    send: (status: HealthStatus) => Promise<void>,
  ): Promise<void> {
    const { signal } = call;
    const aborted = new Deferred();
    signal.addEventListener("abort", () => aborted.resolve());
    for await (const service of requests) {
      let sent: HealthStatus | undefined;
      while (!signal.aborted) {
        const changed = this.#changed.promise;
        const status = this.#statuses.get(service) ?? "SERVICE_UNKNOWN";
        if (status !== sent) await send(status);
        sent = status;
        await Promise.race([changed, aborted.promise]);
      }
      return;
    }
    throw new GrpcError(GrpcCode.INTERNAL, "Watch needs a request");
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = new Deferred();
  }
}

export type HealthStatus = "UNKNOWN" | "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN";

export const HEALTH_SERVICE = "grpc.health.v1.Health";

/** HealthCheckRequest: `service` is field 1. */
function decodeService(bytes: Uint8Array): string {
  const reader = Reader.create(bytes);
  let service = "";
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === STRING_1) service = reader.string();
    else reader.skipType(tag & 7);
  }
  return service;
}

/** HealthCheckResponse: `status` is field 1, an enum. */
function encodeStatus(status: HealthStatus, headroom: number): Uint8Array {
  return withHeadroom(Writer.create().uint32(VARINT_1).int32(STATUS_NUMBERS[status]).finish(), headroom);
}

const STRING_1 = (1 << 3) | 2;
const VARINT_1 = 1 << 3;
const STATUS_NUMBERS = { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const;
