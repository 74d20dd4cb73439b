import { Lru } from "../../base/lru.ts";
import { isRedkiteError, type RedkiteError } from "../../errors/redkite-error.ts";
import { isLostObject } from "../../errors/storage-errors.ts";
import type { VChannel } from "../../model/ids.ts";
import type { Logger } from "../../obs/logger.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Tasks } from "../../ports/executor.ts";
import { manifestOf } from "./open-shard.ts";
import type { SegmentFiles } from "./segment-files.ts";
import type { ShardState } from "./shard-state.ts";
import type { SealedEntry } from "./shard-view.ts";

export interface SegmentScrubberDeps {
  readonly files: SegmentFiles;
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly logger: Logger;
  /** Shards that are open now. */
  readonly shards: () => readonly ShardState[];
  /** Told in every round while the file stays as it is. */
  readonly damaged: (vchannel: VChannel, error: RedkiteError) => void;
  /** Indexes that searches use now. */
  readonly indexes: () => readonly ScrubbedIndex[];
  readonly intervalMs: number;
}

export interface ScrubbedIndex {
  readonly file: { readonly key: string; readonly bytes: number; readonly crc32c: number };
  /** It is no longer used from now on, and built anew. False when it was not used any more. */
  readonly lose: () => boolean;
}

/**
 * Reads the column files of open segments, and their indexes, once, slowly, and compares their checksums. Opening maps them without looking, because a start must
 * not take time in proportion to the data; what has decayed on the disk is found by this before long, and not served as if it were whole.
 */
export class SegmentScrubber {
  readonly #deps: SegmentScrubberDeps;
  /** By the key of the manifest, or of the index. What was whole is not read again. */
  readonly #seen = new Lru<string, "whole" | "damaged">({ entriesMax: REMEMBERED_MAX });

  constructor(deps: SegmentScrubberDeps) {
    this.#deps = deps;
  }

  start(): void {
    const { clock, tasks, intervalMs } = this.#deps;
    tasks.spawn(
      "scrub segments",
      async (signal) => {
        while (!signal.aborted) {
          await clock.sleep(intervalMs, signal);
          await this.round(signal);
        }
      },
      { endless: true },
    );
  }

  async round(signal: AbortSignal): Promise<void> {
    for (const state of this.#deps.shards()) {
      for (const entry of [...state.sealed()]) await this.#look(state, entry, signal);
    }
    for (const index of this.#deps.indexes()) await this.#lookAtIndex(index, signal);
  }

  async #lookAtIndex({ file, lose }: ScrubbedIndex, signal: AbortSignal): Promise<void> {
    const { files, clock, logger } = this.#deps;
    if (this.#seen.get(file.key) !== undefined) return;
    try {
      await files.verifyFile(file, async () => clock.sleep(PAUSE_MS, signal));
      this.#seen.set(file.key, "whole");
    } catch (error) {
      signal.throwIfAborted();
      if (!isLostObject(error)) return;
      this.#seen.set(file.key, "damaged");
      if (lose()) logger.error("an index has decayed", { file: file.key, error });
    }
  }

  async #look(state: ShardState, entry: SealedEntry, signal: AbortSignal): Promise<void> {
    const { files, clock, damaged, logger } = this.#deps;
    const ref = manifestOf(entry.meta);
    const seen = this.#seen.get(ref.key);
    if (seen === "whole") return;
    try {
      await files.verifyGroups(await files.readManifest(ref), async () => clock.sleep(PAUSE_MS, signal));
      this.#seen.set(ref.key, "whole");
    } catch (error) {
      signal.throwIfAborted();
      // Its files go when it is no longer part of the shard.
      if (!isRedkiteError(error) || state.findSealed(entry.id) !== entry) return;
      const isDamaged = isLostObject(error);
      if (seen === undefined || !isDamaged)
        logger.error("a segment cannot be verified", { vchannel: state.vchannel, segment: entry.id, error });
      if (!isDamaged) return;
      this.#seen.set(ref.key, "damaged");
      damaged(state.vchannel, error);
    }
  }
}

/** Behind each piece of a file: five a second at most, which is a few thousandths of a core. */
const PAUSE_MS = 200;
const REMEMBERED_MAX = 1_000_000;
