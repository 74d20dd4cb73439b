/**
 * How long a start takes, and what an idle server holds: `npm run bench:start -- [--data FOLDER] [--rounds 5]`
 *
 * - from `npm start`, npm included, to the first answered CreateCollection on an empty folder;
 * - to the first correct answer of a Strong search with the data set loaded before;
 * - memory of the server's process half a minute after an empty start.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { DataType, MilvusClient } from "@zilliz/milvus2-sdk-node";
import { readVectors } from "../examples/read-npy.ts";
import { freePort, root, sleep } from "../tests/e2e/support/server.ts";
import { measureProcess } from "../tests/load/process-figures.ts";
import { benchPython, clientStep, dataFolder, median, printHeader } from "./support.ts";

interface NpmStart {
  readonly child: ChildProcess;
  readonly address: string;
  readonly startedAt: number;
}

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { data: { type: "string" }, rounds: { type: "string", default: "5" } },
  });
  const data = dataFolder(values.data);
  const rounds = Number(values.rounds);
  printHeader("start", data);
  const empty: number[] = [];
  let rssMB = 0;
  for (let round = 0; round < rounds; round++) {
    const folder = await mkdtemp(path.join(tmpdir(), "redkite-bench-"));
    const server = await npmStart(folder);
    const client = await connect(server);
    await firstAnswer(server, async () => {
      const status = await client.createCollection({
        collection_name: "first",
        fields: [
          { name: "id", data_type: DataType.Int64, is_primary_key: true, autoID: false },
          { name: "vector", data_type: DataType.FloatVector, dim: 4 },
        ],
      });
      return status.code === 0;
    });
    empty.push(performance.now() - server.startedAt);
    if (round === rounds - 1) {
      await sleep(30_000);
      rssMB = (await measureProcess(await serverPid(server), folder)).rssMB;
    }
    await client.closeConnection();
    await stop(server);
    await rm(folder, { recursive: true, force: true });
  }
  report("npm start to the first CreateCollection, empty folder", median(empty), 1000);
  console.log(`memory half a minute after an empty start: ${rssMB.toFixed(0)} MB (bar 150)`);

  const loaded = await loadedStarts(data, rounds);
  report("npm start to the first correct Strong search, data set loaded before", median(loaded), 1500);
  return 0;
}

async function loadedStarts(data: string, rounds: number): Promise<readonly number[]> {
  const folder = await mkdtemp(path.join(tmpdir(), "redkite-bench-"));
  const python = await benchPython();
  const first = await npmStart(folder);
  const setUp = await connect(first);
  await firstAnswer(first, async () => (await setUp.checkHealth()).isHealthy);
  await setUp.closeConnection();
  for (const step of ["create", "insert", "index", "load"]) {
    await clientStep(python, step, first.address, data);
  }
  await stop(first);
  const { data: numbers, columns } = readVectors(path.join(data, "base.f16.npy"));
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const wanted = (round * 997) % (numbers.length / columns);
    const vector = Array.from(numbers.subarray(wanted * columns, (wanted + 1) * columns));
    const server = await npmStart(folder);
    const client = await connect(server);
    await firstAnswer(server, async () => {
      const found = await client.search({ collection_name: "wordnet", data: vector, limit: 1 });
      return Number(found.results[0]?.id) === wanted;
    });
    times.push(performance.now() - server.startedAt);
    await client.closeConnection();
    await stop(server);
  }
  await rm(folder, { recursive: true, force: true });
  return times;
}

function report(what: string, ms: number, bar: number): void {
  console.log(`${what}: ${ms.toFixed(0)} ms (bar ${bar})`);
}

async function npmStart(folder: string): Promise<NpmStart> {
  const port = await freePort();
  const options = ["--data", folder, "--port", String(port), "--metrics-port", String(await freePort())];
  const startedAt = performance.now();
  const child = spawn("npm", ["start", "--silent", "--", ...options], { cwd: root, stdio: "ignore" });
  return { child, address: `127.0.0.1:${port}`, startedAt };
}

/** Once the port is open: a client that was refused waits for seconds before it tries again. */
async function connect({ address }: NpmStart): Promise<MilvusClient> {
  const [host = "", port = ""] = address.split(":");
  while (!(await isOpen(host, Number(port)))) await sleep(2);
  return new MilvusClient({ address, maxRetries: 0 });
}

async function isOpen(host: string, port: number): Promise<boolean> {
  const socket = createConnection({ host, port });
  return new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  }).finally(() => socket.destroy());
}

/** Asks until the answer is good. */
async function firstAnswer(server: NpmStart, ask: () => Promise<boolean>): Promise<void> {
  const deadline = server.startedAt + 60_000;
  while (performance.now() < deadline) {
    try {
      if (await ask()) return;
    } catch {
      // Not there yet.
    }
    await sleep(5);
  }
  throw new Error("no good answer within a minute");
}

/** npm may put a shell between itself and the server: the process that has no children is the server. */
async function serverPid({ child }: NpmStart): Promise<number> {
  let pid = child.pid ?? 0;
  for (;;) {
    const next = await childOf(pid);
    if (next === undefined) return pid;
    pid = next;
  }
}

async function childOf(pid: number): Promise<number | undefined> {
  for (const task of await readdir(`/proc/${pid}/task`)) {
    const [first] = (await readFile(`/proc/${pid}/task/${task}/children`, "utf8")).split(" ");
    if (first !== undefined && first !== "") return Number(first);
  }
  return undefined;
}

async function stop(server: NpmStart): Promise<void> {
  const ended = new Promise((resolve) => server.child.on("close", resolve));
  process.kill(await serverPid(server), "SIGTERM");
  await ended;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
