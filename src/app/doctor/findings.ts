import { ByteFormatError } from "../../base/bytes.ts";
import { RedkiteError } from "../../errors/redkite-error.ts";

/** Something that is not as it should be. */
export interface Finding {
  /** `damage`: data is lost or cannot be served. `note`: harmless, but worth knowing. */
  readonly severity: "damage" | "note";
  /** Path below the data folder. */
  readonly file: string;
  /** `collection default/books, segment 449`; undefined when it is all of them or none. */
  readonly concerns: string | undefined;
  readonly problem: string;
  /** What can be done. */
  readonly remedy: string;
}

export class Findings {
  readonly list: Finding[] = [];

  damage(found: Omit<Finding, "severity">): void {
    this.list.push({ severity: "damage", ...found });
  }

  note(found: Omit<Finding, "severity">): void {
    this.list.push({ severity: "note", ...found });
  }
}

/** What an error says beyond kind and file, which a finding names by itself. Rethrows what is a defect of ours. */
export function problemOf(error: unknown): string {
  if (error instanceof RedkiteError) {
    const { offset } = error.fields;
    return `${error.description}${offset === undefined ? "" : ` (at byte ${offset})`}`;
  }
  if (error instanceof ByteFormatError) return `${error.message} (at byte ${error.offset})`;
  throw error;
}
