import type { Init } from "../../wire/codec.ts";
import type { Handler } from "./handler.ts";
import type { RequestOf, ResponseOf, RpcName } from "./rpc-specs.ts";

/** A handler for each RPC that is served; one that is missing answers that it is not served. */
export type ServedHandlers = {
  readonly [Name in RpcName]?: Handler<RequestOf<Name>, Init<ResponseOf<Name>>>;
};
