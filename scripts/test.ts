/**
 * The whole test run, and all that .ci/run calls:
 *
 *     npm test                        every step, each with a line of summary
 *     npm test -- --only unit         one step (or several: --only unit,layers)
 *     npm test -- --quick             what `npm run check` runs
 *
 * Ends with the closing lines of the node test runner, summed over all steps, and `N passed, N failed`.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { TEST_STEPS, type TestStep } from "./test-steps.ts";

const root = path.resolve(import.meta.dirname, "..");

/** What one step came to. A step that is no test run counts as one test. */
interface StepResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
}

export async function main(args: readonly string[]): Promise<number> {
  const steps = selectSteps(args);
  if (typeof steps === "string") {
    console.error(steps);
    return 2;
  }
  const started = performance.now();
  const total = { passed: 0, failed: 0, skipped: 0 };
  const failedSteps: string[] = [];
  const count = async (step: TestStep): Promise<void> => {
    const result = await runStep(step);
    if (result === undefined) return;
    total.passed += result.passed;
    total.failed += result.failed;
    total.skipped += result.skipped;
    if (result.failed > 0) failedSteps.push(step.name);
    const skipped = result.skipped > 0 ? `, ${result.skipped} skipped` : "";
    const verdict = result.failed > 0 ? "FAIL" : "ok  ";
    const counts = `${result.passed} passed, ${result.failed} failed${skipped}`;
    console.log(`${verdict} ${step.name.padEnd(16)} ${counts} (${result.seconds.toFixed(1)} s)`);
  };
  const besides: Promise<void>[] = [];
  for (const step of steps) {
    if (step.beside !== true) await Promise.all(besides.splice(0));
    const counted = count(step);
    if (step.beside === true) besides.push(counted);
    else await counted;
  }
  await Promise.all(besides);
  if (failedSteps.length > 0) console.log(`\nfailed: ${failedSteps.join(", ")}`);
  console.log(closingLines(total, performance.now() - started));
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
}

/** The steps asked for, or what is wrong with the arguments. */
function selectSteps(args: readonly string[]): readonly TestStep[] | string {
  let steps = TEST_STEPS;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (arg === "--quick") steps = steps.filter((step) => step.quick === true);
    else if (arg === "--only" || arg.startsWith("--only=")) {
      const names = (arg === "--only" ? (args[++i] ?? "") : arg.slice("--only=".length)).split(",");
      const unknown = names.find((name) => !TEST_STEPS.some((step) => step.name === name));
      if (unknown !== undefined) {
        return `there is no step "${unknown}"; the steps are: ${TEST_STEPS.map((step) => step.name).join(", ")}`;
      }
      steps = steps.filter((step) => names.includes(step.name));
    } else return `unknown option ${arg}; there are --only <step> and --quick`;
  }
  return steps;
}

async function runStep(step: TestStep): Promise<StepResult | undefined> {
  const missing = step.needs?.find((file) => !existsSync(path.join(root, file)));
  const files = step.testFiles === undefined ? undefined : testFiles(step.testFiles);
  if (missing !== undefined || files?.length === 0) {
    console.log(
      `--   ${step.name.padEnd(16)} nothing to run (${missing ?? step.testFiles?.folders.join(", ")})`,
    );
    return undefined;
  }
  const started = performance.now();
  const command = step.command.map((part) => (part === "node" ? process.execPath : part));
  const result = files === undefined ? await runCommand(command, step) : await runTests(command, files, step);
  return { ...result, seconds: (performance.now() - started) / 1000 };
}

function testFiles({ folders, pattern }: NonNullable<TestStep["testFiles"]>): string[] {
  return folders
    .filter((folder) => existsSync(path.join(root, folder)))
    .flatMap((folder) =>
      readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((name) => pattern.test(path.basename(name)) && !name.includes("fixtures"))
        .map((name) => path.join(folder, name)),
    )
    .sort();
}

type Counts = Omit<StepResult, "seconds">;

async function runCommand(command: readonly string[], step: TestStep): Promise<Counts> {
  const { code, output } = await run(command, step);
  if (code === 0) return { passed: 1, failed: 0, skipped: 0 };
  console.log(output.trimEnd());
  return { passed: 0, failed: 1, skipped: 0 };
}

/**
 * Each file is a process, and what a test leaves open (a timer, a socket, a thread) keeps that process alive: the preloaded
 * check reports it by name and fails the file.
 */
async function runTests(
  command: readonly string[],
  files: readonly string[],
  step: TestStep,
): Promise<Counts> {
  const [node = process.execPath, ...options] = command;
  const script = (name: string) => path.join(root, "scripts", name);
  const reporters = ["spec", script("ended-files.mjs")].flatMap((reporter) => [
    `--test-reporter=${reporter}`,
    "--test-reporter-destination=stdout",
  ]);
  const { code, output } = await run(
    [node, ...options, ...reporters, `--import=${script("leaked-handles.mjs")}`, ...files],
    step,
  );
  const count = (name: string) => Number(new RegExp(`^ℹ ${name} (\\d+)$`, "m").exec(output)?.[1] ?? 0);
  const failed = count("fail") + count("cancelled");
  const failuresStart = output.indexOf("✖ failing tests:");
  if (code !== 0) {
    for (const [line] of output.matchAll(/^✖ .* ended with .*$/gm)) console.log(line);
    console.log(failuresStart < 0 ? output.trimEnd() : output.slice(failuresStart).trimEnd());
  }
  // A runner that dies before it counts anything has failed all the same.
  return {
    passed: count("pass"),
    failed: code !== 0 && failed === 0 ? 1 : failed,
    skipped: count("skipped") + count("todo"),
  };
}

function run(
  command: readonly string[],
  { limitMs = 1_800_000 }: TestStep,
): Promise<{ code: number; output: string }> {
  const [program = "", ...args] = command;
  return new Promise((resolve) => {
    // A process group of its own, so that a step that hangs is ended with all its children.
    const child = spawn(program, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: childEnvironment(),
      detached: true,
    });
    const chunks: Buffer[] = [];
    const end = () => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    };
    const limit = setTimeout(() => {
      chunks.push(Buffer.from(`\nended after ${limitMs / 1000} s\n`));
      end();
    }, limitMs);
    const stop = (signal: NodeJS.Signals) => {
      end();
      process.exit(signal === "SIGINT" ? 130 : 143);
    };
    process.on("SIGINT", stop).on("SIGTERM", stop);
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    const finish = (code: number) => {
      clearTimeout(limit);
      process.off("SIGINT", stop).off("SIGTERM", stop);
      resolve({ code, output: Buffer.concat(chunks).toString("utf8") });
    };
    child.on("error", (error) => {
      chunks.push(Buffer.from(error.message));
      finish(1);
    });
    child.on("close", (code) => finish(code ?? 1));
  });
}

/** Colours and a surrounding test run would change what the child prints. */
function childEnvironment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, FORCE_COLOR: __, ...env } = process.env;
  return { ...env, NO_COLOR: "1" };
}

function closingLines(total: Counts, milliseconds: number): string {
  const lines = {
    tests: total.passed + total.failed + total.skipped,
    suites: 0,
    pass: total.passed,
    fail: total.failed,
    cancelled: 0,
    skipped: total.skipped,
    todo: 0,
    duration_ms: milliseconds,
  };
  return Object.entries(lines)
    .map(([name, value]) => `ℹ ${name} ${value}`)
    .join("\n");
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
