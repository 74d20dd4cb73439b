import { parameterInvalid } from "../errors/parameter-errors.ts";
import type { KeyValues } from "./schema.ts";

/** Property of a collection and parameter of a read: the zone of times that name none, and of times in answers. */
export const TIME_ZONE_KEY = "timezone";
export const UTC = "UTC";

/** Of a collection's properties. */
export function timeZoneOf(properties: KeyValues): string {
  const zone = properties[TIME_ZONE_KEY] ?? "";
  return zone === "" ? UTC : zone;
}

/** An IANA name, as Milvus takes it: no offset such as +08:00. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    zonedOffset(0n, name);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

const written =
  /^(\d{4})-(\d{2})-(\d{2})(?<separator>[T ])(\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,30}))?(?<offset>Z|[+-]\d{2}(?::\d{2})?)?$/;

/**
 * Microseconds since 1970 of a time as clients write it: RFC 3339, also with a blank for the T (and then with offsets of hours
 * alone), without an offset in `zone`. What is smaller than a microsecond is cut off. Throws parameterInvalid in Milvus's words.
 */
export function parseTimestamptz(text: string, zone: string): bigint {
  const match = written.exec(text);
  const invalid = () =>
    parameterInvalid(`invalid timestamp string: '${text}'. Does not match any known format`);
  if (match === null) throw invalid();
  const part = (group: number): number => Number(match[group]);
  const [year, month, day] = [part(1), part(2), part(3)];
  const [hour, minute, second] = [part(5), part(6), part(7)];
  const { separator, offset } = match.groups ?? {};
  const shortOffset = offset?.length === 3;
  const possible =
    month >= 1 && month <= 12 && day >= 1 && day <= daysOfMonth(year, month) && hour < 24 && minute < 60;
  if (!possible || second >= 60 || (separator === "T" && shortOffset)) throw invalid();
  const fraction = BigInt((match[8] ?? "").slice(0, 6).padEnd(6, "0"));
  const seconds = daysFromCivil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
  const local = BigInt(seconds) * 1_000_000n + fraction;
  if (offset === undefined) return zone === UTC ? local : local - localOffset(text, local, zone);
  return local - offsetMicros(offset);
}

/** RFC 3339 in the zone, with as many digits of the second as are not 0. */
export function formatTimestamptz(micros: bigint, zone: string): string {
  const offset = zone === UTC ? 0n : zonedOffset(micros, zone);
  const { year, month, day, hour, minute, second, microsecond } = civilParts(micros + offset);
  const fraction = microsecond === 0 ? "" : `.${String(microsecond).padStart(6, "0").replace(/0+$/, "")}`;
  return `${padded(year, 4)}-${padded(month, 2)}-${padded(day, 2)}T${padded(hour, 2)}:${padded(minute, 2)}:${padded(second, 2)}${fraction}${offsetText(offset)}`;
}

/** Parts of a time by which answers can be asked for (`time_fields`). */
export const TIME_PARTS = ["year", "month", "day", "hour", "minute", "second", "microsecond"] as const;
export type TimePart = (typeof TIME_PARTS)[number];

export function timeParts(micros: bigint, zone: string): Readonly<Record<TimePart, number>> {
  return civilParts(micros + (zone === UTC ? 0n : zonedOffset(micros, zone)));
}

/**
 * The time `months` later in the calendar and then `micros` later, in UTC. As in Milvus (C's timegm) a day that the month does not
 * have runs over into the next one: a month after January 31 is March 3.
 */
export function shiftTimestamptz(time: bigint, months: number, micros: bigint): bigint {
  const { year, month, day, ...clock } = civilParts(time);
  const total = year * 12 + (month - 1) + months;
  const days = daysFromCivil(Math.floor(total / 12), (((total % 12) + 12) % 12) + 1, 1) + day - 1;
  const seconds = clock.hour * 3600 + clock.minute * 60 + clock.second;
  return (BigInt(days) * 86_400n + BigInt(seconds)) * 1_000_000n + BigInt(clock.microsecond) + micros;
}

function civilParts(micros: bigint): Record<TimePart, number> {
  const microsecond = Number(((micros % 1_000_000n) + 1_000_000n) % 1_000_000n);
  const seconds = Number((micros - BigInt(microsecond)) / 1_000_000n);
  const days = Math.floor(seconds / 86_400);
  const ofDay = seconds - days * 86_400;
  return {
    ...civilFromDays(days),
    hour: Math.floor(ofDay / 3600),
    minute: Math.floor(ofDay / 60) % 60,
    second: ofDay % 60,
    microsecond,
  };
}

/** Days since 1970 in the proleptic Gregorian calendar: years of 365.2425 days that begin in March, in eras of 400. */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function civilFromDays(days: number): Pick<Record<TimePart, number>, "year" | "month" | "day"> {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leaps = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1,
  };
}

function daysOfMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** `Z`, `+08` or `+08:00`. */
function offsetMicros(text: string): bigint {
  if (text === "Z") return 0n;
  const hours = Number(text.slice(1, 3));
  const minutes = Number(text.slice(4, 6));
  const seconds = (text.startsWith("-") ? -1 : 1) * (hours * 3600 + minutes * 60);
  if (minutes >= 60 || seconds > 14 * 3600 || seconds < -12 * 3600) {
    throw parameterInvalid(
      `UTC offset hour ${Math.trunc(seconds / 3600)} is out of the valid range [-12, 14]`,
    );
  }
  return BigInt(seconds) * 1_000_000n;
}

/** What a zone's clocks are ahead of UTC at an instant. Throws RangeError for a zone that does not exist. */
function zonedOffset(micros: bigint, zone: string): bigint {
  const zoned = Temporal.Instant.fromEpochMilliseconds(Number(micros / 1000n)).toZonedDateTimeISO(zone);
  return BigInt(zoned.offsetNanoseconds) / 1000n;
}

/** The same at a time that the zone's clocks show; of a time that they skip or show twice, the earlier offset. */
function localOffset(text: string, local: bigint, zone: string): bigint {
  const shown = Temporal.Instant.fromEpochMilliseconds(Number(local / 1000n))
    .toZonedDateTimeISO(UTC)
    .toPlainDateTime();
  try {
    return BigInt(shown.toZonedDateTime(zone).offsetNanoseconds) / 1000n;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw parameterInvalid(`the time '${text}' needs an offset: '${zone}' is no time zone`);
  }
}

function offsetText(offset: bigint): string {
  if (offset === 0n) return "Z";
  const minutes = Math.trunc(Number(offset) / 60_000_000);
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${padded(Math.floor(size / 60), 2)}:${padded(size % 60, 2)}`;
}

function padded(value: number, digits: number): string {
  return value < 0 ? `-${padded(-value, digits)}` : String(value).padStart(digits, "0");
}
