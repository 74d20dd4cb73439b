// Preloaded into every test file: fails it when its tests are over and a timer, socket, thread or child is still open.
// Without this such a file would hang until the runner's timeout, or hide the leak by being killed.

import { after } from "node:test";

/** Open when the process starts, and not the tests' doing. */
const ours = new Set(["PipeWrap", "TTYWrap", "FSReqCallback", "FSReqPromise", "TickObject", "CloseReq"]);

/** A handle that was just closed needs a few turns of the event loop until it is gone. */
const turnsMax = 20;

/** Threads are not among the active resources. */
const threads = new Set();

if (process.env.NODE_TEST_CONTEXT !== undefined) {
  process.on("worker", (worker) => {
    threads.add(worker);
    worker.once("exit", () => threads.delete(worker));
  });
  after(async () => {
    // At least one turn: a thread that a test has just started is announced behind it.
    let turn = 0;
    do await new Promise((done) => setImmediate(done));
    while (++turn < turnsMax && leaked().length > 0);
    const left = leaked();
    if (left.length > 0) {
      // The handles would keep the process alive; the failure has to be reported first.
      setImmediate(() => setImmediate(() => process.exit(1)));
      throw new Error(`the tests of ${process.argv[1]} left open: ${left.join(", ")}`);
    }
  });
}

function leaked() {
  const handles = process.getActiveResourcesInfo().filter((kind) => !ours.has(kind) && kind !== "Immediate");
  return [...handles, ...Array.from(threads, () => "Worker")];
}
