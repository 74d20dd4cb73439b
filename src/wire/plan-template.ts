import { queryPlanFailed } from "../errors/parameter-errors.ts";
import type { TemplateArrayValue, TemplateValue } from "./messages.gen.ts";
import { packedAt, packedCount, unpackStrings } from "./packed-bytes.ts";

/** The value of a `{name}` in an expression, in the shape of the expression language's constants. */
export type TemplateConstant =
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "int"; readonly value: bigint }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "array"; readonly items: readonly TemplateConstant[] };

/** `expr_template_values` of a request. Throws queryPlan for a value that is no scalar and no list of such. */
export function decodeTemplates(
  values: ReadonlyMap<string, TemplateValue>,
): ReadonlyMap<string, TemplateConstant> {
  return new Map([...values].map(([name, value]) => [name, decodeTemplate(value)]));
}

function decodeTemplate(value: TemplateValue): TemplateConstant {
  if (value.boolVal !== undefined) return { kind: "bool", value: value.boolVal };
  if (value.int64Val !== undefined) return { kind: "int", value: value.int64Val };
  if (value.floatVal !== undefined) return { kind: "float", value: value.floatVal };
  if (value.stringVal !== undefined) return { kind: "string", value: value.stringVal };
  if (value.arrayVal !== undefined) return { kind: "array", items: decodeItems(value.arrayVal) };
  throw queryPlanFailed("expression elements can only be scalars");
}

function decodeItems(array: TemplateArrayValue): readonly TemplateConstant[] {
  if (array.boolData)
    return Array.from(array.boolData.data, (v) => ({ kind: "bool", value: v !== 0 }) as const);
  if (array.longData) return Array.from(array.longData.data, (value) => ({ kind: "int", value }) as const);
  if (array.doubleData)
    return Array.from(array.doubleData.data, (value) => ({ kind: "float", value }) as const);
  if (array.stringData) {
    return unpackStrings(array.stringData.data).map((value) => ({ kind: "string", value }) as const);
  }
  if (array.arrayData) {
    return array.arrayData.data.map((inner) => ({ kind: "array", items: decodeItems(inner) }) as const);
  }
  if (array.jsonData) {
    const { data } = array.jsonData;
    return Array.from({ length: packedCount(data) }, (_, i) => decodeJson(packedAt(data, i)));
  }
  throw queryPlanFailed("unknown template variable value type: <nil>");
}

/** Elements of a list of mixed types come as JSON texts. */
function decodeJson(bytes: Uint8Array): TemplateConstant {
  const text = new TextDecoder().decode(bytes);
  // Integers beyond 2^53 lose digits in JSON.parse.
  if (/^-?\d{1,19}$/.test(text)) return integer(text);
  try {
    return fromJson(JSON.parse(text) as unknown, text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw queryPlanFailed(`template value ${text} is not JSON`);
  }
}

function integer(text: string): TemplateConstant {
  const value = BigInt(text);
  return value === BigInt.asIntN(64, value) ? { kind: "int", value } : { kind: "float", value: Number(text) };
}

function fromJson(value: unknown, text: string): TemplateConstant {
  switch (typeof value) {
    case "boolean":
      return { kind: "bool", value };
    case "number":
      return Number.isSafeInteger(value) && !/[.eE]/.test(text)
        ? { kind: "int", value: BigInt(value) }
        : { kind: "float", value };
    case "string":
      return { kind: "string", value };
    default:
      if (Array.isArray(value))
        return { kind: "array", items: value.map((v) => fromJson(v, JSON.stringify(v))) };
      throw queryPlanFailed(`template value ${text} is neither a scalar nor a list`);
  }
}
