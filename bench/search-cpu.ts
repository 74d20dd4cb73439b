/**
 * What one search costs the server: `npm run bench:search -- [--data FOLDER] [--clients 8] [--seconds 10] [--ef 32] [--threads 1]
 * [--peer ADDRESS --peer-pid PID]`
 *
 * Clients search one vector at a time over gRPC; the server's processor time is read from /proc before and after. A peer is another
 * Milvus server that runs already; its process (and those it started) are named by `--peer-pid`.
 */
import { parseArgs } from "node:util";
import { startServer } from "../tests/e2e/support/server.ts";
import { processorSeconds } from "../tests/load/process-figures.ts";
import { benchPython, clientStep, dataFolder, printHeader } from "./support.ts";

interface Target {
  readonly name: string;
  readonly address: string;
  readonly pid: number;
}

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: "string" },
      clients: { type: "string", default: "8" },
      seconds: { type: "string", default: "10" },
      ef: { type: "string", default: "32" },
      threads: { type: "string", default: "1" },
      peer: { type: "string" },
      "peer-pid": { type: "string" },
      "peer-ef": { type: "string", default: "32" },
    },
  });
  const data = dataFolder(values.data);
  const python = await benchPython();
  printHeader(`search over gRPC, ${values.clients} clients`, data);
  const options = { clients: values.clients, seconds: values.seconds };

  const measure = async ({ name, address, pid }: Target, ef: string): Promise<number> => {
    for (const step of ["create", "insert", "index", "load"]) await clientStep(python, step, address, data);
    const { recall } = await clientStep(python, "recall", address, data, { ef });
    const before = await processorSeconds(pid);
    const {
      searches = 0,
      per_second,
      p50_ms,
      p99_ms,
    } = await clientStep(python, "search", address, data, {
      ...options,
      ef,
    });
    const microseconds = ((await processorSeconds(pid)) - before) / searches / 1e-6;
    console.log(
      `${name}: ${microseconds.toFixed(0)} us of server CPU a search at recall ${recall?.toFixed(3)} (ef ${ef}); ` +
        `${per_second?.toFixed(0)} searches/s, p50 ${p50_ms?.toFixed(1)} ms, p99 ${p99_ms?.toFixed(1)} ms`,
    );
    return microseconds;
  };

  await using server = await startServer({ threads: Number(values.threads) });
  const ours = await measure({ name: "Redkite", address: server.address, pid: server.pid }, values.ef);
  if (values.peer !== undefined && values["peer-pid"] !== undefined) {
    const target = { name: "peer", address: values.peer, pid: Number(values["peer-pid"]) };
    const theirs = await measure(target, values["peer-ef"]);
    console.log(`ratio ${(ours / theirs).toFixed(2)} (bar 0.25)`);
  }
  return 0;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
