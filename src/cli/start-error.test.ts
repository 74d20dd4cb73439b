import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { diskFailed, folderInUse } from "../errors/storage-errors.ts";
import { diskFull } from "../errors/service-errors.ts";
import { toRedkiteError } from "../errors/status.ts";
import { startErrorSentence } from "./start-error.ts";

function systemError(code: string, more: object = {}): Error {
  return Object.assign(new Error(`${code}: something`), { code, ...more });
}

test("a port in use is named with its address", async () => {
  const first = createServer();
  await new Promise<void>((resolve) => {
    first.listen(0, "127.0.0.1", resolve);
  });
  const { port } = first.address() as { port: number };
  const second = createServer();
  const error = await new Promise<Error>((resolve) => {
    second.on("error", resolve).listen(port, "127.0.0.1");
  });
  first.close();
  assert.match(startErrorSentence(error), new RegExp(`^127\\.0\\.0\\.1:${port} is in use .* --port`));
});

test("a folder that may not be written, a full disk and a held folder say what to do", () => {
  const denied = diskFailed({ path: "/data", operation: "open" }, systemError("EACCES"));
  assert.match(startErrorSentence(denied), /^\/data may not be read and written.*--data/);
  assert.match(startErrorSentence(diskFull({ path: "/data" })), /^the disk is full \(\/data\)/);
  const held = folderInUse({ path: "/data", holder: "process 7 holds it; stop that one first" });
  assert.equal(startErrorSentence(held), "/data is in use: process 7 holds it; stop that one first");
});

test("a defect shows its stack", () => {
  const error = new TypeError("boom");
  assert.equal(startErrorSentence(error), error.stack);
});

test("an error of listening is known after it has come from another thread", () => {
  const error = new Error("listen EADDRINUSE: address already in use 127.0.0.1:19530");
  assert.match(startErrorSentence(toRedkiteError(error)), /^127\.0\.0\.1:19530 is in use by another program/);
  const noAddress = toRedkiteError(new Error("listen EADDRNOTAVAIL: address not available 10.9.9.9"));
  assert.match(startErrorSentence(noAddress), /^10\.9\.9\.9 cannot be listened on/);
});
