import { collectionIllegalSchema } from "../../../errors/meta-errors.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import { notServed } from "../../../errors/service-errors.ts";
import { DataType } from "../../../model/data-type.ts";
import { TTL_FIELD_KEY, TTL_KEY } from "../../../model/expiry.ts";
import {
  CONSISTENCY_LEVELS,
  parseConsistencyLevel,
  fieldByName,
  partitionKeyField,
  primaryKeyField,
  type CollectionInfo,
  type CollectionSchema,
  type ConsistencyLevel,
  type KeyValues,
} from "../../../model/schema.ts";

import { isTimeZone, TIME_ZONE_KEY } from "../../../model/timestamptz.ts";

/** Properties of a collection or database that mean something to the server. Others are kept and shown. */
export const MMAP_KEY = "mmap.enabled";
export const CONSISTENCY_KEY = "consistency_level";
export const WARMUP_KEY = "warmup";
const ISOLATION_KEY = "partitionkey.isolation";
const QUERY_MODE_KEY = "query_mode";
const ALLOW_INSERT_AUTO_ID_KEY = "allow_insert_auto_id";
const CIPHER_KEYS: readonly string[] = ["cipher.enabled", "cipher.key", "cipher.ezID"];
const TTL_SECONDS_MAX = 3_155_760_000;

const collectionWarmupKeys: readonly string[] = [
  "warmup.scalarField",
  "warmup.scalarIndex",
  "warmup.vectorField",
  "warmup.vectorIndex",
];
const warmupPolicies: readonly string[] = ["disable", "sync", "async"];

/** Checks the properties of a new collection. */
export function checkNewProperties(properties: KeyValues, schema: CollectionSchema): void {
  checkIsolation(properties, schema);
  checkQueryMode(properties);
  checkTimezone(properties);
  const ttl = properties[TTL_KEY];
  if (ttl !== undefined && !/^[+-]?\d+$/.test(ttl)) {
    throw parameterInvalid(
      `collection ttl property value not valid, parse error: strconv.ParseInt: parsing "${ttl}": invalid syntax`,
    );
  }
  checkWarmup(properties);
  checkTtl(properties);
  checkTtlField(properties, schema);
  if (properties[TTL_KEY] !== undefined && properties[TTL_FIELD_KEY] !== undefined) {
    throw parameterInvalid("collection TTL and ttl field cannot be set at the same time");
  }
  checkFlags(properties);
  checkAllowInsertAutoId(properties, schema);
}

/** Checks what an alteration of an existing collection sets. */
export function checkAlteredProperties(
  properties: KeyValues,
  { schema, properties: current }: CollectionInfo,
): void {
  const level = properties[CONSISTENCY_KEY];
  if (level !== undefined) checkConsistencyLevel(level);
  checkAllowInsertAutoId(properties, schema);
  checkTimezone(properties);
  checkTtl(properties);
  checkTtlField(properties, schema);
  if (properties[TTL_KEY] !== undefined && current[TTL_FIELD_KEY] !== undefined) {
    throw parameterInvalid("ttl field is already exists, cannot be set collection TTL");
  }
  if (properties[TTL_FIELD_KEY] !== undefined && current[TTL_KEY] !== undefined) {
    throw parameterInvalid("collection TTL is already set, cannot be set ttl field");
  }
  checkWarmup(properties);
  checkIsolation(properties, schema);
  checkQueryMode(properties);
  checkFlags(properties);
}

/** By name or number. */
export function checkConsistencyLevel(text: string): ConsistencyLevel {
  const level = parseConsistencyLevel(text);
  if (level === undefined) {
    throw parameterInvalid(
      `consistency level ${text} is unknown, should be one of ${CONSISTENCY_LEVELS.join(", ")}`,
    );
  }
  return level;
}

export function checkTimezone(properties: KeyValues): void {
  const zone = properties[TIME_ZONE_KEY];
  if (zone === undefined) return;
  if (!isTimeZone(zone)) throw parameterInvalid(`unknown or invalid IANA Time Zone ID: ${zone}`);
}

export function checkWarmupPolicy(value: string): void {
  if (!warmupPolicies.includes(value)) {
    throw parameterInvalid(`invalid warmup policy: ${value}, must be 'disable', 'sync' or 'async'`);
  }
}

export function isWarmupKey(key: string): boolean {
  return key === WARMUP_KEY || collectionWarmupKeys.includes(key);
}

export function hasCipherKey(keys: readonly string[]): boolean {
  return keys.some((key) => CIPHER_KEYS.includes(key));
}

/** Go's strconv.ParseBool; undefined for anything else. */
export function parseBool(text: string): boolean | undefined {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return false;
  return undefined;
}

function checkTtl(properties: KeyValues): void {
  const ttl = properties[TTL_KEY];
  if (ttl !== undefined) {
    if (!/^[+-]?\d+$/.test(ttl)) {
      throw parameterInvalid("collection TTL is not a valid positive integer");
    }
    const seconds = Number(ttl);
    if (seconds < -1 || seconds > TTL_SECONDS_MAX) {
      throw parameterInvalid(`collection TTL is out of range, expect [-1, ${TTL_SECONDS_MAX}], got ${ttl}`);
    }
  }
}

function checkTtlField(properties: KeyValues, schema: CollectionSchema): void {
  const name = properties[TTL_FIELD_KEY];
  if (name === undefined) return;
  const field = fieldByName(schema, name);
  if (field === undefined) throw parameterInvalid(`ttl field name ${name} not found in schema`);
  if (field.type !== DataType.Timestamptz) {
    throw parameterInvalid(`ttl field must be timestamptz, field name = ${name}`);
  }
}

function checkWarmup(properties: KeyValues): void {
  for (const [key, value] of Object.entries(properties)) {
    if (key === WARMUP_KEY) {
      throw parameterInvalid(
        `warmup key '${key}' is only allowed at field level, use warmup.scalarField/warmup.scalarIndex/warmup.vectorField/warmup.vectorIndex at collection level`,
      );
    }
    if (!collectionWarmupKeys.includes(key)) continue;
    if (!warmupPolicies.includes(value)) {
      throw parameterInvalid(
        `invalid warmup value for key ${key}: invalid warmup policy: ${value}, must be 'disable', 'sync' or 'async': invalid parameter`,
      );
    }
  }
}

function checkIsolation(properties: KeyValues, schema: CollectionSchema): void {
  const text = properties[ISOLATION_KEY];
  if (text === undefined) return;
  const isolated = parseBool(text.toLowerCase());
  if (isolated === undefined) {
    throw parameterInvalid(
      `failed to parse partition key isolation: strconv.ParseBool: parsing "${text.toLowerCase()}": invalid syntax`,
    );
  }
  if (isolated && partitionKeyField(schema) === undefined) {
    throw collectionIllegalSchema(
      schema.name,
      "partition key isolation mode is enabled but no partition key field is set. Please set the partition key first",
    );
  }
}

function checkQueryMode(properties: KeyValues): void {
  if (properties[QUERY_MODE_KEY] !== undefined) throw notServed(`the property ${QUERY_MODE_KEY}`);
}

function checkFlags(properties: KeyValues): void {
  for (const key of [MMAP_KEY, "collection.autocompaction.enabled", ALLOW_INSERT_AUTO_ID_KEY]) {
    const value = properties[key];
    if (value === undefined || parseBool(value) !== undefined) continue;
    throw parameterInvalid(`invalid ${key} value: ${value}, expected: true, false`);
  }
}

function checkAllowInsertAutoId(properties: KeyValues, schema: CollectionSchema): void {
  const allowed = parseBool(properties[ALLOW_INSERT_AUTO_ID_KEY] ?? "") === true;
  if (allowed && !primaryKeyField(schema).autoId) {
    throw parameterInvalid(`the value for ${ALLOW_INSERT_AUTO_ID_KEY} must be false when autoID is false`);
  }
}
