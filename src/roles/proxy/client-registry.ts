import { Lru } from "../../base/lru.ts";

/** Who a client is, as it says itself with Connect. */
export interface ClientInfo {
  readonly sdkType: string;
  readonly sdkVersion: string;
  readonly user: string;
  readonly host: string;
  readonly localTime: string;
  readonly reserved: Readonly<Record<string, string>>;
}

interface Client {
  readonly info: ClientInfo;
  lastActiveMs: number;
}

/**
 * Clients that have said who they are with Connect, by the identifier that they send with every later call. Bounded by
 * number; idle ones are forgotten when somebody looks. An unknown identifier is no error: another proxy may have given it.
 */
export class ClientRegistry {
  readonly #clients: Lru<string, Client>;
  readonly #idleMs: number;

  constructor(options: { readonly clientsMax: number; readonly clientIdleMs: number }) {
    this.#clients = new Lru({ entriesMax: options.clientsMax });
    this.#idleMs = options.clientIdleMs;
  }

  register(identifier: bigint, info: ClientInfo, nowMs: number): void {
    this.#clients.set(String(identifier), { info, lastActiveMs: nowMs });
  }

  /** Who sent a call with this identifier; marks the client as active. */
  find(identifier: string | undefined, nowMs: number): ClientInfo | undefined {
    if (identifier === undefined) return undefined;
    const client = this.#clients.peek(identifier);
    if (client === undefined) return undefined;
    const silentMs = nowMs - client.lastActiveMs;
    if (silentMs > this.#idleMs) {
      this.#clients.delete(identifier);
      return undefined;
    }
    // Not with every call: clients that take turns would move each other to the end thousands of times a second.
    if (silentMs >= Math.min(MARK_EVERY_MS, this.#idleMs / 2)) {
      this.#clients.get(identifier);
      client.lastActiveMs = nowMs;
    }
    return client.info;
  }

  /** Clients that were active lately, to a second. */
  count(nowMs: number): number {
    // Least recently used first, so that the first active one ends the search.
    for (const [identifier, { lastActiveMs }] of this.#clients.entries()) {
      if (nowMs - lastActiveMs <= this.#idleMs) break;
      this.#clients.delete(identifier);
    }
    return this.#clients.size;
  }
}

const MARK_EVERY_MS = 1_000;
