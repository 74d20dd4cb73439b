import type { KeySpec, Value } from "./key-spec.ts";

/** The value that `raw` (from yaml, the environment or the command line) stands for, or what it should have been. */
export type ParsedValue =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly expected: string };

export function parseValue(spec: KeySpec, raw: unknown): ParsedValue {
  const text = toText(raw);
  switch (spec.type) {
    case "bool":
      return parseBool(text);
    case "string":
      return text === undefined ? wrong("a text") : right(text);
    case "enum":
      return text !== undefined && spec.values.includes(text)
        ? right(text)
        : wrong(`one of ${spec.values.join(", ")}`);
    case "int":
    case "float": {
      const value = toNumber(raw, spec.type);
      return inRange(spec, value) ? right(value) : wrong(expectedNumber(spec));
    }
    case "duration":
    case "bytes": {
      const value = toQuantity(raw, spec.type, spec.unit);
      return inRange(spec, value) ? right(value) : wrong(expectedNumber(spec));
    }
  }
}

const right = (value: Value): ParsedValue => ({ ok: true, value });
const wrong = (expected: string): ParsedValue => ({ ok: false, expected });

/** Plain values as they would be written; undefined for lists, maps and nothing. */
function toText(raw: unknown): string | undefined {
  return typeof raw === "string" || typeof raw === "number" || typeof raw === "boolean"
    ? String(raw)
    : undefined;
}

function parseBool(text: string | undefined): ParsedValue {
  const lower = text?.toLowerCase();
  if (lower === "true") return right(true);
  if (lower === "false") return right(false);
  return wrong("true or false");
}

function inRange(
  spec: { readonly min: number; readonly max: number },
  value: number | undefined,
): value is number {
  return value !== undefined && value >= spec.min && value <= spec.max;
}

function toNumber(raw: unknown, type: "int" | "float"): number | undefined {
  const text = typeof raw === "number" || typeof raw === "string" ? String(raw).trim() : "";
  const pattern = type === "int" ? /^[+-]?\d+$/ : /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
  return pattern.test(text) ? Number(text) : undefined;
}

const milliseconds: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
};

/** Milvus reads k, m and g as powers of 1024, whatever follows them. */
const bytes: Readonly<Record<string, number>> = { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

function toQuantity(raw: unknown, type: "duration" | "bytes", unit: string): number | undefined {
  const text = typeof raw === "number" || typeof raw === "string" ? String(raw).trim() : "";
  const match = /^([+-]?\d+(?:\.\d+)?(?:e\+?\d+)?)\s*([a-z]*)$/i.exec(text);
  if (match === null) return undefined;
  const [, digits = "", suffix = ""] = match;
  const number = Number(digits);
  if (suffix === "") return Number.isInteger(number) || type === "duration" ? number : undefined;
  const name = suffix.toLowerCase();
  const from =
    type === "duration"
      ? milliseconds[name]
      : bytes[/^(?:[kmgt](?:i?b)?|[kmgt]i|b)$/.test(name) ? name.charAt(0) : ""];
  const to = type === "duration" ? milliseconds[unit] : unit === "MB" ? 2 ** 20 : 1;
  if (from === undefined || to === undefined) return undefined;
  return type === "bytes" ? Math.ceil((number * from) / to) : (number * from) / to;
}

function expectedNumber(spec: Extract<KeySpec, { readonly min: number }>): string {
  const range = `between ${spec.min} and ${spec.max}`;
  switch (spec.type) {
    case "int":
      return `a whole number ${range}`;
    case "float":
      return `a number ${range}`;
    case "duration":
      return `a time ${range} ${spec.unit}, as a number of ${spec.unit} or with a unit (200ms, 5s, 10m, 1h)`;
    case "bytes":
      return `a size ${range} ${spec.unit}, as a number of ${spec.unit} or with a unit (64KB, 512MB, 32Gi)`;
  }
}
