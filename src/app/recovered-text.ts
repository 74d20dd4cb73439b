import type { StoredData } from "../roles/datacoord/data-coord.ts";

/** What a start found: `log` are the records that lie behind the last flushes, which are applied anew; undefined in a new folder. */
export function recoveredText(
  log: { readonly records: number; readonly bytes: number } | undefined,
  { collections, rows, segments }: StoredData,
): string {
  if (log === undefined) return "new";
  if (collections === 0 && log.records === 0) return "empty";
  const files = `${count(rows, "row")} in ${count(segments, "segment")}`;
  const behind = `${count(log.records, "record")} (${(log.bytes / 1_000_000).toFixed(1)} MB) of the log`;
  return `recovered ${count(collections, "collection")}, ${files}, ${behind}`;
}

function count(number: number, of: string): string {
  return `${number} ${of}${number === 1 ? "" : "s"}`;
}
