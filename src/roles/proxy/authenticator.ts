import type { ObjectType } from "./rpc-specs.ts";

/** Says who a client is and what it may do. Both throw: privilegeNotAuthenticated, privilegeNotPermitted. */
export interface Authenticator {
  /**
   * The principal of a call's credentials; `""` while authentication is off.
   *
   * @param credentials `user:password` or an API key, decoded; undefined when the client sent none
   */
  authenticate(credentials: string | undefined): Promise<string>;
  authorize(request: AccessRequest): Promise<void>;
}

/** What a call wants to do to what. */
export interface AccessRequest {
  readonly principal: string;
  readonly rpc: string;
  /** Milvus's name of the privilege. */
  readonly privilege: string;
  readonly objectType: ObjectType;
  readonly database: string;
  /** Names of collections or users, or `*` for Global. */
  readonly objectNames: readonly string[];
}

/** Lets everyone do everything: authorization is off. */
export const OPEN_AUTHENTICATOR: Authenticator = {
  authenticate: () => Promise.resolve(""),
  authorize: () => Promise.resolve(),
};
