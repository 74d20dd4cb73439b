import { test } from "node:test";
import path from "node:path";
import {
  type Environment,
  goProgram,
  javaProgram,
  PYMILVUS_VERSIONS,
  pythonEnvironment,
} from "./support/client-environments.ts";
import { root, startServer } from "./support/server.ts";
import { runSmoke } from "./support/smoke-report.ts";

const programs = path.join(root, "tests", "e2e", "programs");

interface Client {
  readonly name: string;
  readonly checksMin: number;
  readonly environment: () => Promise<Environment>;
  /** Arguments before the server's address. */
  readonly args?: readonly string[];
}

const python = (version: string): Client => ({
  name: `pymilvus ${version}`,
  checksMin: 35,
  environment: () => pythonEnvironment([`pymilvus==${version}`, "numpy==2.3.4"]),
  args: [path.join(programs, "smoke.py")],
});
const node: Client = {
  name: "the Node SDK",
  checksMin: 15,
  environment: async () => ({ kind: "ready", command: [process.execPath] }),
  args: [path.join(programs, "smoke-node.ts")],
};
const go: Client = { name: "the Go SDK", checksMin: 30, environment: goProgram };
const java: Client = { name: "the Java SDK", checksMin: 25, environment: javaProgram };

// Each client meets one server of its own kind; the versions of pymilvus share the numbers of threads between them.
const runs: readonly { readonly threads: number; readonly clients: readonly Client[] }[] = [
  { threads: 1, clients: [python(PYMILVUS_VERSIONS[0]), node, go, java] },
  { threads: 2, clients: [python(PYMILVUS_VERSIONS[1]), node, go] },
];

for (const { threads, clients } of runs) {
  const serving = threads === 1 ? "one serving thread" : `${threads} serving threads`;
  test(`clients work unchanged with ${serving}`, async (t) => {
    await using server = await startServer({ threads });
    for (const { name, checksMin, environment, args = [] } of clients) {
      await t.test(name, async (t) => {
        const made = await environment();
        if (made.kind === "missing") return t.skip(`${name} left out: ${made.why}`);
        await runSmoke(t, [...made.command, ...args, server.address], checksMin);
      });
    }
  });
}
