import definitionsModule from "@zilliz/milvus2-sdk-node/dist/milvus/proto-json/milvus.base.js";
import { AssertionError } from "../base/assert.ts";

/**
 * Milvus's protobuf definitions as the SDK package ships them: a tree of packages, messages and enums by name.
 * Nothing of them is copied here; everything about the wire is read from this tree at run time.
 */
export interface Namespace {
  readonly nested?: Readonly<Record<string, Definition>>;
}

export interface Definition extends Namespace {
  readonly fields?: Readonly<Record<string, FieldDefinition>>;
  readonly oneofs?: Readonly<Record<string, { readonly oneof: readonly string[] }>>;
  readonly values?: Readonly<Record<string, number>>;
  readonly methods?: Readonly<Record<string, MethodDefinition>>;
  /** "proto2" where every field knows absence; Milvus's own messages are proto3. */
  readonly edition?: string;
}

export interface FieldDefinition {
  readonly type: string;
  readonly id: number;
  /** "repeated" or absent. */
  readonly rule?: string;
  /** Present on maps; `type` is then the type of the values. */
  readonly keyType?: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

export interface MethodDefinition {
  readonly requestType: string;
  readonly responseType: string;
  readonly requestStream?: boolean;
  readonly responseStream?: boolean;
}

/** All full names of Milvus's packages start with this. */
export const ROOT_PACKAGE = "milvus.proto";

const root = (definitionsModule as { readonly default: Namespace }).default;

/** The definition with a full name, for example `milvus.proto.schema.FieldData`. */
export function definitionOf(fullName: string): Definition | undefined {
  let node: Namespace | undefined = root;
  for (const part of fullName.split(".")) node = node?.nested?.[part];
  return node;
}

/**
 * The full name that `name` means inside of `scope`: protobuf's rule, innermost scope first.
 * Scalar types are no names; asking for one is a mistake of the caller.
 */
export function resolveName(name: string, scope: string): string {
  const parts = scope.split(".");
  for (let depth = parts.length; depth >= 0; depth--) {
    const candidate = [...parts.slice(0, depth), name].join(".");
    const found = definitionOf(candidate);
    if (found?.fields !== undefined || found?.values !== undefined) return candidate;
  }
  throw new AssertionError(`no protobuf type ${name} in ${scope}`);
}
