// Preloaded into every test file: fails it when its tests are over and a timer, socket, thread or child is still open.
// Without this such a file would hang until the runner's timeout, or hide the leak by being killed.

import { after } from "node:test";

/** Open when the process starts, and not the tests' doing. */
const ours = new Set([
  "PipeWrap",
  "TTYWrap",
  "FSReqCallback",
  "FSReqPromise",
  "TickObject",
  "CloseReq",
  "MessagePort",
]);

/** A handle that was just closed needs a few turns of the event loop until it is gone. */
const turnsMax = 20;

if (process.env.NODE_TEST_CONTEXT !== undefined) {
  after(async () => {
    for (let turn = 0; turn < turnsMax && leaked().length > 0; turn++)
      await new Promise((done) => setImmediate(done));
    const left = leaked();
    if (left.length > 0) {
      // The handles would keep the process alive; the failure has to be reported first.
      setImmediate(() => setImmediate(() => process.exit(1)));
      throw new Error(`the tests of this file left open: ${left.join(", ")}`);
    }
  });
}

function leaked() {
  return process.getActiveResourcesInfo().filter((kind) => !ours.has(kind) && kind !== "Immediate");
}
