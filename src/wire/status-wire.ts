import { SUCCESS, toStatus, type Status } from "../errors/status.ts";
import { encode, type Init } from "./codec.ts";
import type { Status as WireStatus } from "./messages.gen.ts";
import type { Rpc } from "./service.ts";

/** The status of an answer, in both the current code and the deprecated one. */
export function toWireStatus(status: Status): Init<WireStatus> {
  if (status === SUCCESS) return OK;
  return {
    errorCode: status.legacyCode,
    code: status.code,
    reason: status.reason,
    retriable: status.retriable,
    detail: status.detail,
    extraInfo: new Map(Object.entries(status.extraInfo)),
  };
}

const OK: Init<WireStatus> = Object.freeze({});

export function fromWireStatus(wire: WireStatus | undefined): Status {
  if (wire === undefined) return SUCCESS;
  return {
    code: wire.code,
    legacyCode: wire.errorCode,
    reason: wire.reason,
    retriable: wire.retriable,
    detail: wire.detail,
    extraInfo: Object.fromEntries(wire.extraInfo),
  };
}

/**
 * The bytes of an answer that is nothing but a failure, for any RPC. Undefined where the response has no status to
 * put it in: the caller then ends the call with a gRPC status.
 */
export function encodeFailure(rpc: Rpc, error: unknown, headroom = 0): Uint8Array | undefined {
  const status = toWireStatus(toStatus(error));
  if (rpc.status === "self") return encode("common.Status", status, headroom);
  if (rpc.status === "none") return undefined;
  return encode(rpc.response, { status }, headroom);
}
