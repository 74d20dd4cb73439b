import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_TRACE, type CallContext } from "../model/call-context.ts";
import { observedService } from "./observed-service.ts";
import type { ServiceTable } from "./service-table.ts";

interface Greeter {
  greet(ctx: CallContext, request: { readonly name: string }): Promise<string>;
  fail(ctx: CallContext, request: Record<string, never>): Promise<never>;
}
const table: ServiceTable<Greeter> = {
  name: "Greeter",
  methods: { greet: { idempotent: true }, fail: { idempotent: true } },
};
const ctx: CallContext = {
  principal: "",
  database: "default",
  deadlineMs: undefined,
  signal: new AbortController().signal,
  trace: NO_TRACE,
  clientRequestId: "",
};

/** Has a private field: called through a wrapper it must still be itself. */
class PoliteGreeter implements Greeter {
  readonly #word = "hello";

  async greet({ database }: CallContext, { name }: { readonly name: string }): Promise<string> {
    return `${this.#word} ${name} of ${database}`;
  }

  async fail(): Promise<never> {
    throw new Error("no");
  }
}

test("each call goes through the observer, which may give it another context", async () => {
  const seen: string[] = [];
  const service = observedService(table, new PoliteGreeter(), async ({ method, request, run }) => {
    seen.push(`${method} ${JSON.stringify(request)}`);
    try {
      return await run({ ...ctx, database: "other" });
    } finally {
      seen.push(`${method} ended`);
    }
  });
  assert.equal(await service.greet(ctx, { name: "kite" }), "hello kite of other");
  await assert.rejects(service.fail(ctx, {}), /no/);
  assert.deepEqual(seen, ['greet {"name":"kite"}', "greet ended", "fail {}", "fail ended"]);
});
