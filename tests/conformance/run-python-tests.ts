/**
 * Milvus's Python tests of the client against this server:
 *
 *     node tests/conformance/run-python-tests.ts [source of zhengbuqian/milvus] [--pymilvus <folder or source>] [--python <python>]
 *         [--level L0] [--only <file or folder>] [--keyword <expression of pytest -k>] [--workers 2] [--out <file>] [--port 19530]
 *
 * The source is a checkout or anything that git can clone from, GitHub by default. Without `--python` an environment with the suite's
 * requirements and that pymilvus is made under `.cache`. A fresh server is started unless one runs on the port already.
 */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { runProgram } from "../e2e/support/run-program.ts";
import { checkoutOf } from "./checkout.ts";
import { readExclusions } from "./exclusions.ts";
import { parseJunit } from "./junit.ts";
import { pythonFor } from "./python-environment.ts";
import { printTally, tally } from "./tally.ts";
import { withServer } from "./with-server.ts";

/** A test that hangs is one failure, not the end of the run. */
const testTimeoutSeconds = 180;
/** pytest's exit code for a run with failures; 0 is one without, higher ones are no whole run. */
const PYTEST_TESTS_FAILED = 1;

const suite = {
  repository: "zhengbuqian/milvus",
  folders: ["tests/python_client"],
  has: "tests/python_client/milvus_client",
};

export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      python: { type: "string" },
      pymilvus: { type: "string" },
      level: { type: "string", default: "L0" },
      only: { type: "string", default: "milvus_client" },
      keyword: { type: "string" },
      workers: { type: "string", default: "2" },
      threads: { type: "string", default: "1" },
      port: { type: "string", default: "19530" },
      out: { type: "string" },
    },
  });
  if (positionals.length > 1) {
    console.error("usage: run-python-tests.ts [source] [--pymilvus source] [--python python] [--level L0]");
    return 2;
  }
  const checkout = await checkoutOf(suite, positionals[0]);
  const tests = path.join(checkout, "tests", "python_client");
  const python = values.python ?? (await pythonFor(checkout, values.pymilvus));
  const scratch = await mkdtemp(path.join(tmpdir(), "redkite-conformance-"));
  try {
    const report = path.join(scratch, "report.xml");
    await withServer({ port: Number(values.port), threads: Number(values.threads) }, async () => {
      const { code, stdout } = await runProgram(
        [
          ...[path.resolve(python), "-m", "pytest", values.only, "--tags", values.level],
          ...["--host", "127.0.0.1", "--port", values.port, `--junitxml=${report}`],
          // What the server said stands in the log of a test that failed.
          ...["-o", "junit_logging=log", "-o", "junit_log_passing_tests=False"],
          ...["-p", "no:cacheprovider", "-p", "no:sugar", "--timeout", String(testTimeoutSeconds), "-q"],
          ...(values.workers === "1" ? [] : ["-n", values.workers]),
          ...(values.keyword === undefined ? [] : ["-k", values.keyword]),
        ],
        { cwd: tests, env: { CI_LOG_PATH: scratch }, timeoutMs: 4 * 3_600_000 },
      );
      if (code === null || code > PYTEST_TESTS_FAILED || !existsSync(report))
        throw new Error(`pytest did not come to its end (${code}):\n${stdout.slice(-3000)}`);
    });
    const outcomes = parseJunit(await readFile(report, "utf8"));
    if (values.out !== undefined) await writeFile(values.out, `${JSON.stringify(outcomes, null, 1)}\n`);
    const exclusions = readExclusions(path.join(import.meta.dirname, "exclusions", "python-client.txt"));
    return printTally(`Milvus's Python tests, ${values.level}`, tally(outcomes, exclusions), {
      rateMin: 0.8,
      passedMin: 0,
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
