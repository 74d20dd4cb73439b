import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { withServer } from "./with-server.ts";

test("a run during which the server ends is no run", async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const runs: string[] = [];
  await withServer({ port }, async () => void runs.push("whole"));
  const ended = withServer({ port }, async () => {
    runs.push("cut short");
    await new Promise((resolve) => server.close(resolve));
  });
  await assert.rejects(ended, { message: `the server on port ${port} ended during the run` });
  assert.deepEqual(runs, ["whole", "cut short"]);
});
