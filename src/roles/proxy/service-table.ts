import type { MessageName } from "../../wire/codec.ts";
import type { MessageTypes } from "../../wire/messages.gen.ts";
import { milvusRpcs, type Rpc } from "../../wire/service.ts";
import { AssertionError } from "../../base/assert.ts";
import type { Handler } from "./handler.ts";
import { RPC_SPECS, type RpcName, type RpcSpec } from "./rpc-specs.ts";
import { ALL_HANDLERS } from "./all-handlers.ts";

/** One RPC of the public service: everything that its way through the proxy needs to know of it. */
export interface RpcRow extends RpcSpec {
  /** For example `CreateCollection`. */
  readonly name: RpcName;
  readonly rpc: Rpc;
  /** Undefined: not served by this version, said so in the answer's status. */
  readonly handler: AnyHandler | undefined;
}

/** The types fit by construction: a row's handler takes and gives what the same row decodes and encodes. */
export type AnyHandler = Handler<MessageTypes[MessageName], object>;

/** All RPCs of MilvusService. Throws when one lacks a row or a row names none. */
export function serviceTable(): readonly RpcRow[] {
  const rpcs = milvusRpcs();
  const rows = rpcs.map((rpc): RpcRow => {
    if (!isRpcName(rpc.name)) throw new AssertionError(`no row for the RPC ${rpc.name}`);
    const spec = RPC_SPECS[rpc.name] as unknown as RpcSpec;
    return { ...spec, name: rpc.name, rpc, handler: ALL_HANDLERS[rpc.name] as unknown as AnyHandler };
  });
  const stray = Object.keys(RPC_SPECS).find((name) => !rpcs.some((rpc) => rpc.name === name));
  if (stray !== undefined) throw new AssertionError(`the row ${stray} names no RPC of MilvusService`);
  return rows;
}

function isRpcName(name: string): name is RpcName {
  return Object.hasOwn(RPC_SPECS, name);
}
