import type { ServiceTable } from "../api/service-table.ts";
import type { CallContext } from "../model/call-context.ts";

/**
 * A contract on the same thread: calls go straight through, nothing is copied. With `freeze`, which tests switch on,
 * requests and answers are frozen in depth, so that code which changes what it was given fails here as it would behave
 * differently across threads or nodes. Typed arrays cannot be frozen.
 */
export function directChannel<C extends object>(
  table: ServiceTable<C>,
  implementation: C,
  options: { readonly freeze: boolean },
): C {
  const methods = implementation as Readonly<Record<string, Method>>;
  const entries = Object.keys(table.methods).map((name) => {
    const through = async (ctx: CallContext, request: unknown): Promise<unknown> =>
      methods[name]?.(ctx, request);
    const frozen = async (ctx: CallContext, request: unknown): Promise<unknown> =>
      deepFreeze(await through(ctx, deepFreeze(request)));
    return [name, options.freeze ? frozen : through] as const;
  });
  return Object.fromEntries(entries) as C;
}

/**
 * Freezes arrays and plain objects and all that they hold. Instances of classes, buffers and their views stay as they
 * are; maps and sets too, but what they hold is frozen.
 */
export function deepFreeze<T>(value: T): T {
  const open: unknown[] = [value];
  while (open.length > 0) {
    const item = open.pop();
    if (typeof item !== "object" || item === null) continue;
    if (item instanceof Map) {
      for (const [key, entry] of item) open.push(key, entry);
    } else if (item instanceof Set) {
      open.push(...item);
    } else if (isPlain(item) && !Object.isFrozen(item)) {
      Object.freeze(item);
      for (const entry of Object.values(item)) open.push(entry);
    }
  }
  return value;
}

type Method = (ctx: CallContext, request: unknown) => Promise<unknown>;

function isPlain(item: object): boolean {
  if (Array.isArray(item)) return true;
  const prototype: unknown = Object.getPrototypeOf(item);
  return prototype === Object.prototype || prototype === null;
}
