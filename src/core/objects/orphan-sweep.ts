import type { Clock } from "../../ports/clock.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import type { Leadership } from "../leader/leadership.ts";
import { objectKeys } from "./object-keys.ts";

export interface OrphanSweepDeps {
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly leadership: Pick<Leadership, "assertHeld">;
  /** An object that nobody needs goes when it was seen twice, so far apart. */
  readonly toleranceMs: number;
}

/**
 * Removes the files of attempts that came to nothing. Safe by whom it asks, not by the time that it waits: what metadata names and which
 * attempts are under way only the leader knows, so every object is judged anew in the step in which it goes, while the lead surely holds;
 * a later leader commits no attempt of before.
 */
export class OrphanSweep {
  readonly #deps: OrphanSweepDeps;
  /** When an object was first seen that nobody needs, monotonic. */
  #since = new Map<string, number>();

  constructor(deps: OrphanSweepDeps) {
    this.#deps = deps;
  }

  /**
   * One look at all keys below the prefixes. `isNeeded` tells what metadata names, or an attempt under way may come to name, at the
   * moment of the call. Throws `fenced` once the lead may have ended.
   */
  async run(prefixes: readonly string[], isNeeded: (key: string) => boolean): Promise<void> {
    const { clock, leadership, objects, toleranceMs } = this.#deps;
    const now = clock.monotonicMs();
    const seen = new Map<string, number>();
    for (const prefix of prefixes) {
      for await (const key of objectKeys(objects, prefix)) {
        leadership.assertHeld();
        if (isNeeded(key)) continue;
        const since = this.#since.get(key) ?? now;
        if (now - since >= toleranceMs) await objects.remove(key);
        else if (seen.size < ORPHANS_MAX) seen.set(key, since);
      }
    }
    this.#since = seen;
  }
}

const ORPHANS_MAX = 100_000;
