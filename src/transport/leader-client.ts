import type { MethodSpec, ServiceTable } from "../api/service-table.ts";
import { isRedkiteError } from "../errors/redkite-error.ts";
import { serviceUnavailable } from "../errors/service-errors.ts";
import type { CallContext } from "../model/call-context.ts";
import { nodeId, type NodeId } from "../model/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { MetaStore } from "../ports/meta-store.ts";

export interface LeaderClientDeps {
  readonly meta: MetaStore;
  readonly clock: Clock;
  /** Metadata key of the leader. */
  readonly key: string;
  readonly connect: <C extends object>(
    table: ServiceTable<C>,
    node: { readonly nodeId: NodeId; readonly address: string },
  ) => C;
  readonly pauseMs: number;
}

type Method = (ctx: CallContext, request: unknown) => Promise<unknown>;

/**
 * Stubs that follow the leader: when it is gone or deposed, the next call asks metadata who leads now. A call is repeated only
 * when it is idempotent or was refused before it began, and only until the caller's deadline.
 */
export class LeaderClient {
  readonly #deps: LeaderClientDeps;
  #leader: Promise<{ readonly nodeId: NodeId; readonly address: string }> | undefined;

  constructor(deps: LeaderClientDeps) {
    this.#deps = deps;
  }

  stub<C extends object>(table: ServiceTable<C>): C {
    const call =
      (name: string, idempotent: boolean): Method =>
      async (ctx, request) => {
        for (let tries = 1; ; tries++) {
          try {
            const leader = await this.#find();
            const methods = this.#deps.connect(table, leader) as unknown as Record<string, Method>;
            const method = methods[name];
            if (method === undefined) throw serviceUnavailable(`${table.name} has no method ${name}`);
            return await method(ctx, request);
          } catch (error) {
            if (!isElsewhere(error)) throw error;
            this.#leader = undefined;
            const repeatable = idempotent || isRedkiteError(error, "serviceNotReady");
            if (!repeatable || ctx.signal.aborted) throw error;
            await this.#deps.clock.sleep(this.#deps.pauseMs * Math.min(tries, 10), ctx.signal);
          }
        }
      };
    const methods = Object.entries<MethodSpec>(table.methods);
    return Object.fromEntries(methods.map(([name, spec]) => [name, call(name, spec.idempotent)])) as C;
  }

  async #find(): Promise<{ readonly nodeId: NodeId; readonly address: string }> {
    this.#leader ??= this.#ask();
    try {
      return await this.#leader;
    } catch (error) {
      this.#leader = undefined;
      throw error;
    }
  }

  async #ask(): Promise<{ readonly nodeId: NodeId; readonly address: string }> {
    const entry = await this.#deps.meta.get(this.#deps.key);
    if (entry === undefined) throw serviceUnavailable("no coordinator leads at the moment");
    const { nodeId: id, address } = JSON.parse(new TextDecoder().decode(entry.value)) as {
      nodeId: string;
      address: string;
    };
    return { nodeId: nodeId(BigInt(id)), address };
  }
}

/** The leader is another one by now, is not ready, or cannot be reached. */
function isElsewhere(error: unknown): boolean {
  return (
    isRedkiteError(error, "serviceUnavailable") ||
    isRedkiteError(error, "serviceNotReady") ||
    isRedkiteError(error, "nodeOffline") ||
    (isRedkiteError(error, "fenced") && error.fields["of"]?.startsWith("leader/") === true)
  );
}
