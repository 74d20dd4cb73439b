/**
 * The main job through pymilvus: `npm run bench:wordnet -- [--data FOLDER] [--threads 1] [--peer ADDRESS]`
 *
 * Inserts with four clients in batches of 1,000 rows, waits for HNSW (M 16, efConstruction 200) over all rows, compacts into one segment, and
 * measures recall@10 at three values of ef, with and without filters. In the same run hnswlib builds its index with two threads.
 * `--peer` names another running Milvus server, which gets the same inserts for comparison.
 */
import path from "node:path";
import { parseArgs } from "node:util";
import { runProgram } from "../tests/e2e/support/run-program.ts";
import { root, startServer } from "../tests/e2e/support/server.ts";
import { measureProcess } from "../tests/load/process-figures.ts";
import { benchPython, clientStep, dataFolder, filtersOf, json, printHeader } from "./support.ts";

interface Peer {
  readonly build_seconds: number;
  readonly recall: Readonly<Record<string, number>>;
  readonly queries_per_cpu_second: Readonly<Record<string, number>>;
}

const recallBars = { 32: 0.96, 64: 0.985, 128: 0.994 };

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: "string" },
      threads: { type: "string", default: "1" },
      peer: { type: "string" },
      clients: { type: "string", default: "4" },
    },
  });
  const data = dataFolder(values.data);
  const python = await benchPython();
  printHeader("WordNet through pymilvus", data);
  const clients = Number(values.clients);
  await using server = await startServer({ threads: Number(values.threads) });
  const step = (name: string, options = {}) => clientStep(python, name, server.address, data, options);

  await step("create");
  const inserted = await step("insert", { clients });
  console.log(`insert, ${clients} clients: ${inserted["rows_per_second"]?.toFixed(0)} rows/s, durable`);
  if (values.peer !== undefined) {
    await clientStep(python, "create", values.peer, data);
    const there = await clientStep(python, "insert", values.peer, data, { clients });
    console.log(`  the peer on ${values.peer}: ${there["rows_per_second"]?.toFixed(0)} rows/s`);
  }
  const indexed = await step("index");
  const seconds = indexed["seconds"] ?? 0;
  console.log(
    `last insert to HNSW finished: ${seconds.toFixed(1)} s (flush ${indexed["flush_seconds"]?.toFixed(1)} s)`,
  );
  const peer = json(
    await runProgram([python, path.join(root, "bench", "programs", "hnswlib_peer.py"), data, "2"], {
      timeoutMs: 1_800_000,
    }),
  ) as Peer;
  console.log(
    `  hnswlib, two threads: ${peer.build_seconds.toFixed(1)} s; ` +
      `ratio ${(seconds / peer.build_seconds).toFixed(2)} (bar 2)`,
  );
  await step("load");
  const counted = await step("count");
  console.log(`count(*) ${counted["count"]} of ${counted["expected"]}`);
  console.log(`compaction and its index: ${(await step("compact"))["seconds"]?.toFixed(1)} s`);

  for (const [ef, bar] of Object.entries(recallBars)) {
    const all = await step("recall", { ef });
    console.log(
      `ef ${ef.padStart(3)}: recall@10 ${all["recall"]?.toFixed(4)} (bar ${bar}; hnswlib ${peer.recall[ef]?.toFixed(4)})`,
    );
    for (const [truth, filter] of filtersOf(data)) {
      const filtered = await step("recall", { ef, truth, filter });
      console.log(
        `        ${filter}: ${filtered["recall"]?.toFixed(4)}, ` +
          `${filtered["queries_with_fewer_than_10"]} queries with fewer than 10 rows`,
      );
    }
  }
  const { rssMB, diskMB } = await measureProcess(server.pid, server.dataDir);
  console.log(`server: ${rssMB.toFixed(0)} MB of memory, ${diskMB.toFixed(0)} MB on disk`);
  return 0;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
