/**
 * The types of the public protocol, from the definitions that the SDK package ships: one interface per message that
 * an RPC of MilvusService can carry, and one object per enum in them. Written by `npm run generate`.
 */
import { definitionOf, resolveName, ROOT_PACKAGE } from "../src/wire/definitions.ts";
import { buildPlan, Kind, type FieldPlan } from "../src/wire/message-plan.ts";

/** Messages that travel as bytes inside of others. */
const INNER_MESSAGES = ["common.PlaceholderGroup", "schema.CollectionSchema", "schema.ScalarField"];

const header = (what: string): string =>
  `// ${what} of the Milvus protocol, generated from @zilliz/milvus2-sdk-node's definitions by
// "npm run generate". Do not edit.\n`;

interface Reachable {
  readonly messages: readonly string[];
  readonly enums: readonly string[];
  /** TypeScript names of both. */
  readonly names: ReadonlyMap<string, string>;
}

function reachable(): Reachable {
  const service = definitionOf(`${ROOT_PACKAGE}.milvus.MilvusService`);
  const seen = new Set<string>();
  const queue = INNER_MESSAGES.map((name) => `${ROOT_PACKAGE}.${name}`);
  for (const method of Object.values(service?.methods ?? {})) {
    queue.push(resolveName(method.requestType, `${ROOT_PACKAGE}.milvus`));
    queue.push(resolveName(method.responseType, `${ROOT_PACKAGE}.milvus`));
  }
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    for (const field of Object.values(definitionOf(name)?.fields ?? {})) {
      if (!isScalar(field.type)) queue.push(resolveName(field.type, name));
    }
  }
  // Enums that only travel inside of strings and integers.
  for (const [name, definition] of Object.entries(definitionOf(`${ROOT_PACKAGE}.common`)?.nested ?? {})) {
    if (definition.values !== undefined) seen.add(`${ROOT_PACKAGE}.common.${name}`);
  }
  const all = [...seen].sort();
  const messages = all.filter((name) => definitionOf(name)?.fields !== undefined);
  const enums = all.filter((name) => definitionOf(name)?.values !== undefined);
  return { messages, enums, names: typeNames([...messages, ...enums]) };
}

function isScalar(type: string): boolean {
  return /^(double|float|u?int(32|64)|bool|string|bytes)$/.test(type);
}

/** `milvus.X` is X; names that another package uses too get their package before them. */
function typeNames(fullNames: readonly string[]): Map<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  const order = ["milvus", "schema", "common", "rg", "msg", "feder"];
  const rank = (name: string): number => order.indexOf(packageOf(name));
  for (const fullName of [...fullNames].sort((a, b) => rank(a) - rank(b))) {
    const [pkg = "", ...rest] = fullName.slice(ROOT_PACKAGE.length + 1).split(".");
    const short = rest.join("");
    const name = taken.has(short) ? pkg.charAt(0).toUpperCase() + pkg.slice(1) + short : short;
    taken.add(name);
    names.set(fullName, name);
  }
  return names;
}

function packageOf(fullName: string): string {
  return fullName.slice(ROOT_PACKAGE.length + 1).split(".")[0] ?? "";
}

function typeOf(field: FieldPlan, names: ReadonlyMap<string, string>): string {
  const one = field.kind === Kind.Message ? (names.get(field.typeName) ?? "never") : scalarTypes[field.kind];
  switch (field.shape) {
    case "implicit":
      return one;
    case "explicit":
      return `${one} | undefined`;
    case "list":
      return `readonly ${one}[]`;
    case "bulk":
      return bulkTypes[field.kind];
    case "map":
      return `ReadonlyMap<${field.key === Kind.String ? "string" : "bigint"}, ${one}>`;
  }
}

const scalarTypes: Readonly<Record<Kind, string>> = {
  [Kind.Double]: "number",
  [Kind.Float]: "number",
  [Kind.Int32]: "number",
  [Kind.Uint32]: "number",
  [Kind.Int64]: "bigint",
  [Kind.Uint64]: "bigint",
  [Kind.Bool]: "boolean",
  [Kind.String]: "string",
  [Kind.Bytes]: "Uint8Array",
  [Kind.Message]: "never",
};

const bulkTypes: Readonly<Record<Kind, string>> = {
  [Kind.Double]: "Float64Array",
  [Kind.Float]: "Float32Array",
  [Kind.Int32]: "Int32Array",
  [Kind.Uint32]: "Uint32Array",
  [Kind.Int64]: "BigInt64Array",
  [Kind.Uint64]: "BigUint64Array",
  [Kind.Bool]: "Uint8Array",
  [Kind.String]: "PackedBytes",
  [Kind.Bytes]: "PackedBytes",
  [Kind.Message]: "never",
};

/** src/wire/messages.gen.ts */
export function messageTypes(): string {
  const { messages, names } = reachable();
  const interfaces = messages.map((fullName) => {
    const fields = buildPlan(fullName).fields.map(
      (field) => `  readonly ${field.name}: ${typeOf(field, names)};\n`,
    );
    const name = names.get(fullName) ?? "";
    return fields.length === 0
      ? `export type ${name} = Readonly<Record<never, never>>;\n`
      : `export interface ${name} {\n${fields.join("")}}\n`;
  });
  const entries = messages.map(
    (n) => `  ${JSON.stringify(n.slice(ROOT_PACKAGE.length + 1))}: ${names.get(n)};\n`,
  );
  return (
    header("Messages") +
    `import type { PackedBytes } from "./packed-bytes.ts";\n\n` +
    `/** Every message by its full name below ${ROOT_PACKAGE}. */\n` +
    `export interface MessageTypes {\n${entries.join("")}}\n\n` +
    interfaces.join("\n")
  );
}

/** src/wire/enums.gen.ts */
export function enumObjects(): string {
  const { enums, names } = reachable();
  const objects = enums.map((fullName) => {
    const values = Object.entries(definitionOf(fullName)?.values ?? {});
    const lines = values.map(([name, value]) => `  ${name}: ${value},\n`);
    return `export const ${names.get(fullName)} = {\n${lines.join("")}} as const;\n`;
  });
  return header("Enums") + "\n" + objects.join("\n");
}
