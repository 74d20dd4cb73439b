import { spawn } from "node:child_process";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..", "..");
const READY_MS_MAX = 60_000;

/** A server in its own process, without the set-up of `npm start`. */
export interface CutServer {
  readonly address: string;
  output(): string;
  /** Resolves when the process is gone. */
  readonly ended: Promise<void>;
  /** SIGTERM; resolves when it has ended. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export async function startServer(
  dataDir: string,
  options: { readonly settings?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<CutServer> {
  const { settings = [], env = {} } = options;
  const child = spawn(
    process.execPath,
    [
      ...[path.join(root, "src", "cli", "main.ts"), "run", "standalone", "--data", dataDir],
      ...["--port", "0", "--metrics-port", "0"],
      ...settings.flatMap((setting) => ["--set", setting]),
    ],
    { cwd: root, stdio: ["ignore", "pipe", "pipe"], env: { ...environment(), ...env } },
  );
  let output = "";
  const ready = Promise.withResolvers<string>();
  const onOutput = (chunk: Buffer): void => {
    output += chunk.toString("utf8");
    const address = /serves the Milvus protocol on (\S+)/.exec(output)?.[1];
    if (address !== undefined) ready.resolve(address);
  };
  child.stdout.on("data", onOutput);
  child.stderr.on("data", onOutput);
  const ended = new Promise<void>((resolve) =>
    child.on("close", (code, signal) => {
      output += `the server ended with ${signal ?? `code ${code}`}\n`;
      resolve();
    }),
  );
  void ended.then(() => ready.reject(new Error(`the server ended before it was ready:\n${output}`)));
  const timer = setTimeout(() => child.kill("SIGKILL"), READY_MS_MAX);
  const address = await ready.promise.finally(() => clearTimeout(timer));
  const end = async (signal: "SIGTERM" | "SIGKILL"): Promise<void> => {
    child.kill(signal);
    await ended;
  };
  return {
    address,
    output: () => output,
    ended,
    stop: async () => end("SIGTERM"),
    kill: async () => end("SIGKILL"),
  };
}

function environment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
  return { ...env, NO_COLOR: "1", NODE_COMPILE_CACHE: path.join(root, ".cache", "compile") };
}
