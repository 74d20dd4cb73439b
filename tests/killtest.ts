/**
 * Kills the server at random moments while clients write, and looks at what it has after the restart:
 *
 *     npm run killtest -- [--rounds 100] [--seconds 5] [--seed N] [--threads 1] [--restart-ms 3000] [--keep]
 *
 * Four writers insert, upsert, delete and flush; segments are tiny, so that every round seals, flushes, compacts and hands over. No
 * acknowledged write may be lost, wrong, doubled or back from the dead; one without an answer may be in or out, but whole per vchannel and never changing afterwards.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { MilvusClient } from "@zilliz/milvus2-sdk-node";
import { Prng } from "../src/base/prng.ts";
import { freePort, sleep, startServer, type TestServer } from "./e2e/support/server.ts";
import { createLoadCollection } from "./load/load-collection.ts";
import { SegmentWatch, type SegmentEvents } from "./load/segment-watch.ts";
import { SOAK_SETTINGS } from "./load/soak-settings.ts";
import { verifyAll } from "./load/verify.ts";
import { Writer, type OperationKind } from "./load/writer.ts";

const collection = "killed";
const shards = 2;
const writerCount = 4;
/** What must happen in every round, so that the kills meet more than appends to the log. */
const eventsMin: SegmentEvents = { seals: 5, flushes: 5, compactions: 2, handOvers: 2 };
/** A round on a busy machine lasts until that has happened, but no longer than this. */
const roundMsMax = 60_000;

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "100" },
      seconds: { type: "string", default: "5" },
      seed: { type: "string", default: String(Date.now()) },
      threads: { type: "string", default: "1" },
      "restart-ms": { type: "string", default: "3000" },
      keep: { type: "boolean", default: false },
    },
  });
  const dataDir = await mkdtemp(path.join(tmpdir(), "redkite-kill-"));
  console.log(`seed ${values.seed}, data folder ${dataDir}`);
  const test = new KillTest(dataDir, Prng.fromSeed(values.seed), {
    threads: Number(values.threads),
    restartMsMax: Number(values["restart-ms"]),
  });
  try {
    for (let round = 1; round <= Number(values.rounds); round++) {
      console.log(`round ${round}: ${await test.round(Number(values.seconds))}`);
    }
    console.log(test.summary());
  } catch (error) {
    console.error(error);
    console.error(`failed; the data folder is kept: ${dataDir}; the same load: --seed ${values.seed}`);
    console.error(test.serverOutput().slice(-4000));
    await test.end();
    return 1;
  }
  await test.end();
  if (!values.keep) await rm(dataDir, { recursive: true, force: true });
  return 0;
}

class KillTest {
  readonly #dataDir: string;
  readonly #random: Prng;
  readonly #threads: number;
  /** From the start of the process to the first right answer. */
  readonly #restartMsMax: number;
  readonly #restarts: number[] = [];
  readonly #operations = new Map<OperationKind, number>();
  #writers: Writer[] = [];
  #server: TestServer | undefined;
  #client: MilvusClient | undefined;
  #unsettled = 0;

  constructor(
    dataDir: string,
    random: Prng,
    limits: { readonly threads: number; readonly restartMsMax: number },
  ) {
    this.#dataDir = dataDir;
    this.#random = random;
    this.#threads = limits.threads;
    this.#restartMsMax = limits.restartMsMax;
  }

  /** Start, verify, write, kill. */
  async round(seconds: number): Promise<string> {
    const started = performance.now();
    const client = await this.#start();
    if (this.#writers.length === 0) await this.#create(client);
    const counted = await client.count({ collection_name: collection });
    const restartMs = performance.now() - started;
    if (counted.status.error_code !== "Success") throw new Error(`no count: ${counted.status.reason}`);
    const rows = await verifyAll({
      client,
      collection,
      shards,
      writers: this.#writers,
      random: this.#random,
    });
    const isFirst = this.#restarts.length === 0;
    this.#restarts.push(restartMs);
    if (!isFirst && restartMs > this.#restartMsMax)
      throw new Error(`the restart took ${restartMs.toFixed(0)} ms`);
    const { operations, events } = await this.#writeAndKill(seconds * 1000);
    const text = Object.entries(events).map(([name, count]) => `${count} ${name}`);
    const line =
      `${rows} rows correct, first answer after ${restartMs.toFixed(0)} ms; ` +
      `${operations} operations, ${text.join(", ")}`;
    if (!isEnough(events) && seconds >= 5) {
      throw new Error(`too little happened: ${line}; at least ${JSON.stringify(eventsMin)} was expected`);
    }
    return line;
  }

  summary(): string {
    const sorted = [...this.#restarts].sort((a, b) => a - b);
    const counts = [...this.#operations].map(([kind, count]) => `${count} ${kind}`).join(", ");
    return (
      `${this.#restarts.length} rounds, all correct; ${counts}; ${this.#unsettled} writes had no answer; ` +
      `restart median ${sorted[sorted.length >> 1]?.toFixed(0)} ms, longest ${sorted.at(-1)?.toFixed(0)} ms`
    );
  }

  serverOutput(): string {
    return this.#server?.output() ?? "";
  }

  async end(): Promise<void> {
    await this.#server?.kill();
    await this.#client?.closeConnection();
  }

  async #start(): Promise<MilvusClient> {
    await this.#client?.closeConnection();
    this.#server = await startServer({
      dataDir: this.#dataDir,
      threads: this.#threads,
      settings: SOAK_SETTINGS,
      port: await freePort(),
    });
    // A retry inside of the SDK would bring a write back after the restart.
    this.#client = new MilvusClient({ address: this.#server.address, maxRetries: 0, timeout: 120_000 });
    await this.#client.connectPromise;
    return this.#client;
  }

  async #create(client: MilvusClient): Promise<void> {
    await createLoadCollection(client, collection, shards);
    this.#writers = Array.from(
      { length: writerCount },
      (_, number) =>
        new Writer({
          number,
          client: () => this.#client ?? client,
          collection,
          random: this.#random.fork(`writer ${number}`),
          keysMax: 3000,
        }),
    );
  }

  async #writeAndKill(durationMs: number): Promise<{ operations: number; events: SegmentEvents }> {
    const watch = new SegmentWatch();
    const killed = { yet: false };
    let operations = 0;
    const write = async (writer: Writer): Promise<void> => {
      while (!killed.yet) {
        try {
          const kind = await writer.step();
          this.#operations.set(kind, (this.#operations.get(kind) ?? 0) + 1);
          operations++;
        } catch (error) {
          if (!killed.yet) throw error;
        }
      }
    };
    const observe = async (): Promise<void> => {
      while (!killed.yet) {
        const client = this.#client;
        if (client === undefined) return;
        try {
          await watch.look(client, collection);
        } catch (error) {
          if (!killed.yet) throw error;
        }
        await sleep(100);
      }
    };
    const work = Promise.all([observe(), ...this.#writers.map(write)]);
    // A failure of the work ends the round at once; the kill comes at a moment that nothing else knows.
    const enough = async (): Promise<void> => {
      const started = performance.now();
      await sleep(durationMs);
      while (!isEnough(watch.events) && performance.now() - started < roundMsMax) await sleep(100);
      await sleep(this.#random.between(0, 500));
    };
    await Promise.race([work, enough()]);
    killed.yet = true;
    await this.#server?.kill();
    await work;
    this.#unsettled += this.#writers.filter(({ unsettled }) => unsettled.length > 0).length;
    return { operations, events: watch.events };
  }
}

function isEnough(events: SegmentEvents): boolean {
  return Object.entries(eventsMin).every(([name, least]) => events[name as keyof SegmentEvents] >= least);
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
