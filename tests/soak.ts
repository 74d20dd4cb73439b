/**
 * Mixed load for a long time: `npm run soak -- [--minutes 60] [--threads 1] [--seed N]`. Four writers insert, upsert, delete, flush and
 * compact, two readers search and query, segments are tiny. Memory, descriptors, threads, disk and latencies must be flat after the first
 * quarter of the time; at the end every row must be right.
 */
import { parseArgs } from "node:util";
import { MilvusClient } from "@zilliz/milvus2-sdk-node";
import { Prng } from "../src/base/prng.ts";
import { sleep, startServer } from "./e2e/support/server.ts";
import { createLoadCollection, must, vectorOf } from "./load/load-collection.ts";
import { measureProcess, processorSeconds, type ProcessFigures } from "./load/process-figures.ts";
import { SOAK_SETTINGS } from "./load/soak-settings.ts";
import { verifyAll } from "./load/verify.ts";
import { Writer } from "./load/writer.ts";

const collection = "soaked";
const shards = 2;
const samples = 40;
/**
 * How much more the last quarter may have than the second one. A short run sees more of the noise, and of what else the machine does:
 * latency then counts little, and processor time per operation says what has become slower.
 */
const growthMax = { long: { usual: 1.1, latencyMs: 1.1 }, short: { usual: 1.5, latencyMs: 4 } };

interface Sample extends ProcessFigures {
  readonly latencyMs: number;
  /** Of the server's processor time, for each operation since the sample before. */
  readonly cpuMs: number;
  /** Loaded: what every write must look at. */
  readonly segments: number;
  readonly operations: number;
}

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: "60" },
      threads: { type: "string", default: "1" },
      seed: { type: "string", default: String(Date.now()) },
    },
  });
  const minutes = Number(values.minutes);
  console.log(`seed ${values.seed}`);
  const random = Prng.fromSeed(values.seed);
  await using server = await startServer({ threads: Number(values.threads), settings: SOAK_SETTINGS });
  const client = new MilvusClient({ address: server.address, maxRetries: 0, timeout: 120_000 });
  await client.connectPromise;
  try {
    await createLoadCollection(client, collection, shards);
    const writers = Array.from(
      { length: 4 },
      (_, number) =>
        new Writer({
          number,
          client: () => client,
          collection,
          random: random.fork(`writer ${number}`),
          keysMax: 3000,
        }),
    );
    const taken = await load(client, writers, random, server, minutes);
    const rows = await verifyAll({ client, collection, shards, writers, random });
    console.log(`${rows} rows correct at the end`);
    return judge(taken, minutes < 30 ? growthMax.short : growthMax.long);
  } finally {
    await client.closeConnection();
  }
}

async function load(
  client: MilvusClient,
  writers: readonly Writer[],
  random: Prng,
  server: { readonly pid: number; readonly dataDir: string },
  minutes: number,
): Promise<readonly Sample[]> {
  const ends = performance.now() + minutes * 60_000;
  let latencies: number[] = [];
  let operations = 0;
  const timed = async (work: () => Promise<unknown>): Promise<void> => {
    while (performance.now() < ends) {
      const started = performance.now();
      await work();
      latencies.push(performance.now() - started);
      operations++;
    }
  };
  const searches = random.fork("searches");
  const readers = [
    timed(async () =>
      must(
        await client.search({
          collection_name: collection,
          data: vectorOf(searches.between(0, 3_003_000), 1),
          limit: 10,
          filter: "owner >= 1",
        }),
      ),
    ),
    timed(async () => must(await client.count({ collection_name: collection }))),
  ];
  const taken: Sample[] = [];
  const before = { cpuSeconds: await processorSeconds(server.pid), operations: 0 };
  const sampler = async (): Promise<void> => {
    for (let i = 1; i <= samples; i++) {
      await sleep(Math.max(0, ends - ((samples - i) * minutes * 60_000) / samples - performance.now()));
      latencies.sort((a, b) => a - b);
      const cpuSeconds = await processorSeconds(server.pid);
      const sample = {
        ...(await measureProcess(server.pid, server.dataDir)),
        latencyMs: latencies[latencies.length >> 1] ?? 0,
        cpuMs: ((cpuSeconds - before.cpuSeconds) * 1000) / Math.max(1, operations - before.operations),
        segments: must(await client.getQuerySegmentInfo({ collectionName: collection })).infos.length,
        operations,
      };
      Object.assign(before, { cpuSeconds, operations });
      taken.push(sample);
      latencies = [];
      console.log(
        `${((i * minutes) / samples).toFixed(1)} min: ${sample.rssMB.toFixed(0)} MB, ${sample.descriptors} descriptors, ` +
          `${sample.threads} threads, ${sample.diskMB.toFixed(1)} MB on disk, median ${sample.latencyMs.toFixed(1)} ms, ` +
          `${sample.cpuMs.toFixed(1)} ms of CPU each, ${sample.segments} segments, ${operations} operations`,
      );
    }
  };
  await Promise.all([sampler(), ...readers, ...writers.map((writer) => timed(() => writer.step()))]);
  return taken;
}

/** Compares the last quarter with the second, by medians: single samples jump. */
function judge(
  taken: readonly Sample[],
  growthMax: { readonly usual: number; readonly latencyMs: number },
): number {
  const quarter = taken.length >> 2;
  const early = taken.slice(quarter, 2 * quarter);
  const late = taken.slice(-quarter);
  let failed = 0;
  for (const [name, slack] of [
    ["rssMB", 16],
    ["descriptors", 8],
    ["threads", 2],
    ["diskMB", 16],
    ["segments", 50],
    ["cpuMs", 2],
    ["latencyMs", 2],
  ] as const) {
    const before = median(early.map((sample) => sample[name]));
    const after = median(late.map((sample) => sample[name]));
    const most = before * (name === "latencyMs" ? growthMax.latencyMs : growthMax.usual) + slack;
    const grew = after > most;
    if (grew) failed++;
    console.log(`${grew ? "GREW" : "flat"} ${name}: ${before.toFixed(1)}, then ${after.toFixed(1)}`);
  }
  return failed === 0 ? 0 : 1;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
