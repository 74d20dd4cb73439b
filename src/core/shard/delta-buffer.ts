import { columnOfKeys, concatColumns, gatherKeys, keysOf } from "../../format/column-select.ts";
import type { DeltaPart } from "../../format/delta-log.ts";
import type { Keys } from "../../model/columns.ts";
import { keyCount } from "../../model/columns.ts";
import type { PartitionId } from "../../model/ids.ts";
import type { Timestamp } from "../../model/timestamp.ts";

/**
 * Ends of row versions that lie in files already: what must be stored before the channel's checkpoint may pass it. Ends
 * that hit only growing rows are not here: they go into the segment's own file of ends.
 */
export class DeltaBuffer {
  #parts: DeltaPart[] = [];
  #entries = 0;
  #bytes = 0;

  get entries(): number {
    return this.#entries;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds keys[i] for every set bit i of `hits`, all ended at `at`. */
  add(partitionId: PartitionId | undefined, keys: Keys, hits: Uint8Array, at: Timestamp): void {
    const positions = setBits(hits, keyCount(keys));
    if (positions.length === 0) return;
    const timestamps = new BigUint64Array(positions.length).fill(at);
    this.#push({ partitionId, keys: gatherKeys(keys, positions), timestamps });
  }

  /** Everything so far, one part per scope; the buffer is empty afterwards. */
  take(): readonly DeltaPart[] {
    const byScope = new Map<PartitionId | undefined, DeltaPart[]>();
    for (const part of this.#parts) {
      const scope = byScope.get(part.partitionId);
      if (scope === undefined) byScope.set(part.partitionId, [part]);
      else scope.push(part);
    }
    this.#parts = [];
    this.#entries = 0;
    this.#bytes = 0;
    return [...byScope.values()].map(mergeParts);
  }

  /** Takes back what could not be stored. */
  putBack(parts: readonly DeltaPart[]): void {
    for (const part of parts) this.#push(part);
  }

  #push(part: DeltaPart): void {
    this.#parts.push(part);
    this.#entries += part.timestamps.length;
    this.#bytes +=
      part.timestamps.byteLength +
      (part.keys.kind === "int64" ? part.keys.values.byteLength : part.keys.bytes.length);
  }
}

function mergeParts(parts: readonly DeltaPart[]): DeltaPart {
  const [first] = parts;
  if (first === undefined) throw new RangeError("no part to merge");
  if (parts.length === 1) return first;
  const timestamps = new BigUint64Array(parts.reduce((sum, part) => sum + part.timestamps.length, 0));
  let at = 0;
  for (const part of parts) {
    timestamps.set(part.timestamps, at);
    at += part.timestamps.length;
  }
  const keys = keysOf(concatColumns(parts.map((part) => columnOfKeys(part.keys))));
  return { partitionId: first.partitionId, keys, timestamps };
}

function setBits(bitmap: Uint8Array, count: number): number[] {
  const positions: number[] = [];
  for (let i = 0; i < count; i++) {
    if (((bitmap[i >> 3] ?? 0) & (1 << (i & 7))) !== 0) positions.push(i);
  }
  return positions;
}
