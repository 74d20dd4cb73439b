import assert from "node:assert/strict";
import { test } from "node:test";
import { runSeed, type SeedOptions } from "../../src/sim/run-seed.ts";

/**
 * Lives of a database that once showed a wrong answer. They are short: what was wrong came early. A change of the workload makes
 * other lives of them; what each found has a unit test as well.
 */
const SEEDS: readonly (SeedOptions & { readonly found: string })[] = [
  {
    seed: 11,
    operations: 930,
    found: "a partition whose creation failed for the client stayed unknown to the proxies for good",
  },
  {
    seed: 33,
    found: "a request to pause for a change that came again behind the change held a channel up for good",
  },
  {
    seed: 600_013,
    operations: 552,
    faults: 19,
    found:
      "a write by an alias that moved meanwhile was refused for the other collection's schema, which was taken for a bug",
  },
  {
    seed: 900_158,
    operations: 333,
    faults: 12,
    found: "a read from before a truncation under way was answered as if nothing had been there",
  },
];

for (const { found, ...options } of SEEDS) {
  test(`seed ${options.seed}: ${found}`, async () => {
    const { violations } = await runSeed(options);
    assert.deepEqual(
      violations.map(({ detail }) => detail),
      [],
    );
  });
}
