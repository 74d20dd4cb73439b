import type { Clock } from "../../ports/clock.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import { objectKeys } from "./object-keys.ts";

export interface OrphanSweepDeps {
  readonly objects: ObjectStore;
  readonly clock: Clock;
  /** An object that nothing names goes when it was seen twice, so far apart that no attempt can still be about to name it. */
  readonly toleranceMs: number;
}

/** Removes the files of attempts that came to nothing. */
export class OrphanSweep {
  readonly #deps: OrphanSweepDeps;
  /** When an object was first seen that nothing names. */
  #since = new Map<string, number>();

  constructor(deps: OrphanSweepDeps) {
    this.#deps = deps;
  }

  /** One look at all keys below the prefixes. `isNamed` tells what metadata names, and what work under way is going to. */
  async run(prefixes: readonly string[], isNamed: (key: string) => boolean): Promise<void> {
    const now = this.#deps.clock.nowMs();
    const seen = new Map<string, number>();
    for (const prefix of prefixes) {
      for await (const key of objectKeys(this.#deps.objects, prefix)) {
        if (isNamed(key)) continue;
        const since = this.#since.get(key) ?? now;
        if (now - since >= this.#deps.toleranceMs) await this.#deps.objects.remove(key);
        else if (seen.size < ORPHANS_MAX) seen.set(key, since);
      }
    }
    this.#since = seen;
  }
}

const ORPHANS_MAX = 100_000;
