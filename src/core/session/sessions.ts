import { isRedkiteError } from "../../errors/redkite-error.ts";
import { metaUnavailable } from "../../errors/storage-errors.ts";
import type { NodeId } from "../../model/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Tasks } from "../../ports/executor.ts";
import type { MetaStore } from "../../ports/meta-store.ts";
import { defineMessage, field } from "../../format/message.ts";
import { KeptLease } from "../lease/kept-lease.ts";

/** A live process and the role it registered for. */
export interface Session {
  readonly role: string;
  readonly nodeId: NodeId;
  readonly address: string;
}

export const SESSION_PREFIX = "session/";

export const sessionCodec = defineMessage<Session>("Session", {
  role: field(1, "string"),
  nodeId: field(2, "uint64"),
  address: field(3, "string"),
});

export interface SessionDeps {
  readonly meta: MetaStore;
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly leaseMs: number;
}

/**
 * Registers this process under one lease. `lost` is called once when the lease could not be kept: the process must stop
 * serving then, since others may have taken its work over.
 */
export async function registerSession(
  deps: SessionDeps,
  sessions: readonly Session[],
  lost: (error: unknown) => void,
): Promise<{ readonly end: () => Promise<void> }> {
  const lease = await KeptLease.grant(deps);
  await deps.meta.txn({
    compare: [],
    ops: sessions.map((session) => ({
      op: "put" as const,
      key: sessionKey(session),
      value: sessionCodec.encode(session),
      lease: lease.id,
    })),
  });
  lease.keep("session", lost);
  return { end: async () => lease.end() };
}

/** Who is registered for the role at the moment of the call. */
export async function registeredSessions(meta: MetaStore, role: string): Promise<readonly Session[]> {
  const { entries } = await meta.range(`${SESSION_PREFIX}${role}/`);
  return entries.map((entry) => sessionCodec.decode(entry.value));
}

export function sessionKey({ role, nodeId }: Session): string {
  return `${SESSION_PREFIX}${role}/${nodeId}`;
}

/** Who is alive, kept current by a watch. It may be a little behind. */
export class SessionDirectory {
  readonly #sessions = new Map<string, Session>();
  readonly #listeners = new Set<() => void>();

  /** Returns when the first picture is there. */
  static async watch(meta: MetaStore, tasks: Tasks): Promise<SessionDirectory> {
    const directory = new SessionDirectory();
    let revision = await directory.#load(meta);
    let begun = false;
    tasks.spawn(
      "watch sessions",
      async (signal) => {
        // After a failure the watch may have missed changes: look at everything again.
        if (begun) revision = await directory.#load(meta);
        begun = true;
        try {
          for await (const batch of meta.watch(SESSION_PREFIX, revision, signal)) {
            for (const event of batch.events) {
              if (event.type === "put")
                directory.#sessions.set(event.entry.key, sessionCodec.decode(event.entry.value));
              else directory.#sessions.delete(event.key);
            }
            revision = batch.revision;
            directory.#notify();
          }
        } catch (error) {
          // It fell behind what the store keeps: that, too, is mended by looking again.
          if (!isRedkiteError(error, "metaCompacted")) throw error;
          throw metaUnavailable("the watch of sessions fell behind", error);
        }
      },
      { restarts: Number.MAX_SAFE_INTEGER },
    );
    return directory;
  }

  live(role: string): readonly Session[] {
    return [...this.#sessions.values()].filter((session) => session.role === role);
  }

  isLive(id: NodeId): boolean {
    return [...this.#sessions.values()].some((session) => session.nodeId === id);
  }

  /** Called after each change. Returns how to stop. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #load(meta: MetaStore): Promise<bigint> {
    const { revision, entries } = await meta.range(SESSION_PREFIX);
    this.#sessions.clear();
    for (const entry of entries) this.#sessions.set(entry.key, sessionCodec.decode(entry.value));
    this.#notify();
    return revision;
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}
