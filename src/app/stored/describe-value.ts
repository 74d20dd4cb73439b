import { physicalMs, type Timestamp } from "../../model/timestamp.ts";

/** A decoded record as indented lines, one member each. Bytes are shown by their number, timestamps with their time. */
export function* describeValue(value: unknown, indent = ""): Generator<string> {
  if (!isMap(value)) {
    yield `${indent}${scalarText("", value)}`;
    return;
  }
  for (const [key, member] of Object.entries(value)) yield* describeMember(key, member, indent);
}

function* describeMember(key: string, member: unknown, indent: string): Generator<string> {
  if (member === undefined) return;
  if (Array.isArray(member) && member.some(isMap)) {
    yield `${indent}${key}:`;
    for (const element of member as readonly unknown[]) {
      const [first = "", ...rest] = [...describeValue(element, `${indent}    `)];
      yield `${indent}  - ${first.trimStart()}`;
      yield* rest;
    }
  } else if (isMap(member)) {
    const lines = [...describeValue(member, `${indent}  `)];
    yield `${indent}${key}:${lines.length === 0 ? " none" : ""}`;
    yield* lines;
  } else {
    yield `${indent}${key}: ${scalarText(key, member)}`;
  }
}

function scalarText(key: string, value: unknown): string {
  if (typeof value === "bigint") return `${value}${timeText(key, value)}`;
  if (value instanceof Uint8Array) return `<${value.length} bytes>`;
  if (Array.isArray(value)) return `[${value.map((element: unknown) => scalarText("", element)).join(", ")}]`;
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number" && key.endsWith("AtMs")) return `${value} (${new Date(value).toISOString()})`;
  return String(value);
}

/** Hybrid timestamps are recognised by their member's name. */
function timeText(key: string, value: bigint): string {
  if (!/timestamp|[a-z]At$|AppliedTo$|From$|^from$|^to$/i.test(key)) return "";
  const ms = Number(physicalMs(value as Timestamp));
  return ms > 0 && ms < LATEST_MS ? ` (${new Date(ms).toISOString()})` : "";
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** The year 2200: what is beyond is some other number. */
const LATEST_MS = 7_258_118_400_000;
