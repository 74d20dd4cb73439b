import type { Constant } from "./ast.ts";

/** A template value as clients give it: bigint for int64, number for a double. */
export type TemplateInput = boolean | bigint | number | string | readonly TemplateInput[];

/** Placeholder values as `compileFilter` wants them; of two with one name the last counts. */
export function templateConstants(
  templates: Iterable<{ readonly name: string; readonly value: TemplateInput }>,
): ReadonlyMap<string, Constant> {
  const constants = new Map<string, Constant>();
  for (const { name, value } of templates) constants.set(name, constantOf(value));
  return constants;
}

function constantOf(value: TemplateInput): Constant {
  switch (typeof value) {
    case "boolean":
      return { kind: "bool", value };
    case "bigint":
      return { kind: "int", value: BigInt.asIntN(64, value) };
    case "number":
      return { kind: "float", value };
    case "string":
      return { kind: "string", value };
    default:
      return { kind: "array", items: value.map(constantOf) };
  }
}
