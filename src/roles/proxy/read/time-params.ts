import { parameterInvalid } from "../../../errors/parameter-errors.ts";
import type { CollectionInfo, KeyValues } from "../../../model/schema.ts";
import {
  isTimeZone,
  TIME_PARTS,
  TIME_ZONE_KEY,
  timeZoneOf,
  type TimePart,
} from "../../../model/timestamptz.ts";
import type { TimeFormat } from "../../../wire/text-columns.ts";

/** `timezone` and `time_fields` of a search or query; without a zone the collection's. */
export function parseTimeParams(params: KeyValues, info: CollectionInfo): TimeFormat {
  const zone = params[TIME_ZONE_KEY] ?? "";
  if (zone !== "" && !isTimeZone(zone))
    throw parameterInvalid(`unknown or invalid IANA Time Zone ID: ${zone}`);
  const parts = (params["time_fields"] ?? "").split(/[, ]/).flatMap((name) => name || []);
  return { zone: zone === "" ? timeZoneOf(info.properties) : zone, parts: parts.map(timePart) };
}

function timePart(name: string): TimePart {
  const part = TIME_PARTS.find((known) => known === name.toLowerCase());
  if (part !== undefined) return part;
  throw parameterInvalid(
    `unsupported field for extraction: ${name}, fields should be seprated by ',' or ' '`,
  );
}
