import { isRedkiteError } from "../errors/redkite-error.ts";
import { corrupted } from "../errors/service-errors.ts";
import { newerData } from "../errors/storage-errors.ts";

/** Of everything stored together: docs/internals/data-folder.md says what each number means. */
export const DATA_FORMAT_VERSION = 1;
/** The oldest release that reads what this one writes. */
export const DATA_READABLE_SINCE = "0.1.0";

/** What a data folder or a metadata root says about itself. */
export interface DataVersion {
  readonly formatVersion: number;
  /** The oldest release that can read it. */
  readonly readableSince: string;
  /** The release that made it. */
  readonly createdBy: string;
}

export function encodeDataVersion(version: DataVersion): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(version, undefined, 2)}\n`);
}

/**
 * Throws corrupted when it is no such text, and newerData when this release cannot read what it describes. Members that this release
 * does not know are ignored: only the format version decides.
 */
export function decodeDataVersion(bytes: Uint8Array, source: string): DataVersion {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    const version = checkShape(value);
    if (version === undefined) throw new SyntaxError("it lacks formatVersion, readableSince or createdBy");
    if (version.formatVersion > DATA_FORMAT_VERSION) throw newerData({ path: source, ...version });
    return version;
  } catch (error) {
    if (isRedkiteError(error)) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw corrupted({ file: source, problem: `${why}; restore the file from a backup`, cause: error });
  }
}

function checkShape(value: unknown): DataVersion | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { formatVersion, readableSince, createdBy } = value as Partial<Record<keyof DataVersion, unknown>>;
  const whole = typeof formatVersion === "number" && Number.isInteger(formatVersion) && formatVersion >= 1;
  if (!whole || typeof readableSince !== "string" || typeof createdBy !== "string") return undefined;
  return { formatVersion, readableSince, createdBy };
}
