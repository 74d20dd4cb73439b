import { definitionOf, resolveName, ROOT_PACKAGE } from "./definitions.ts";
import type { MessageName } from "./codec.ts";

/** One RPC of Milvus's public service. */
export interface Rpc {
  /** For example `Search`. */
  readonly name: string;
  /** The HTTP/2 path, `/milvus.proto.milvus.MilvusService/Search`. */
  readonly path: string;
  readonly request: MessageName;
  readonly response: MessageName;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  /**
   * Where the response carries its status: "self" when it is one, "status" when it has a field of that name,
   * "none" otherwise.
   */
  readonly status: "self" | "status" | "none";
}

export const MILVUS_SERVICE = `${ROOT_PACKAGE}.milvus.MilvusService`;

/** All RPCs of MilvusService in the order of their definition. */
export function milvusRpcs(): readonly Rpc[] {
  const methods = definitionOf(MILVUS_SERVICE)?.methods ?? {};
  return Object.entries(methods).map(([name, method]) => {
    const response = messageName(method.responseType);
    return {
      name,
      path: `/${MILVUS_SERVICE}/${name}`,
      request: messageName(method.requestType),
      response,
      requestStream: method.requestStream ?? false,
      responseStream: method.responseStream ?? false,
      status: statusPlace(response),
    };
  });
}

function messageName(type: string): MessageName {
  return resolveName(type, `${ROOT_PACKAGE}.milvus`).slice(ROOT_PACKAGE.length + 1) as MessageName;
}

function statusPlace(response: MessageName): Rpc["status"] {
  if (response === "common.Status") return "self";
  const fullName = `${ROOT_PACKAGE}.${response}`;
  const type = definitionOf(fullName)?.fields?.["status"]?.type;
  return type !== undefined && resolveName(type, fullName) === `${ROOT_PACKAGE}.common.Status`
    ? "status"
    : "none";
}
