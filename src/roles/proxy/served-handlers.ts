import type { Init } from "../../wire/codec.ts";
import type { MessageTypes } from "../../wire/messages.gen.ts";
import type { Handler } from "./handler.ts";
import type { RpcTypes } from "./rpc-types.ts";

/** A handler for each RPC that is served; one that is missing here answers that it is not served. */
export type ServedHandlers = {
  readonly [Name in keyof RpcTypes]?: Handler<
    MessageTypes[RpcTypes[Name]["request"]],
    Init<MessageTypes[RpcTypes[Name]["response"]]>
  >;
};

export const SERVED_HANDLERS: ServedHandlers = {};
