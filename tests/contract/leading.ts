import { ManualClock } from "./manual-clock.ts";
import { openMemoryMetaStore } from "../../src/adapters/meta/memory.ts";
import { TaskRunner, type TaskFailure } from "../../src/adapters/tasks.ts";
import { Prng } from "../../src/base/prng.ts";
import { Leadership } from "../../src/core/leader/leadership.ts";
import { nodeId } from "../../src/model/ids.ts";
import type { MetaStore } from "../../src/ports/meta-store.ts";

/** A metadata store on a clock that a test moves, and candidates for the lead of it. */
export interface LeadingWorld {
  readonly clock: ManualClock;
  readonly meta: MetaStore;
  readonly tasks: TaskRunner;
  readonly failures: TaskFailure[];
  /** Waits until this node leads. */
  lead(node: number, lost?: (error: unknown) => void, meta?: MetaStore): Promise<Leadership>;
  /** Ends what runs in the background. */
  close(): Promise<void>;
}

export const LEASE_MS = 1000;

export async function leadingWorld(): Promise<LeadingWorld> {
  const clock = new ManualClock();
  const meta = await openMemoryMetaStore(clock);
  const failures: TaskFailure[] = [];
  const tasks = new TaskRunner(clock, Prng.fromSeed(1), (failure) => failures.push(failure));
  const stopping = new AbortController();
  return {
    clock,
    meta,
    tasks,
    failures,
    lead: async (node, lost = () => undefined, over = meta) =>
      Leadership.win(
        {
          meta: over,
          clock,
          tasks,
          key: "leader/test",
          nodeId: nodeId(BigInt(node)),
          address: "",
          leaseMs: LEASE_MS,
        },
        stopping.signal,
        lost,
      ),
    close: async () => {
      stopping.abort();
      await tasks.stop();
      await meta.close();
    },
  };
}

/** The store, except that calls of the named methods fail while `broken.now`. */
export function breakable(
  meta: MetaStore,
  broken: { now: boolean },
  methods: readonly (keyof MetaStore)[],
): MetaStore {
  return new Proxy(meta, {
    get(target, name: keyof MetaStore) {
      const method = target[name];
      if (typeof method !== "function") return method;
      return (...args: never[]) => {
        if (broken.now && methods.includes(name)) return Promise.reject(new Error(`${name} is broken`));
        return (method as (...given: never[]) => unknown).apply(target, args);
      };
    },
  });
}
