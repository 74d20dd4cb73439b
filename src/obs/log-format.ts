import type { LogRecord } from "./logger.ts";

/** Longest text of one field; what is longer is cut and says so. */
const fieldLengthMax = 8192;

/** `2026-11-21T08:06:00.000Z WARN proxy slow search collection=books ms=5120`, one line whatever the fields hold. */
export function formatText(record: LogRecord): string {
  let line = `${isoTime(record.timeMs)} ${record.level.toUpperCase().padEnd(5)} ${record.role} ${oneLine(record.message)}`;
  for (const [name, value] of Object.entries(record.fields)) {
    if (value === undefined) continue;
    const text = asText(value);
    line += ` ${name}=${/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)}`;
  }
  return line;
}

/** One JSON object on one line; fields lie beside `time`, `level`, `role` and `msg` and cannot replace them. */
export function formatJson(record: LogRecord): string {
  const fields = Object.fromEntries(
    Object.entries(record.fields).map(([name, value]) => [name, asJson(value)]),
  );
  const head = { time: isoTime(record.timeMs), level: record.level, role: record.role, msg: record.message };
  return JSON.stringify({ ...head, ...fields, ...head });
}

/**
 * ISO 8601 in UTC with milliseconds. By arithmetic, because `Date` is kept out of everything that runs in the simulation
 * (days to civil date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
 */
export function isoTime(timeMs: number): string {
  const whole = Math.floor(timeMs);
  const days = Math.floor(whole / 86_400_000);
  const inDay = whole - days * 86_400_000;
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const pad = (value: number, width = 2) => String(value).padStart(width, "0");
  const time = [inDay / 3_600_000, (inDay / 60_000) % 60, (inDay / 1000) % 60].map((part) =>
    pad(Math.floor(part)),
  );
  return `${pad(year, 4)}-${pad(month)}-${pad(day)}T${time.join(":")}.${pad(inDay % 1000, 3)}Z`;
}

function asText(value: unknown): string {
  if (typeof value === "string") return cut(value);
  if (value instanceof Error) return cut(errorText(value));
  const json = asJson(value);
  return typeof json === "string" ? json : cut(JSON.stringify(json) ?? String(json));
}

function asJson(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  // Durations have more digits than anybody reads.
  if (typeof value === "number") return Number.isInteger(value) ? value : Number(value.toPrecision(6));
  if (typeof value === "string") return cut(value);
  if (value instanceof Error) return cut(errorText(value));
  if (typeof value !== "object" || value === null) return value;
  try {
    const text = JSON.stringify(value, (_, inner: unknown) =>
      typeof inner === "bigint" ? inner.toString() : inner,
    );
    return text.length <= fieldLengthMax ? JSON.parse(text) : cut(text);
  } catch {
    // Cyclic, or its toJSON throws: a log line must never fail its caller.
    return Object.prototype.toString.call(value);
  }
}

function errorText(error: Error): string {
  const code = "code" in error ? ` (code ${String(error.code)})` : "";
  const cause = error.cause instanceof Error ? `; caused by ${errorText(error.cause)}` : "";
  return `${error.stack ?? `${error.name}: ${error.message}`}${code}${cause}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, " ");
}

function cut(text: string): string {
  return text.length <= fieldLengthMax
    ? text
    : `${text.slice(0, fieldLengthMax)}... (${text.length} characters)`;
}
