import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

export const root = path.resolve(import.meta.dirname, "..", "..", "..");

/** A server in a process of its own, started the way `npm start` starts it. */
export interface TestServer {
  /** For clients: `127.0.0.1:<port>`. */
  readonly address: string;
  readonly port: number;
  readonly metricsPort: number;
  readonly pid: number;
  readonly dataDir: string;
  /** Milliseconds from the start of the process until it said it is healthy. */
  readonly readyMs: number;
  /** What it printed so far, both streams. */
  output(): string;
  /** SIGTERM, then waits; SIGKILL after half a minute. Resolves to the exit code, null when it had to be killed. */
  stop(): Promise<number | null>;
  /** SIGKILL: what a crash leaves is what was on disk. The data folder stays. */
  kill(): Promise<void>;
  /** Removes the data folder when this helper made it. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ServerOptions {
  /** A folder to keep; without it a fresh one that is removed in the end. */
  readonly dataDir?: string;
  readonly threads?: number;
  /** `key=value`, as after `--set`. */
  readonly settings?: readonly string[];
  readonly port?: number;
  readonly metricsPort?: number;
  readonly readyTimeoutMs?: number;
  /** Runs in place of Node with the start script: for example under `strace` or in a network namespace. */
  readonly wrap?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

const stopTimeoutMs = 30_000;

export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const ownsDir = options.dataDir === undefined;
  const dataDir = options.dataDir ?? (await mkdtemp(path.join(tmpdir(), "redkite-e2e-")));
  const port = options.port ?? (await freePort());
  const metricsPort = options.metricsPort ?? (await freePort());
  const settings = [...(options.settings ?? [])];
  if (options.threads !== undefined) settings.push(`proxy.threads=${options.threads}`);
  const [program = process.execPath, ...args] = [
    ...(options.wrap ?? []),
    process.execPath,
    path.join(root, "scripts", "start.mjs"),
    "run",
    "standalone",
    ...["--data", dataDir, "--port", String(port), "--metrics-port", String(metricsPort)],
    ...settings.flatMap((setting) => ["--set", setting]),
  ];
  const started = performance.now();
  const child = spawn(program, args, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: serverEnvironment(options.env),
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  const output = () => Buffer.concat(chunks).toString("utf8");
  const exited = new Promise<number | null>((resolve) => {
    child.on("error", (error) => {
      chunks.push(Buffer.from(error.message));
      resolve(null);
    });
    child.on("close", (code) => resolve(code));
  });
  let hasExited = false;
  void exited.then(() => (hasExited = true));

  const deadline = performance.now() + (options.readyTimeoutMs ?? 60_000);
  while (!(await isHealthy(metricsPort))) {
    if (hasExited || performance.now() > deadline) {
      child.kill("SIGKILL");
      await exited;
      throw new Error(`the server did not become healthy:\n${output()}`);
    }
    await sleep(20);
  }
  const stop = async () => {
    if (hasExited) return exited;
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
    try {
      return await exited;
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    address: `127.0.0.1:${port}`,
    port,
    metricsPort,
    pid: child.pid ?? 0,
    dataDir,
    readyMs: performance.now() - started,
    output,
    stop,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    async [Symbol.asyncDispose]() {
      await stop();
      if (ownsDir) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export async function isHealthy(metricsPort: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${metricsPort}/healthz`, {
      headers: { connection: "close" },
    });
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false;
  }
}

/** Free when asked; the server that is started next takes it at once. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Settings of the shell that runs the tests must not reach the server, nor the surrounding test runner's own. */
function serverEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
  return { ...env, NO_COLOR: "1", ...extra };
}
