import { parseDocument } from "yaml";
import { configInvalid } from "../errors/parameter-errors.ts";

/**
 * Reads a configuration file: nested maps become dotted names, lists of plain values become comma-separated text.
 * Apart from the others because only a start with `--config` needs the yaml parser.
 *
 * @param name what to call the file in messages
 */
export function parseYamlConfig(text: string, name: string): ReadonlyMap<string, unknown> {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem !== undefined)
    throw configInvalid(`${name} is not valid YAML: ${problem.message.split("\n")[0]}`);
  const values = new Map<string, unknown>();
  const root: unknown = document.toJS({ maxAliasCount: 100 });
  if (root === null || root === undefined) return values;
  if (!isMap(root)) throw configInvalid(`${name} must be a map of configuration keys, not ${describe(root)}`);
  flatten(root, "", values);
  return values;
}

function flatten(map: Readonly<Record<string, unknown>>, prefix: string, into: Map<string, unknown>): void {
  for (const [key, value] of Object.entries(map)) {
    const name = `${prefix}${key}`;
    if (isMap(value)) flatten(value, `${name}.`, into);
    else if (Array.isArray(value)) into.set(name, value.join(","));
    else into.set(name, value);
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  return Array.isArray(value) ? "a list" : JSON.stringify(value);
}
