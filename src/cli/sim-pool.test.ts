import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { SeedPool } from "./sim-pool.ts";
import type { SeedTask } from "./sim-seed.ts";

const task = (seed: number): SeedTask => ({ kind: "examine", limits: { seed }, twice: false });

describe("a pool of seed processes", () => {
  let folder = "";
  before(() => (folder = mkdtempSync(join(tmpdir(), "sim-pool-"))));
  after(() => rmSync(folder, { recursive: true }));

  /** A worker program whose answer to a seed is the body of `(seed) => ...`, or nothing. */
  function pool(name: string, body: string, options: { jobs: number; limitMs?: number }): SeedPool {
    const program = join(folder, `${name}.mjs`);
    writeFileSync(
      program,
      `const answer = async (seed) => { ${body} };
       process.on("disconnect", () => process.exit());
       process.on("message", async ({ limits }) => {
         const problem = await answer(limits.seed);
         process.send({ limits, summary: "", problem, operations: process.pid, faults: 0, coverage: {} });
       });`,
    );
    return new SeedPool({ program, ...options });
  }

  async function problems(of: SeedPool, seeds: readonly number[]): Promise<readonly (string | undefined)[]> {
    const found: (string | undefined)[] = [];
    try {
      for await (const { problem } of of.inOrder(seeds.map(task))) found.push(problem);
    } finally {
      await of.close();
    }
    return found;
  }

  test("reports come in the order of the seeds, whichever ends first", async () => {
    const slowFirst = pool(
      "slow",
      "await new Promise((done) => setTimeout(done, seed === 1 ? 60 : 0)); return String(seed);",
      {
        jobs: 2,
      },
    );
    assert.deepEqual(await problems(slowFirst, [1, 2, 3, 4, 5]), ["1", "2", "3", "4", "5"]);
  });

  test("a seed that brings its process down has failed, and the next ones run", async () => {
    const dying = pool("dying", 'if (seed === 2) process.kill(process.pid, "SIGKILL"); return "fine";', {
      jobs: 1,
    });
    assert.deepEqual(await problems(dying, [1, 2, 3]), ["fine", "the process ended with SIGKILL", "fine"]);
  });

  test("a seed that does not end is ended", async () => {
    const endless = pool("endless", "for (;;);", { jobs: 1, limitMs: 300 });
    assert.deepEqual(await problems(endless, [1]), ["the run has not ended after 300 ms"]);
  });

  test("as many processes as jobs, used again", async () => {
    const two = pool("two", "await new Promise((done) => setTimeout(done, 20));", { jobs: 2 });
    const pids = new Set<number>();
    for await (const { operations } of two.inOrder([1, 2, 3, 4, 5, 6].map(task))) pids.add(operations);
    await two.close();
    assert.equal(pids.size, 2);
  });
});
