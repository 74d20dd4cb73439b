import type { RpcAccess } from "./rpc-row.ts";

/** Says who a client is and what it may do. Both throw: privilegeNotAuthenticated, privilegeNotPermitted. */
export interface Authenticator {
  /**
   * The principal of a call's credentials; `""` while authentication is off.
   *
   * @param credentials `user:password` or an API key, decoded; undefined when the client sent none
   */
  authenticate(credentials: string | undefined): Promise<string>;
  authorize(principal: string, access: RpcAccess): Promise<void>;
}

/** Lets everyone do everything: authorization is off. */
export const OPEN_AUTHENTICATOR: Authenticator = {
  authenticate: () => Promise.resolve(""),
  authorize: () => Promise.resolve(),
};
