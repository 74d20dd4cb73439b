import type { CallContext } from "../model/call-context.ts";
import type { ServiceTable } from "./service-table.ts";

/** Runs around a call: measures it, opens a span. Passes on what `run` answers or throws. */
export type Observer = (call: ObservedCall) => Promise<unknown>;

export interface ObservedCall {
  readonly method: string;
  readonly ctx: CallContext;
  readonly request: unknown;
  /** The call itself, in the context given. */
  readonly run: (ctx: CallContext) => Promise<unknown>;
}

/** A contract with an observer around each call; the implementation does not know. */
export function observedService<C extends object>(
  table: ServiceTable<C>,
  implementation: C,
  observe: Observer,
): C {
  const methods = implementation as Readonly<Record<string, Method>>;
  const entries = Object.keys(table.methods).map((method) => {
    const run = async (ctx: CallContext, request: unknown): Promise<unknown> =>
      methods[method]?.(ctx, request);
    const observed = async (ctx: CallContext, request: unknown): Promise<unknown> =>
      observe({ method, ctx, request, run: async (inner) => run(inner, request) });
    return [method, observed] as const;
  });
  return Object.fromEntries(entries) as C;
}

type Method = (ctx: CallContext, request: unknown) => Promise<unknown>;
