import type { ServiceTable } from "../api/service-table.ts";
import { serviceNotReady } from "../errors/service-errors.ts";
import type { CallContext } from "../model/call-context.ts";

type Method = (ctx: CallContext, request: unknown) => Promise<unknown>;

/**
 * A stub whose implementation comes later, for contracts that refer to each other in a ring. Calls before that are refused with a
 * retriable error.
 */
export function lateBound<C extends object>(
  table: ServiceTable<C>,
): { readonly client: C; bind(implementation: C | undefined): void } {
  let bound: C | undefined;
  const call =
    (name: string): Method =>
    async (ctx, request) => {
      const method = (bound as Record<string, Method> | undefined)?.[name];
      if (method === undefined)
        throw serviceNotReady({ role: table.name, nodeId: 0n, state: "Initializing" });
      return method.call(bound, ctx, request);
    };
  return {
    client: Object.fromEntries(Object.keys(table.methods).map((name) => [name, call(name)])) as C,
    bind(implementation) {
      bound = implementation;
    },
  };
}
