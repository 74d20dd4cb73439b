import type { Init, MessageName } from "../../wire/codec.ts";
import type { MessageTypes } from "../../wire/messages.gen.ts";
import type { Handler } from "./handler.ts";

/** One RPC of the public service: everything that the way through the proxy needs to know of it. */
export interface RpcRow<Req extends MessageName = MessageName, Res extends MessageName = MessageName> {
  /** For example `CreateCollection`. */
  readonly name: string;
  readonly request: Req;
  readonly response: Res;
  /** Undefined: not served by this version, said so in the answer's status. */
  readonly handler: Handler<MessageTypes[Req], Init<MessageTypes[Res]>> | undefined;
  /** Milvus's name of the privilege, or undefined where everyone may. */
  readonly privilege: string | undefined;
  readonly objectType: ObjectType;
  readonly quota: QuotaClass;
  /** What the request counts against its quota. */
  readonly cost: (request: MessageTypes[Req]) => number;
  /** A repetition of the same request changes nothing further. */
  readonly idempotent: boolean;
}

export type ObjectType = "Global" | "Collection" | "User";
export type QuotaClass = "ddl" | "dml" | "dql" | "none";

/** What a call wants to do to what, for the authenticator. */
export interface RpcAccess {
  readonly rpc: string;
  readonly privilege: string | undefined;
  readonly objectType: ObjectType;
  readonly database: string;
  /** The collection's name, or `*`. */
  readonly objectName: string;
}
