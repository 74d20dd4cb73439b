import { fieldNotFound } from "../../../errors/meta-errors.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { gatherColumn, keyAt, keysFrom } from "../../../format/column-select.ts";
import { isValid, keyCount, type Column, type Keys } from "../../../model/columns.ts";
import { DataType, isVector } from "../../../model/data-type.ts";
import {
  fieldByName,
  primaryKeyField,
  type CollectionInfo,
  type FieldSchema,
  type KeyValues,
} from "../../../model/schema.ts";
import { fromPairs } from "../../../wire/key-values.ts";
import type { SearchRequest } from "../../../wire/messages.gen.ts";
import { decodePlaceholderGroup, queriesFor, type FieldQueries } from "../../../wire/placeholder-group.ts";
import { fromWireIds } from "../../../wire/search-results.ts";
import type { ProxyCall } from "../handler.ts";
import { annsFieldName } from "./search-params.ts";
import { queryRows } from "./query-shards.ts";
import { NO_FILTER, type ReadTarget } from "./read-scope.ts";

/** The query vectors of a search in the form that shards take. */
export interface SearchQueries {
  readonly nq: number;
  readonly queries: Uint8Array;
  readonly queryOffsets: Int32Array | undefined;
}

/** The vectors of a request, checked against the field; the bytes are a copy that starts aligned. */
export function queriesOfRequest(request: SearchRequest, field: FieldSchema): SearchQueries {
  const found = queriesFor(field, decodePlaceholderGroup(request.placeholderGroup ?? new Uint8Array(0)));
  return searchQueries(found);
}

function searchQueries(found: FieldQueries): SearchQueries {
  if (found.kind === "dense")
    return { nq: found.count, queries: found.bytes.slice(), queryOffsets: undefined };
  const { offsets, bytes } = found.rows;
  const base = offsets[0] ?? 0;
  return {
    nq: found.count,
    queries: bytes.slice(base, offsets[found.count]),
    queryOffsets: offsets.slice(0, found.count + 1).map((offset) => offset - base),
  };
}

/** How many queries a request has, by what it says or, of older clients, by its vectors. */
export function queryCount(request: SearchRequest): number {
  if (request.ids !== undefined) return keyCount(fromWireIds(request.ids));
  if (request.nq !== 0n) return Number(request.nq);
  return request.placeholderGroup === undefined ? 0 : decodePlaceholderGroup(request.placeholderGroup).count;
}

/** Keys whose vectors are to be searched for, checked before anything is read. */
export function searchedKeys(request: SearchRequest, info: CollectionInfo): Keys | undefined {
  if (request.ids === undefined) return undefined;
  const keys = fromWireIds(request.ids);
  const count = keyCount(keys);
  if (count === 0) return undefined;
  const distinct = new Set(Array.from({ length: count }, (_, i) => keyAt(keys, i)));
  if (distinct.size !== count) throw parameterInvalid("duplicate IDs found in search request");
  checkVectorField(fromPairs(request.searchParams), info);
  const isInt = primaryKeyField(info.schema).type === DataType.Int64;
  if (isInt !== (keys.kind === "int64")) {
    throw isInt
      ? parameterInvalid("primary key is int64, but IDs type mismatch", {
          expected: "int64 IDs",
          actual: "got other type",
        })
      : parameterInvalid("primary key is varchar, but IDs type mismatch", {
          expected: "string IDs",
          actual: "got other type",
        });
  }
  return keys;
}

function checkVectorField(params: KeyValues, { schema }: CollectionInfo): void {
  const vectors = schema.fields.filter(({ type }) => isVector(type));
  if ((params["anns_field"] ?? "") === "" && vectors.length > 1) {
    throw parameterInvalid("multiple vector fields exist, please specify anns_field in search_params", {
      expected: "valid anns_field in search_params",
      actual: "missing",
    });
  }
  const name = annsFieldName(params, schema);
  const field = fieldByName(schema, name);
  if (field === undefined) throw fieldNotFound(name, "vector field not found in schema");
  if (!isVector(field.type)) throw parameterInvalid(`field (${name}) to search is not of vector data type`);
}

/** Vectors of stored rows, in the order of the keys. */
export interface StoredQueries {
  readonly queries: SearchQueries;
  /** Positions of the keys whose rows have a vector: query i is that of key present[i]. */
  readonly present: readonly number[];
}

/** Reads the vectors of rows by key. Every key must exist. */
export async function queriesOfKeys(
  call: ProxyCall,
  target: ReadTarget,
  field: FieldSchema,
  keys: Keys,
): Promise<StoredQueries> {
  const rows = await queryRows(
    call,
    { ...target, filter: NO_FILTER },
    { keys, limit: -1, offset: 0, outputFieldIds: [field.id] },
  );
  const rowOf = new Map(Array.from({ length: keyCount(rows.keys) }, (_, i) => [keyAt(rows.keys, i), i]));
  const wanted = Array.from({ length: keyCount(keys) }, (_, i) => keyAt(keys, i));
  const missing = wanted.filter((key) => !rowOf.has(key));
  if (missing.length > 0) {
    throw parameterInvalid(
      `some of the provided primary key IDs do not exist: missing IDs = [${missing.join(" ")}]`,
    );
  }
  const [column] = rows.fields;
  if (column === undefined) throw new TypeError(`no values of field ${field.name}`);
  const present = wanted.flatMap((key, i) => (isValid(column.validity, rowOf.get(key) ?? 0) ? [i] : []));
  const vectors = gatherColumn(
    column,
    present.map((i) => rowOf.get(wanted[i] ?? 0n) ?? 0),
  );
  return { queries: queriesOfColumn(vectors), present };
}

function queriesOfColumn(column: Column): SearchQueries {
  if (column.kind === "fixed") {
    const { buffer, byteOffset, byteLength } = column.values;
    return {
      nq: column.rows,
      queries: new Uint8Array(buffer, byteOffset, byteLength),
      queryOffsets: undefined,
    };
  }
  if (column.kind === "bytes")
    return { nq: column.rows, queries: column.bytes, queryOffsets: column.offsets };
  throw new TypeError("arrays are no query vectors");
}

/** The same queries, so many at once at most; at least one. */
export function queriesInParts(all: SearchQueries, most: number): readonly SearchQueries[] {
  const atOnce = Math.max(1, most);
  if (all.nq <= atOnce) return [all];
  const parts: SearchQueries[] = [];
  for (let from = 0; from < all.nq; from += atOnce) {
    const to = Math.min(from + atOnce, all.nq);
    parts.push(queryRange(all, from, to));
  }
  return parts;
}

function queryRange({ nq, queries, queryOffsets }: SearchQueries, from: number, to: number): SearchQueries {
  const bytesBefore = (query: number): number => queryOffsets?.[query] ?? (queries.length / nq) * query;
  const base = bytesBefore(from);
  return {
    nq: to - from,
    queries: queries.slice(base, bytesBefore(to)),
    queryOffsets: queryOffsets?.slice(from, to + 1).map((offset) => offset - base),
  };
}

/** Distinct keys of some, in the order of their first places. */
export function distinctKeys(keys: Keys): Keys {
  const values = new Set(Array.from({ length: keyCount(keys) }, (_, i) => keyAt(keys, i)));
  return values.size === keyCount(keys) ? keys : keysFrom(keys.kind, [...values]);
}
