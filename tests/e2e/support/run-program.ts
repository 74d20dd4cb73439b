import { spawn } from "node:child_process";

export interface ProgramResult {
  /** Null: ended by a signal, or it could not be started. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
}

/** Runs a program to its end; never rejects. */
export function runProgram(
  command: readonly string[],
  { cwd, env, timeoutMs = 300_000 }: ProgramOptions = {},
): Promise<ProgramResult> {
  const [program = "", ...args] = command;
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...inherited, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeoutMs,
      killSignal: "SIGKILL",
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    const result = (code: number | null): ProgramResult => ({
      code,
      stdout: Buffer.concat(out).toString("utf8"),
      stderr: Buffer.concat(err).toString("utf8"),
    });
    child.on("error", (error) => {
      err.push(Buffer.from(error.message));
      resolve(result(null));
    });
    child.on("close", (code) => resolve(result(code)));
  });
}

/** Whether a tool answers when it is asked for its version. */
export async function hasTool(command: readonly string[]): Promise<boolean> {
  return (await runProgram(command, { timeoutMs: 30_000 })).code === 0;
}
