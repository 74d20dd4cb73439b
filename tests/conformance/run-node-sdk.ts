/**
 * The Node SDK's own specs against this server:
 *
 *     node tests/conformance/run-node-sdk.ts [source of milvus-io/milvus-sdk-node] [--only <pattern of files>] [--out <file>]
 *
 * The source is a checkout or anything that git can clone from, GitHub by default; its dependencies are installed in the checkout. Its
 * specs name port 19530, so a fresh server is started there; one that runs there already is used.
 */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { runProgram } from "../e2e/support/run-program.ts";
import { checkoutOf, must } from "./checkout.ts";
import { readExclusions } from "./exclusions.ts";
import { parseJest } from "./jest.ts";
import { printTally, tally } from "./tally.ts";
import { withServer } from "./with-server.ts";

const suite = { repository: "milvus-io/milvus-sdk-node", folders: undefined, has: "test/grpc" };

export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { only: { type: "string" }, out: { type: "string" }, threads: { type: "string" } },
  });
  if (positionals.length > 1) {
    console.error("usage: run-node-sdk.ts [source] [--only pattern] [--out file]");
    return 2;
  }
  const checkout = await checkoutOf(suite, positionals[0]);
  const jest = path.join(checkout, "node_modules", "jest", "bin", "jest.js");
  if (!existsSync(jest)) {
    const install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--legacy-peer-deps"];
    await must(install, { cwd: checkout });
  }
  const scratch = await mkdtemp(path.join(tmpdir(), "redkite-conformance-"));
  try {
    const report = path.join(scratch, "jest.json");
    const command = [
      process.execPath,
      jest,
      "--json",
      `--outputFile=${report}`,
      "--runInBand",
      "--forceExit",
    ];
    // The other folders test the SDK without a server, and would count without saying anything about one.
    command.push(values.only ?? "test/(grpc|http)/");
    await withServer({ port: 19530, threads: Number(values.threads ?? 1) }, async () => {
      const { code, stderr } = await runProgram(command, {
        cwd: checkout,
        env: { NODE_ENV: "dev" },
        timeoutMs: 3_600_000,
      });
      if (code === null || !existsSync(report))
        throw new Error(`jest did not come to its end (${code}):\n${stderr.slice(-3000)}`);
    });
    const outcomes = parseJest(await readFile(report, "utf8"), checkout);
    if (values.out !== undefined) await writeFile(values.out, `${JSON.stringify(outcomes, null, 1)}\n`);
    const exclusions = readExclusions(path.join(import.meta.dirname, "exclusions", "node-sdk.txt"));
    const passedMin = values.only === undefined ? 380 : 0;
    return printTally("Node SDK specs", tally(outcomes, exclusions), { rateMin: 0.8, passedMin });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
