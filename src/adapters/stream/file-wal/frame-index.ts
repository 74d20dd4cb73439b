import { assert } from "../../../base/assert.ts";
import { walFileOf, walOffsetOf, walPosition } from "../../../format/wal-frame.ts";

/**
 * Where a topic's records lie: eight bytes each, in log order, grouped by file. Records at or before the truncation point are dropped
 * exactly, so `first` tells which file the topic still needs.
 */
export class FrameIndex {
  #blocks: Block[] = [];
  #size = 0;

  /** Records held. */
  get size(): number {
    return this.#size;
  }

  /** Of the payloads of all records. Looks at each. */
  get payloadBytes(): number {
    let sum = 0;
    for (const { entries, start, end } of this.#blocks)
      for (let entry = start; entry < end; entry++) sum += entries[2 * entry + 1] ?? 0;
    return sum;
  }

  /** Position of the oldest record; undefined when there is none. */
  get first(): bigint | undefined {
    const block = this.#blocks[0];
    return block && walPosition(block.file, offsetAt(block, block.start));
  }

  add(position: bigint, payloadBytes: number): void {
    const file = walFileOf(position);
    let block = this.#blocks.at(-1);
    if (block === undefined || block.file !== file || block.end === BLOCK_ENTRIES_MAX) {
      block = { file, entries: new Uint32Array(2 * BLOCK_ENTRIES_MIN), start: 0, end: 0 };
      this.#blocks.push(block);
    }
    if (2 * block.end === block.entries.length) {
      const larger = new Uint32Array(block.entries.length * 2);
      larger.set(block.entries);
      block.entries = larger;
    }
    block.entries[2 * block.end] = walOffsetOf(position);
    block.entries[2 * block.end + 1] = payloadBytes;
    block.end++;
    this.#size++;
  }

  /** Forgets all records at or before `position`. */
  trim(position: bigint): void {
    const { block, entry } = this.#after(position);
    for (const dropped of this.#blocks.splice(0, block)) this.#size -= dropped.end - dropped.start;
    const first = this.#blocks[0];
    if (first === undefined) return;
    this.#size -= entry - first.start;
    first.start = entry;
  }

  /**
   * The next records behind `after` that lie in one file within `spanBytes` (one at least), or undefined when there are none.
   * `spanBytes` counts what lies between them, too.
   */
  next(after: bigint, spanBytes: number): FrameSpan | undefined {
    const { block: blockIndex, entry } = this.#after(after);
    const block = this.#blocks[blockIndex];
    if (block === undefined) return undefined;
    const frames: FrameSpan["frames"][number][] = [];
    const start = offsetAt(block, entry);
    for (let i = entry; i < block.end; i++) {
      const offset = offsetAt(block, i);
      const payloadBytes = block.entries[2 * i + 1] ?? 0;
      if (frames.length > 0 && offset + payloadBytes - start > spanBytes) break;
      frames.push({ offset, payloadBytes });
    }
    return { file: block.file, frames };
  }

  /** The first entry behind `position`; the block index is the number of blocks when there is none. */
  #after(position: bigint): { readonly block: number; readonly entry: number } {
    const file = walFileOf(position);
    const offset = walOffsetOf(position);
    const block = lowerBound(this.#blocks.length, (i) => {
      const candidate = this.#blocks[i];
      assert(candidate !== undefined, "blocks have no holes");
      if (candidate.file !== file) return candidate.file > file;
      return offsetAt(candidate, candidate.end - 1) > offset;
    });
    const found = this.#blocks[block];
    if (found === undefined) return { block, entry: 0 };
    if (found.file !== file) return { block, entry: found.start };
    const count = found.end - found.start;
    const entry = found.start + lowerBound(count, (i) => offsetAt(found, found.start + i) > offset);
    return { block, entry };
  }
}

/** Records of one topic in one file, ascending. */
export interface FrameSpan {
  readonly file: number;
  readonly frames: readonly { readonly offset: number; readonly payloadBytes: number }[];
}

interface Block {
  readonly file: number;
  /** Pairs (offset, payload bytes); entries [start, end) are valid, at least one. */
  entries: Uint32Array;
  start: number;
  end: number;
}

const BLOCK_ENTRIES_MIN = 8;
const BLOCK_ENTRIES_MAX = 4096;

function offsetAt(block: Block, entry: number): number {
  return block.entries[2 * entry] ?? 0;
}

/** The smallest index in [0, count) for which `reached` holds, else count; `reached` never goes back to false. */
function lowerBound(count: number, reached: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (reached(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
