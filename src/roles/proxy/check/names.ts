import { utf8Encode } from "../../../base/bytes.ts";
import { databaseInvalidName, fieldInvalidName } from "../../../errors/meta-errors.ts";
import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import type { ProxyLimits } from "../proxy-limits.ts";

/** Rules for the names of things, each in the words that clients compare. Lengths count bytes. */
type NameLimits = Pick<ProxyLimits, "nameBytesMax">;

export function checkCollectionName(name: string, limits: NameLimits): void {
  checkCollectionNameOrAlias(name, "name", limits);
}

export function checkAlias(alias: string, limits: NameLimits): void {
  checkCollectionNameOrAlias(alias, "alias", limits);
}

function checkCollectionNameOrAlias(name: string, kind: "name" | "alias", limits: NameLimits): void {
  if (name === "") throw parameterInvalid(`collection ${kind} should not be empty`);
  const head = `Invalid collection ${kind}: ${name}.`;
  if (byteLength(name) > limits.nameBytesMax) {
    throw parameterInvalid(
      `${head} the length of a collection ${kind} must be less than ${limits.nameBytesMax} characters`,
    );
  }
  if (!/^[_A-Za-z]/.test(name)) {
    throw parameterInvalid(
      `${head} the first character of a collection ${kind} must be an underscore or letter`,
    );
  }
  if (!/^\w+$/.test(name)) {
    throw parameterInvalid(`${head} collection ${kind} can only contain numbers, letters and underscores`);
  }
}

export function checkDatabaseName(name: string, limits: NameLimits): void {
  if (name === "") throw databaseInvalidName(name, "database name couldn't be empty");
  if (byteLength(name) > limits.nameBytesMax) {
    throw databaseInvalidName(
      name,
      `the length of a database name must be less than ${limits.nameBytesMax} characters`,
    );
  }
  if (!/^[_A-Za-z]/.test(name)) {
    throw databaseInvalidName(name, "the first character of a database name must be an underscore or letter");
  }
  if (!/^\w+$/.test(name)) {
    throw databaseInvalidName(name, "database name can only contain numbers, letters and underscores");
  }
}

export function checkPartitionName(name: string, limits: NameLimits): void {
  const trimmed = name.trim();
  const head = `Invalid partition name: ${trimmed}. `;
  if (trimmed === "") throw parameterInvalid(`${head}Partition name should not be empty.`);
  if (byteLength(trimmed) > limits.nameBytesMax) {
    throw parameterInvalid(
      `${head}The length of a partition name must be less than ${limits.nameBytesMax} characters.`,
    );
  }
  // Milvus lets digits begin a partition's name although its message does not say so.
  if (!/^\w/.test(trimmed)) {
    throw parameterInvalid(`${head}The first character of a partition name must be an underscore or letter.`);
  }
  if (!/^[\w-]+$/.test(trimmed)) {
    throw parameterInvalid(`${head}Partition name can only contain numbers, letters and underscores.`);
  }
}

/** Words of the filter language, which could not be told from a field of that name. */
const fieldNameKeywords: ReadonlySet<string> = new Set(
  (
    "$meta,like,exists,EXISTS,and,or,not,in,json_contains,JSON_CONTAINS,json_contains_all,JSON_CONTAINS_ALL," +
    "json_contains_any,JSON_CONTAINS_ANY,array_contains,ARRAY_CONTAINS,array_contains_all,ARRAY_CONTAINS_ALL," +
    "array_contains_any,ARRAY_CONTAINS_ANY,array_length,ARRAY_LENGTH,true,True,TRUE,false,False,FALSE,text_match,TEXT_MATCH," +
    "phrase_match,PHRASE_MATCH,random_sample,RANDOM_SAMPLE"
  ).split(","),
);

export function checkFieldName(name: string, limits: NameLimits): void {
  const trimmed = name.trim();
  if (trimmed === "") throw fieldInvalidName(trimmed, "field name should not be empty");
  const head = `Invalid field name: ${trimmed}. `;
  if (byteLength(trimmed) > limits.nameBytesMax) {
    throw fieldInvalidName(
      trimmed,
      `${head}The length of a field name must be less than ${limits.nameBytesMax} characters.`,
    );
  }
  if (!/^[_A-Za-z]/.test(trimmed)) {
    throw fieldInvalidName(
      trimmed,
      `${head}The first character of a field name must be an underscore or letter.`,
    );
  }
  if (!/^\w+$/.test(trimmed)) {
    throw fieldInvalidName(trimmed, `${head}Field name can only contain numbers, letters, and underscores.`);
  }
  if (fieldNameKeywords.has(trimmed) || trimmed.toLowerCase() === "null") {
    throw fieldInvalidName(trimmed, `${head}${trimmed} is keyword in milvus.`);
  }
}

/** An empty name is allowed: the index gets one. */
export function checkIndexName(name: string, limits: NameLimits): void {
  const trimmed = name.trim();
  if (trimmed === "") return;
  const head = `Invalid index name: ${trimmed}. `;
  if (byteLength(trimmed) > limits.nameBytesMax) {
    throw parameterInvalid(
      `${head}The length of a index name must be less than ${limits.nameBytesMax} characters.`,
    );
  }
  if (!/^[_A-Za-z]/.test(trimmed)) {
    throw parameterInvalid(`${head}The first character of a index name must be an underscore or letter.`);
  }
  if (!/^[\w[\]]+$/.test(trimmed)) {
    throw parameterInvalid(`${head}Index name can only contain numbers, letters, and underscores.`);
  }
}

/** Names of roles and users. */
export function checkPrincipalName(
  name: string,
  kind: "role name" | "username",
  limits: Pick<ProxyLimits, "nameBytesMax" | "nameCharsAllowed">,
): void {
  const trimmed = name.trim();
  if (trimmed === "") {
    throw parameterInvalid(`${kind} should be not empty`, { expected: "not empty", actual: trimmed });
  }
  if (byteLength(trimmed) > limits.nameBytesMax) {
    throw parameterInvalid(
      `the length of ${kind} must be not greater than limit ${limits.nameBytesMax}, but is ${byteLength(trimmed)}`,
    );
  }
  const first = trimmed.charAt(0);
  if (!/[_A-Za-z]/.test(first)) {
    throw parameterInvalid(`the first character of ${kind} must be an underscore or letter`, {
      expected: "_",
      actual: first,
    });
  }
  for (const [at, character] of [...trimmed].entries()) {
    if (/\w/.test(character) || limits.nameCharsAllowed.includes(character)) continue;
    throw parameterInvalid(
      `${kind} can only contain numbers, letters, underscores, and allowed characters (${limits.nameCharsAllowed}), found ${character} at ${at}`,
    );
  }
}

export function checkDescription(
  description: string,
  limits: Pick<ProxyLimits, "descriptionBytesMax">,
): void {
  if (byteLength(description) > limits.descriptionBytesMax) {
    throw parameterInvalid(
      `the length of a collection description must not exceed ${limits.descriptionBytesMax} bytes`,
    );
  }
}

export function byteLength(text: string): number {
  return utf8Encode(text).length;
}
